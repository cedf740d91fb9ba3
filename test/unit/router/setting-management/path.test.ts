import { describe, expect, it } from 'vitest';
import type { SettingAction } from '../../../../host/router/setting-management/events.ts';
import {
  aPacket,
  bothInstalled,
  distributionFor,
  endpoint,
  inUdp,
  packet,
  Rig,
  selector,
  withdrawal,
  words,
} from './rig.ts';

const changes = (rig: Rig) =>
  rig.take().flatMap((action) => (action.kind === 'change' ? [action.change] : []));

const dummies = (actions: readonly SettingAction[]): number =>
  actions.filter(({ kind }) => kind === 'send-dummy').length;

const keepalives = (actions: readonly SettingAction[]) =>
  actions.flatMap((action) => (action.kind === 'send-keepalive' ? [action.to] : []));

/** Asks, and gets SAs in UDP, which both ends have. */
function installed(rig: Rig) {
  const request = rig.ask();
  rig.take();
  rig.receive(inUdp(distributionFor(request)));
  const first = rig.take();
  rig.receive(bothInstalled(request));
  return { request, first };
}

describe('the path of a new pair in UDP', () => {
  it('is opened with dummies at once, again when both ends have the SAs, and again', () => {
    const rig = Rig.up();
    const { first } = installed(rig);
    expect(dummies(first)).toBe(1);
    const times: number[] = [];
    for (; rig.now < 12_000; rig.pass(50)) for (let n = dummies(rig.take()); n > 0; n--) times.push(rig.now);
    expect(times).toEqual([0, 200, 600, 1400, 3000, 6200]);
  });

  it('takes packets once the peer is heard, and answers it with a dummy of its own', () => {
    const rig = Rig.up();
    const { request, first } = installed(rig);
    expect(first).toMatchObject([
      {
        kind: 'change',
        change: { install: [{ use: false, pair: { inbound: { notifyFirstAuthentic: true } } }] },
      },
      { kind: 'release-held' },
      { kind: 'send-dummy', spi: request.spi },
      { kind: 'send', message: { type: 'installed' } },
      { kind: 'log' },
    ]);
    rig.take();
    // What is held asks again and again meanwhile, and the server is not asked for more.
    rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: aPacket });
    expect(rig.take()).toEqual([]);
    rig.handle({ kind: 'first-authentic', spi: request.spi });
    expect(rig.take()).toMatchObject([
      { kind: 'send-dummy' },
      { kind: 'change', change: { use: [request.spi] } },
      { kind: 'release-held', entry: 'to-osaka' },
      { kind: 'log', what: 'in use' },
    ]);
    // The peer may not have heard this router yet: a few more, and no end of the pair.
    rig.pass(60_000);
    expect(dummies(rig.take())).toBe(2);
    expect(rig.machine.status().pairs).toMatchObject([{ role: 'in use' }]);
  });

  it('that works is not tried at a renewal before packets move', () => {
    const rig = Rig.up();
    const { spi } = rig.installInUdp();
    rig.handle({ kind: 'renew', spi });
    const next = rig.lastRequest();
    rig.take();
    rig.receive(inUdp(distributionFor(next)));
    rig.receive(bothInstalled(next));
    expect(changes(rig)).toMatchObject([{ install: [{ use: false }] }, { use: [next.spi] }]);
  });

  it('that never works is given up, reported and refused for longer each time', () => {
    const rig = Rig.up();
    const blockedFor: number[] = [];
    for (let round = 0; round < 3; round++) {
      const { request } = installed(rig);
      rig.take();
      rig.pass(12_599);
      expect(rig.machine.status().pairs.length).toBe(1);
      rig.pass(1);
      expect(words(rig.actions).slice(-3)).toEqual([
        'change(block remove)',
        'send(report)',
        'drop-held(no response)',
      ]);
      expect(rig.sent('report')).toMatchObject([{ what: 'no-path', id: request.id, spi: request.spi }]);
      const [entry] = rig.machine.status().entries;
      expect(entry).toMatchObject({ failure: 'no response' });
      expect(entry?.failureDetail).toBe(
        'no path between the addresses that are seen: nothing comes from osaka at 203.0.113.2:4500; a NAT in between lets none of it in',
      );
      const until = entry?.blocked[0]?.until ?? 0;
      blockedFor.push(until - rig.now);
      rig.receive(withdrawal([request.id]));
      rig.pass(until - rig.now);
      rig.take();
    }
    expect(blockedFor).toEqual([5_000, 10_000, 20_000]);
  });

  it('that worked once is refused for a short time again when it fails', () => {
    const rig = Rig.up();
    const fail = (): number => {
      const { request } = installed(rig);
      rig.pass(12_600);
      const until = rig.machine.status().entries[0]?.blocked[0]?.until ?? 0;
      const blockedMs = until - rig.now;
      rig.receive(withdrawal([request.id]));
      rig.pass(blockedMs);
      rig.take();
      return blockedMs;
    };
    expect([fail(), fail()]).toEqual([5_000, 10_000]);
    const { id } = rig.installInUdp();
    expect(rig.machine.status().entries[0]?.failure).toBe(null);
    rig.receive(withdrawal([id]));
    rig.take();
    expect(fail()).toBe(5_000);
  });

  it('is not given up before the server says that both ends have the SAs', () => {
    const rig = Rig.up();
    const request = rig.ask();
    rig.receive(inUdp(distributionFor(request)));
    rig.pass(30_000);
    expect(rig.machine.status().pairs.length).toBe(1);
    rig.take();
    rig.receive(bothInstalled(request));
    rig.pass(12_000);
    expect(dummies(rig.take())).toBe(6);
    rig.pass(600);
    expect(rig.machine.status().pairs).toEqual([]);
  });

  it('is given up when the peer gives it up, in the words of the server', () => {
    const rig = Rig.up();
    const { request } = installed(rig);
    rig.pass(12_000);
    rig.take();
    rig.receive(withdrawal([request.id]));
    expect(words(rig.take())).toEqual(['change(block remove)', 'drop-held(no response)', 'send(withdrawn)']);
    const [entry] = rig.machine.status().entries;
    expect(entry).toMatchObject({ failure: 'no response', failureDetail: 'the policy changed' });
    expect(entry?.blocked.length).toBe(1);
  });

  it('is not blamed for what is withdrawn while it is tried', () => {
    const rig = Rig.up();
    const { request } = installed(rig);
    rig.pass(3_000);
    rig.take();
    rig.receive(withdrawal([request.id]));
    expect(rig.machine.status().entries).toMatchObject([{ failure: null, blocked: [] }]);
  });

  it('does not keep packets of another kind from asking', () => {
    const rig = Rig.up();
    const request = rig.ask();
    rig.receive(inUdp(distributionFor(request, { selectors: [selector('10.1.0.0/24', '10.2.0.0/24')] })));
    rig.take();
    rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: packet('10.1.7.1', '10.2.7.1') });
    expect(words(rig.take())).toEqual(['change(reserve)', 'send(request)']);
  });

  it('that never works drops no packets of another kind', () => {
    const rig = Rig.up();
    const request = rig.ask();
    rig.receive(inUdp(distributionFor(request, { selectors: [selector('10.1.0.0/24', '10.2.0.0/24')] })));
    rig.receive(bothInstalled(request));
    rig.pass(12_600);
    expect(words(rig.actions).slice(-3)).toEqual(['change(block remove)', 'send(report)', 'release-held']);
  });

  it('of a raw pair is not tried: it is used at once', () => {
    const rig = Rig.up();
    const request = rig.ask();
    rig.take();
    rig.receive(distributionFor(request));
    expect(dummies(rig.actions)).toBe(0);
    expect(changes(rig)).toMatchObject([{ install: [{ use: true }] }]);
  });
});

