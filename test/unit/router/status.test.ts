import { describe, expect, it } from 'vitest';
import type { EngineSnapshot, SpdRow } from '../../../host/dataplane/snapshot.ts';
import { routerStatusSchema } from '../../../host/model/status.ts';
import { mergedSpd, routerStatus } from '../../../host/router/status.ts';
import { type Network, packet, type SimulatedRouter, twoSites } from '../../simulation/end-to-end/network.ts';

function tokyo(network: Network): SimulatedRouter {
  const router = network.routers.get('tokyo');
  if (router === undefined) throw new Error('there is no tokyo');
  return router;
}

function status(network: Network) {
  const { router, dataplane } = tokyo(network);
  const shown = routerStatus({
    router,
    name: 'tokyo',
    software: '1.2.3',
    serverIdentity: 'server',
    serverEndpoint: network.serverEndpoint,
    problem: null,
    startedAt: 1_000_000,
    now: network.now,
    snapshots: [dataplane.snapshot(network.now)],
    bundles: {
      tcpFromHosts: true,
      udpFromHosts: false,
      udpToHosts: false,
      severalFromHosts: false,
      toPeers: true,
      fromPeers: true,
    },
  });
  // As it goes over the control socket: JSON must be able to carry it, and the reader must take it.
  return routerStatusSchema.parse(JSON.parse(JSON.stringify(shown)));
}

describe("a router's status", () => {
  it('is idle with a channel, before anybody sent anything', () => {
    const network = twoSites();
    network.pass(2.4);
    expect(status(network)).toMatchObject({
      role: 'router',
      name: 'tokyo',
      software: '1.2.3',
      uptimeSeconds: 2,
      channel: {
        state: 'up',
        server: 'server',
        endpoint: '203.0.113.1:4500',
        sinceSeconds: 2,
        detail: '',
        rekeyings: { ikeSa: { count: 0 }, childSa: { count: 0 } },
      },
      entries: [{ name: 'to-osaka', action: 'PROTECT', requestPeer: 'osaka', state: 'idle', failure: null }],
      heldPackets: 0,
    });
  });

  it('is requesting while packets wait, and ready with the kind when they went', () => {
    const network = twoSites();
    network.pass(1);
    tokyo(network).send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(0.001);
    expect(status(network)).toMatchObject({ entries: [{ state: 'requesting' }], heldPackets: 1 });
    network.pass(1);
    const ready = status(network);
    expect(ready).toMatchObject({ entries: [{ state: 'ready', detail: 'all' }], heldPackets: 0 });
    expect(ready.messages).toMatchObject({ 'hello sent': 1, 'request sent': 1, 'distribution received': 1 });
    expect(ready.channel.rekeyings?.childSa.nextSeconds).toBeGreaterThan(2500);
    expect(ready.channel.rekeyings?.ikeSa.nextSeconds).toBeGreaterThan(10_000);
    tokyo(network).router.renew(undefined);
    expect(status(network).entries).toMatchObject([{ state: 'ready', detail: 'all, renewing' }]);
  });

  it('says why an entry has no SA, with the word of the server', () => {
    const network = twoSites();
    network.pass(1);
    network.routers.delete('osaka');
    tokyo(network).send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(31);
    const { entries } = status(network);
    expect(entries).toMatchObject([{ state: 'failed', failure: 'no response' }]);
    expect(entries[0]?.detail).toContain('osaka');
  });

  it('says why the channel is not up', () => {
    const network = twoSites();
    network.server = undefined;
    network.pass(120);
    const { channel } = status(network);
    expect(channel.state).not.toBe('up');
    expect(channel.detail).not.toBe('');
    expect(channel.rekeyings).toBeNull();
  });

  it('shows counts of any size as decimal digits, and no key', () => {
    const network = twoSites();
    network.pass(1);
    tokyo(network).send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(1);
    const { counters, drops } = status(network);
    expect(Object.values(counters).length).toBeGreaterThan(4);
    for (const count of [...Object.values(counters), ...Object.values(drops)]) expect(count).toMatch(/^\d+$/);
    expect(JSON.stringify(status(network))).not.toContain('secret of tokyo');
  });
});

describe('the SPD of all workers', () => {
  const rows = (...states: readonly [entry: string, kind: string, state: SpdRow['state'], spi?: number][]) =>
    states.map(
      ([entry, kind, state, spi = null], order): SpdRow => ({
        ...{ order, entry, kind, state, spi, selector: '', action: 'PROTECT' },
      }),
    );
  const of = (spd: readonly SpdRow[]): EngineSnapshot => ({
    ...{ counters: {}, drops: {}, spd, sad: [], generation: 0, activeBank: 0, heldPackets: 0 },
  });

  it('is that of the one, in its order of kinds', () => {
    const spd = rows(
      ['a', 'first', 'acquire'],
      ['a', 'second', 'sa', 1],
      ['a', '', 'acquire'],
      ['b', '', 'acquire'],
    );
    expect(mergedSpd([of(spd)])).toEqual(spd);
  });

  it('has the SAs of each, and once what all have', () => {
    const first = rows(['a', 'all', 'sa', 1], ['a', '', 'acquire'], ['b', '', 'acquire']);
    const second = rows(
      ['a', 'all', 'sa', 2],
      ['a', '', 'acquire'],
      ['b', 'all', 'sa', 3],
      ['b', '', 'acquire'],
    );
    expect(mergedSpd([of(first), of(second)])).toEqual(
      rows(
        ['a', 'all', 'sa', 1],
        ['a', 'all', 'sa', 2],
        ['a', '', 'acquire'],
        ['b', 'all', 'sa', 3],
        ['b', '', 'acquire'],
      ),
    );
  });
});
