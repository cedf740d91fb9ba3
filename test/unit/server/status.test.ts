import { describe, expect, it } from 'vitest';
import { managementRowSchema, policyRowSchema, serverStatusSchema } from '../../../host/model/status.ts';
import { PolicySet } from '../../../host/server/distribution-policies/policy-set.ts';
import { managementRows, policyRows, serverStatus } from '../../../host/server/status.ts';
import {
  endpoint,
  type Network,
  packet,
  policy,
  prefix,
  type SimulatedServer,
  selector,
  twoSites,
} from '../../simulation/end-to-end/network.ts';

const sites = [
  { name: 'tokyo', networks: [prefix('10.1.0.0/24')], proposals: undefined },
  { name: 'osaka', networks: [prefix('10.2.0.0/24')], proposals: undefined },
  { name: 'nagoya', networks: [prefix('10.3.0.0/24')], proposals: undefined },
];
const policies = new PolicySet(sites, [
  policy('mail', ['tokyo', 'osaka'], { selectors: [selector('10.1.0.0/24', '10.2.0.9/32')], revision: 4 }),
  policy('all', ['*', '*']),
]);

function server(network: Network): SimulatedServer {
  if (network.server === undefined) throw new Error('there is no server');
  return network.server;
}

function status(network: Network, problem: string | null = null) {
  const shown = serverStatus({
    server: server(network).server,
    processing: server(network).processing,
    policies,
    identity: 'office',
    software: '1.2.3',
    file: 'server.yaml',
    problem,
    startedAt: 1_000_000,
    loadedAt: network.now - 500,
    now: network.now,
  });
  return serverStatusSchema.parse(JSON.parse(JSON.stringify(shown)));
}

describe("the server's status", () => {
  it('has every enrolled router, with its channel or without', () => {
    const network = twoSites();
    network.pass(3);
    expect(status(network).routers[0]?.rekeyings).toMatchObject({
      ikeSa: { count: 0 },
      childSa: { count: 0 },
    });
    expect(status(network).routers[0]?.rekeyings?.ikeSa.nextSeconds).toBeGreaterThan(0.88 * 14_400 - 4);
    expect(status(network)).toMatchObject({
      role: 'server',
      name: 'office',
      uptimeSeconds: 3,
      policies: { file: 'server.yaml', count: 2, loadedSecondsAgo: 1, problem: null },
      routers: [
        { name: 'tokyo', channel: 'up', endpoint: '192.0.2.1:4500', behindNat: false, software: 'test' },
        { name: 'osaka', channel: 'up', endpoint: '198.51.100.1:4500' },
        {
          name: 'nagoya',
          channel: 'down',
          endpoint: null,
          rekeyings: null,
          sinceSeconds: null,
          software: '',
        },
      ],
      entries: {},
    });
  });

  it('has since when a channel is lost, and why, and keeps where its router was last seen', () => {
    const network = twoSites();
    network.pass(3);
    network.routers.get('osaka')?.send(packet('10.2.0.9', '10.1.0.9', 1));
    network.pass(1);
    // Its process is killed; the server asks after a minute of silence and gives up after some more seconds.
    network.routers.delete('osaka');
    network.pass(600);
    const [tokyo, osaka] = status(network).routers;
    expect(tokyo).toMatchObject({ channel: 'up', detail: '' });
    expect(osaka).toMatchObject({ channel: 'down', endpoint: '198.51.100.1:4500', detail: 'no-response' });
    expect(osaka?.sinceSeconds).toBeGreaterThan(500);
    expect(osaka?.sinceSeconds).toBeLessThan(541);
    const [row] = managementRows(server(network).processing, network.now);
    expect(row).toMatchObject({ source: 'osaka', peer: 'tokyo', state: 'both-installed' });
    expect(row).toMatchObject({ sourceLostSeconds: osaka?.sinceSeconds, peerLostSeconds: null });
  });

  it('counts entries by state, messages, drops, and refused IKE by reason', () => {
    const network = twoSites();
    network.pass(1);
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(1);
    const stranger = endpoint('203.0.113.99');
    server(network).server.datagram(new Uint8Array(7), stranger, network.serverEndpoint);
    server(network).server.datagram(new Uint8Array(40), stranger, network.serverEndpoint);
    const { entries, messages, drops } = status(network);
    expect(entries).toEqual({ 'both-installed': 1 });
    expect(messages).toMatchObject({ 'hello received': 2, 'request received': 2, 'distribution sent': 2 });
    expect(drops).toEqual({ 'datagram too short': 1 });
    expect(Object.keys(messages).filter((key) => key.startsWith('ike refused: '))).toHaveLength(1);
  });

  it('says what is wrong with the file as it is now', () => {
    const network = twoSites();
    expect(status(network, 'server.yaml:3:1: …').policies.problem).toBe('server.yaml:3:1: …');
  });
});

describe('the management table, shown', () => {
  it('has one row for a pair, with SPIs and remaining time and without keys', () => {
    const network = twoSites();
    network.pass(1);
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(100);
    const rows = managementRows(server(network).processing, network.now);
    expect(managementRowSchema.array().parse(JSON.parse(JSON.stringify(rows)))).toHaveLength(1);
    const [row] = rows;
    expect([row?.source, row?.peer].sort()).toEqual(['osaka', 'tokyo']);
    expect(row).toMatchObject({ kind: 'all', state: 'both-installed', holdsKeys: false });
    expect(row?.remainingSeconds).toBeGreaterThan(3480);
    expect(row?.remainingSeconds).toBeLessThanOrEqual(3500);
    const pairs = network.routers.get('tokyo')?.router.settings.status().pairs ?? [];
    expect([row?.sourceSpi, row?.peerSpi]).toContain(pairs[0]?.inboundSpi);
  });
});

describe('the policies, shown', () => {
  it('stand in the order of the file, a line for each selector', () => {
    const rows = policyRowSchema.array().parse(JSON.parse(JSON.stringify(policyRows(policies))));
    expect(rows).toMatchObject([
      { kind: 'mail', between: ['tokyo', 'osaka'], selectors: ['10.1.0.0/24 <-> 10.2.0.9/32'], revision: 4 },
      { kind: 'all', between: ['*', '*'], selectors: [], proposal: 'aes256gcm16', lifetimeSeconds: 3600 },
    ]);
  });
});