describe('the place of a peer', () => {
  const told = (port: number, address = '203.0.113.2') =>
    ({
      type: 'endpoint',
      id: '1111111111111111',
      source: 'tokyo',
      peer: 'osaka',
      kind: '',
      endpoint: endpoint(address, port),
    }) as const;

  it('that its packets show holds at a renewal, and against what the server said before', () => {
    const rig = Rig.up();
    const { spi } = rig.installInUdp();
    const shown = endpoint('203.0.113.2', 61_234);
    rig.handle({ kind: 'peer-moved', spi, from: shown });
    rig.take();
    rig.receive(told(4500));
    // Another port at the address that its packets come from is the server's mapping, not ours.
    rig.receive(told(4501));
    expect(changes(rig)).toEqual([]);
    rig.handle({ kind: 'renew', spi });
    const next = rig.lastRequest();
    rig.take();
    rig.receive(inUdp(distributionFor(next, { peerEndpoint: endpoint('203.0.113.2', 4501) })));
    expect(changes(rig)).toMatchObject([{ install: [{ pair: { outbound: { peer: shown } } }] }]);
  });

  it('changes with all of its SAs when the server sees it at another address', () => {
    const rig = Rig.up();
    const { spi } = rig.installInUdp();
    rig.handle({ kind: 'peer-moved', spi, from: endpoint('203.0.113.2', 61_234) });
    rig.take();
    rig.receive(told(4500, '198.51.100.77'));
    rig.receive(told(4500, '198.51.100.77'));
    expect(changes(rig)).toEqual([{ move: [{ spi, peer: endpoint('198.51.100.77') }] }]);
    rig.handle({ kind: 'renew', spi });
    const next = rig.lastRequest();
    rig.take();
    rig.receive(inUdp(distributionFor(next, { peerEndpoint: endpoint('198.51.100.78') })));
    const [moved, installing] = changes(rig);
    expect(moved).toEqual({ move: [{ spi, peer: endpoint('198.51.100.78') }] });
    expect(installing).toMatchObject({
      install: [{ pair: { outbound: { peer: endpoint('198.51.100.78') } } }],
    });
  });

  it('of the other family moves no SA', () => {
    const rig = Rig.up();
    rig.installInUdp();
    rig.receive({ ...told(4500), endpoint: endpoint('2001:db8::7') });
    expect(changes(rig)).toEqual([]);
  });

  it('is forgotten with its last SAs', () => {
    const rig = Rig.up();
    const { id, spi } = rig.installInUdp();
    rig.handle({ kind: 'peer-moved', spi, from: endpoint('203.0.113.2', 61_234) });
    rig.receive(withdrawal([id]));
    const request = rig.ask();
    rig.take();
    rig.receive(inUdp(distributionFor(request)));
    expect(changes(rig)).toMatchObject([
      { install: [{ pair: { outbound: { peer: endpoint('203.0.113.2') } } }] },
    ]);
  });
});

