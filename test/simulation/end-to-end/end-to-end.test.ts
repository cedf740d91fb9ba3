import { describe, expect, it } from 'vitest';
import { PolicySet } from '../../../host/server/distribution-policies/policy-set.ts';
import {
  manyNetworks,
  Network,
  overlappingEntries,
  packet,
  packet6,
  policy,
  prefix,
  SimulatedServer,
  startOsaka,
  startTokyo,
  twoSites,
} from './network.ts';

/** The numbers in the packets that came out at a router. */
function numbers(network: Network, router: string): number[] {
  return network.delivered
    .filter((one) => one.router === router)
    .map((one) => new DataView(one.packet.buffer, one.packet.byteOffset).getUint32(28));
}

describe('the shells, with real IKE and real ESP', () => {
  it('carry the first packet after two round trips to the server, and lose nothing', () => {
    const network = twoSites();
    network.pass(1);
    const sentAt = network.now;
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(0.1);
    expect(numbers(network, 'osaka')).toEqual([1]);
    // request, startup, request, distribution, ESP: five ways of 1 ms.
    expect((network.delivered[0]?.at ?? 0) - sentAt).toBe(5);
  });

  it('carry packets both ways through one pair of SAs', () => {
    const network = twoSites();
    network.pass(1);
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(0.1);
    network.routers.get('osaka')?.send(packet('10.2.0.9', '10.1.0.9', 2));
    network.pass(0.1);
    expect(numbers(network, 'tokyo')).toEqual([2]);
    expect(network.server?.processing.table(network.now)).toMatchObject([
      { state: 'both-installed', holdsKeys: false },
    ]);
  });

  it('carry the longest setting messages, with 64 selectors of IPv6', () => {
    const network = manyNetworks(64);
    network.pass(1);
    network.routers.get('tokyo')?.send(packet6('fd00:1:63::9', 'fd00:2:63::9'));
    network.pass(0.5);
    expect(network.delivered.map(({ router }) => router)).toEqual(['osaka']);
    const [row] = network.server?.processing.table(network.now) ?? [];
    expect(row).toMatchObject({ state: 'both-installed' });
    expect(row?.selectors).toHaveLength(64);
  });

  it('find the entry that the packet is for, where the entries for a peer overlap', () => {
    const network = overlappingEntries();
    network.pass(1);
    for (let turn = 0; turn < 20; turn++) {
      network.routers.get('tokyo')?.send(packet6('fd00:1::9', 'fd00:2::9'));
      network.pass(0.05);
    }
    expect(network.delivered).toHaveLength(20);
    expect(network.server?.processing.table(network.now)).toHaveLength(1);
    expect(network.routers.get('osaka')?.router.settings.status().pairs).toMatchObject([{ entry: 'rest' }]);
  });

  it('come to one pair when both ends ask at once', () => {
    const network = twoSites();
    network.pass(1);
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    network.routers.get('osaka')?.send(packet('10.2.0.9', '10.1.0.9', 2));
    network.pass(1);
    expect(numbers(network, 'osaka')).toEqual([1]);
    expect(numbers(network, 'tokyo')).toEqual([2]);
    expect(network.server?.processing.table(network.now)).toHaveLength(1);
  });

  it('lose no packet in 50 renewals under traffic, and never use a sequence number of an SA twice', () => {
    const network = twoSites();
    network.pass(1);
    let number = 0;
    for (let renewal = 0; renewal < 50; renewal++) {
      network.routers.get(renewal % 2 === 0 ? 'tokyo' : 'osaka')?.router.renew(undefined);
      for (let step = 0; step < 20; step++) {
        number++;
        network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', number));
        network.routers.get('osaka')?.send(packet('10.2.0.9', '10.1.0.9', number));
        network.pass(0.001);
      }
    }
    network.pass(1);
    const all = Array.from({ length: number }, (_, index) => index + 1);
    expect(numbers(network, 'osaka')).toEqual(all);
    expect(numbers(network, 'tokyo')).toEqual(all);
    const seen = network.wire.map(({ esp }) => Buffer.from(esp.subarray(0, 8)).toString('hex'));
    expect(new Set(seen).size).toBe(seen.length);
    expect(new Set(seen.map((one) => one.slice(0, 8))).size).toBeGreaterThanOrEqual(100);
  });

  it('recover when a router is killed and started again', () => {
    const network = twoSites();
    network.pass(1);
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(1);
    startOsaka(network, 2);
    network.pass(1);
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 2));
    network.pass(1);
    expect(numbers(network, 'osaka')).toEqual([1, 2]);
  });

  it('carry traffic on while the server is down, and serve new requests as soon as it is back', () => {
    const network = twoSites();
    network.pass(1);
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(1);
    const disk = network.server?.disk;
    network.server = undefined;
    network.pass(5);
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 2));
    network.pass(1);
    const sites = ['tokyo', 'osaka'].map((name, index) => ({
      name,
      networks: [prefix(`10.${index + 1}.0.0/24`)],
      proposals: undefined,
    }));
    const policies = new PolicySet(sites, [policy('all', ['*', '*'])]);
    const back = new SimulatedServer(network, policies, disk, 2);
    back.server.announce([...network.routers.values()].map(({ local }) => local));
    network.pass(0.2);
    network.routers.get('tokyo')?.router.renew(undefined);
    network.pass(1);
    expect(numbers(network, 'osaka')).toEqual([1, 2]);
    const states = back.processing.table(network.now).map(({ state }) => state);
    expect(states).toEqual(['both-installed', 'both-installed']);
  });

  it('answer "no corresponding entry" where the server has no policy', () => {
    const network = new Network();
    const sites = [{ name: 'tokyo', networks: [prefix('10.1.0.0/24')], proposals: undefined }];
    new SimulatedServer(network, new PolicySet(sites, [policy('all', ['*', '*'])]));
    const tokyo = startTokyo(network);
    network.pass(1);
    tokyo.send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(0.1);
    expect(tokyo.router.settings.status().entries[0]?.failure).toBe('no corresponding entry');
    expect(tokyo.dropped).toEqual(['to-osaka']);
  });

  it('say "no response" with the server\'s word when the peer is down', () => {
    const network = twoSites();
    network.pass(1);
    network.routers.delete('osaka');
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(29);
    expect(network.routers.get('tokyo')?.router.settings.status().entries[0]?.failure).toBe(null);
    network.pass(2);
    const [entry] = network.routers.get('tokyo')?.router.settings.status().entries ?? [];
    expect(entry?.failure).toBe('no response');
    expect(entry?.failureDetail).toContain('osaka');
  });
});