describe('a router that moves', () => {
  it('shows its place to each peer with SAs in UDP, a few times, through one of them', () => {
    const rig = Rig.up();
    const { spi } = rig.installInUdp();
    rig.handle({ kind: 'local-moved', behindNat: false, ownAddress: true });
    rig.pass(30_000);
    const sent = rig.take().filter((action) => action.kind === 'send-dummy');
    expect(sent).toEqual(Array.from({ length: 4 }, () => ({ kind: 'send-dummy', spi })));
    expect(rig.machine.status().pairs).toMatchObject([{ inboundSpi: spi, role: 'in use' }]);
  });

  it('gives SAs of AH up, which are bound to the address, and leaves raw ones as they are', () => {
    const rig = Rig.up();
    rig.install();
    rig.handle({ kind: 'local-moved', behindNat: false, ownAddress: true });
    expect(words(rig.take())).toEqual([]);
    const other = Rig.up();
    const request = other.ask();
    const distribution = distributionFor(request);
    const ah = {
      ...distribution,
      policy: { ...distribution.policy, protocol: 'ah' as const, proposal: 'aes256gmac' },
    };
    other.receive(ah);
    other.take();
    // What a NAT makes of the address may change; AH covers the address itself.
    other.handle({ kind: 'local-moved', behindNat: false, ownAddress: false });
    expect(words(other.take())).toEqual([]);
    other.handle({ kind: 'local-moved', behindNat: false, ownAddress: true });
    expect(words(other.take())).toEqual(['change(remove)', 'send(report)']);
  });
});

describe('behind a NAT', () => {
  it('a keepalive goes to each peer with SAs in UDP, to where it is, while there are any', () => {
    const rig = new Rig();
    rig.handle({ kind: 'channel-up', behindNat: true });
    const { id, spi } = rig.installInUdp();
    rig.handle({ kind: 'peer-moved', spi, from: endpoint('203.0.113.2', 61_234) });
    rig.take();
    rig.pass(65_000);
    expect(keepalives(rig.take())).toEqual(Array.from({ length: 3 }, () => endpoint('203.0.113.2', 61_234)));
    rig.receive(withdrawal([id]));
    rig.pass(65_000);
    expect(keepalives(rig.take())).toEqual([]);
    expect(rig.machine.nextDeadline()).toBeUndefined();
  });

  it('keepalives begin when the router comes behind one, and end when it leaves', () => {
    const rig = Rig.up();
    rig.installInUdp();
    rig.pass(65_000);
    expect(keepalives(rig.take())).toEqual([]);
    rig.handle({ kind: 'channel-up', behindNat: true });
    rig.pass(25_000);
    expect(keepalives(rig.take()).length).toBe(1);
    rig.handle({ kind: 'channel-up', behindNat: false });
    rig.pass(65_000);
    expect(keepalives(rig.take())).toEqual([]);
  });

  it('no keepalive goes to a peer with raw SAs', () => {
    const rig = new Rig();
    rig.handle({ kind: 'channel-up', behindNat: true });
    rig.install();
    rig.pass(65_000);
    expect(keepalives(rig.take())).toEqual([]);
  });
});
