import { describe, expect, it } from 'vitest';
import type { TableChange } from '../../../../host/dataplane/engine.ts';
import type { Distribution } from '../../../../host/messages/message.ts';
import type { SettingAction } from '../../../../host/router/setting-management/events.ts';
import { bothInstalled, distributionFor, packet, pending, Rig, selector, startup, words } from './rig.ts';

function installedBy(actions: readonly SettingAction[]): NonNullable<TableChange['install']> {
  return actions.flatMap((action) => (action.kind === 'change' ? (action.change.install ?? []) : []));
}

function isWiped(distribution: Distribution): boolean {
  return [distribution.inbound, distribution.outbound].every(({ encryptionKey }) =>
    encryptionKey.reveal().every((octet) => octet === 0),
  );
}

describe('a distribution', () => {
  it('installs, lets the held packets go, and answers, in this order', () => {
    const rig = Rig.up();
    const request = rig.ask();
    const distribution = distributionFor(request);
    const actions = rig.receive(distribution);
    expect(words(actions)).toEqual(['change(install)', 'release-held', 'send(installed)']);
    const [{ pair, use } = { pair: undefined, use: false }] = installedBy(actions);
    expect(use).toBe(true);
    expect(pair).toMatchObject({ entry: 'to-osaka', kind: 'all', deliver: 'network' });
    expect(pair?.inbound).toMatchObject({ direction: 'inbound', spi: request.spi, localPort: 4500 });
    expect(pair?.outbound).toMatchObject({ direction: 'outbound', spi: distribution.outbound.spi });
    expect(pair?.inbound.keys.encryptionKey).toBe(distribution.inbound.encryptionKey);
    expect(pair?.outbound.keys.encryptionKey).toBe(distribution.outbound.encryptionKey);
    // The engine takes the keys over and wipes them; the machine leaves them alone.
    expect(isWiped(distribution)).toBe(false);
    expect(rig.machine.status().requests).toEqual([]);
  });

  it('is installed once and answered each time', () => {
    const rig = Rig.up();
    const request = rig.ask();
    rig.receive(distributionFor(request));
    for (let turn = 0; turn < 3; turn += 1) {
      const again = distributionFor(request);
      expect(words(rig.receive(again))).toEqual(['send(installed)']);
      expect(isWiped(again)).toBe(true);
    }
    rig.receive(bothInstalled(request));
    expect(words(rig.receive(distributionFor(request)))).toEqual(['send(installed)']);
  });

  it.each<[string, (good: Distribution) => Distribution]>([
    ['for an id that is not under way', (good) => ({ ...good, id: '0123456789abcdef' })],
    [
      'with another SPI than asked for',
      (good) => ({ ...good, inbound: { ...good.inbound, spi: good.inbound.spi + 16 } }),
    ],
    ['for another peer', (good) => ({ ...good, peer: 'kyoto' })],
    ['for another router', (good) => ({ ...good, source: 'nara' })],
    ['without a kind', (good) => ({ ...good, kind: '' })],
  ])('%s changes nothing, and its keys are wiped', (_, spoil) => {
    const rig = Rig.up();
    const request = rig.ask();
    const distribution = spoil(distributionFor(request));
    expect(words(rig.receive(distribution)).filter((word) => word !== 'send(report)')).toEqual([]);
    expect(isWiped(distribution)).toBe(true);
    expect(rig.machine.status().requests).toHaveLength(1);
    expect(words(rig.receive(distributionFor(request)))[0]).toBe('change(install)');
  });

  it('for a request that was given up is reported, so that the peer does not keep its half', () => {
    const rig = Rig.up();
    const late = distributionFor({ ...rig.ask(), id: '0123456789abcdef', spi: 0x7000 });
    rig.receive(late);
    rig.receive(late);
    expect(rig.sent('report')).toMatchObject([
      { what: 'sa-deleted', id: late.id, spi: 0x7000, peer: 'osaka' },
    ]);
  });

  it('is narrowed to the SPD entry', () => {
    const rig = Rig.up();
    const actions = rig.receive(
      distributionFor(rig.ask(packet('10.1.3.1', '10.2.0.1')), {
        selectors: [selector('10.1.3.0/24', '10.0.0.0/8', { protocol: 17 })],
      }),
    );
    expect(installedBy(actions)[0]?.pair.inbound.selectors).toEqual([
      selector('10.1.3.0/24', '10.2.0.0/16', { protocol: 17 }),
    ]);
  });

  it('that leaves the packet out which asked for it is refused and given back, so that it does not ask for ever', () => {
    const rig = Rig.up();
    const actions = rig.receive(
      distributionFor(rig.ask(packet('10.1.3.1', '10.2.0.1', { protocol: 1 })), {
        selectors: [selector('10.1.0.0/16', '10.2.0.0/16', { protocol: 17 })],
      }),
    );
    expect(installedBy(actions)).toEqual([]);
    expect(words(actions)).toContain('send(report)');
    expect(rig.machine.status().entries[0]).toMatchObject({
      failure: 'refused',
      blocked: [{ selectors: ['10.1.3.1/32 <-> 10.2.0.1/32 icmp'] }],
    });
  });

  it('with other selectors than one of a moment ago is refused: two conversations do not take an entry from each other', () => {
    const rig = Rig.up();
    const half = (third: number) => ({ selectors: [selector('10.1.0.0/16', `10.2.${third}.0/24`)] });
    rig.receive(distributionFor(rig.ask(packet('10.1.0.1', '10.2.1.1')), half(1)));
    expect(
      installedBy(rig.receive(distributionFor(rig.ask(packet('10.1.0.1', '10.2.2.1')), half(2)))),
    ).toEqual([]);
    expect(rig.machine.status().entries[0]).toMatchObject({ failure: 'refused' });
    rig.pass(70_000);
    const later = rig.receive(distributionFor(rig.ask(packet('10.1.0.1', '10.2.2.1')), half(2)));
    expect(installedBy(later)).toHaveLength(1);
  });

  it('that has nothing in common with the SPD entry is refused and reported', () => {
    const rig = Rig.up();
    const distribution = distributionFor(rig.ask(), { selectors: [selector('10.9.0.0/16', '10.2.0.0/16')] });
    expect(words(rig.receive(distribution))).toEqual([
      'send(report)',
      'change(block release)',
      'drop-held(refused)',
    ]);
    expect(rig.sent('report').at(-1)).toMatchObject({ what: 'selectors-disjoint', id: distribution.id });
    expect(isWiped(distribution)).toBe(true);
  });

  it.each<[string, Partial<Distribution['policy']>, Partial<Distribution>]>([
    ['an unknown proposal', { proposal: 'rot13' }, {}],
    ['keys of other lengths', { proposal: 'aes128-sha256' }, {}],
    ['a proposal of ESP for AH', { protocol: 'ah', encapsulation: 'raw' }, {}],
    ['AH in UDP', { protocol: 'ah', proposal: 'aes256gmac', encapsulation: 'udp' }, {}],
    ['a lifetime that is over', {}, { remainingSeconds: 0 }],
    [
      'a peer of another family',
      {},
      { peerEndpoint: { address: { family: 6, octets: new Uint8Array(16) }, port: 4500 } },
    ],
  ])('with %s is refused and taken back at the peer', (_, policy, more) => {
    const rig = Rig.up();
    const good = distributionFor(rig.ask());
    const bad = { ...good, ...more, policy: { ...good.policy, ...policy } };
    expect(words(rig.receive(bad))).toEqual(['send(report)', 'change(block release)', 'drop-held(refused)']);
    expect(rig.sent('report').at(-1)).toMatchObject({ what: 'sa-deleted', id: good.id });
    expect(isWiped(bad)).toBe(true);
  });

  it('that the engine has no room for is refused and taken back at the peer', () => {
    const rig = Rig.up();
    const distribution = distributionFor(rig.ask());
    rig.refusal = 'no room for more selectors of SAs and bindings';
    expect(words(rig.receive(distribution))).toEqual([
      'send(report)',
      'change(block release)',
      'drop-held(refused)',
    ]);
    expect(rig.sent('report').at(-1)).toMatchObject({ what: 'sa-deleted', id: distribution.id });
    expect(isWiped(distribution)).toBe(true);
  });

  it('gives soft lifetimes between 0.70 and 0.85 of the hard ones, not always the same', () => {
    const shares = new Set<number>();
    const rig = Rig.up();
    for (let turn = 0; turn < 30; turn += 1) {
      const request = rig.ask();
      const [installed] = installedBy(rig.receive(distributionFor(request)));
      const { soft, hard } = installed!.pair.outbound;
      expect(hard).toEqual({ seconds: 1000, octets: undefined, packets: 1000n });
      expect(soft.seconds).toBeGreaterThanOrEqual(700);
      expect(soft.seconds).toBeLessThanOrEqual(850);
      expect(Number(soft.packets)).toBeCloseTo(soft.seconds, -1);
      shares.add(soft.seconds);
      rig.receive({
        type: 'withdraw',
        id: 'aaaaaaaaaaaaaaaa',
        source: 'tokyo',
        peer: 'osaka',
        kind: 'all',
        ids: [request.id],
        reason: '',
      });
    }
    expect(shares.size).toBeGreaterThan(20);
  });

  it('of a second kind is used at once beside the first', () => {
    const rig = Rig.up();
    const web = { ...selector('10.1.0.0/16', '10.2.0.0/16', { protocol: 6 }) };
    const toWeb = rig.ask(packet('10.1.0.1', '10.2.0.1', { protocol: 6 }));
    rig.receive(distributionFor(toWeb, { kind: 'web', selectors: [web] }));
    const [second] = installedBy(
      rig.receive(distributionFor(rig.ask(packet('10.1.0.1', '10.2.0.1')), { kind: 'rest' })),
    );
    expect(second?.use).toBe(true);
  });
});

describe('an acquire', () => {
  it('that was under way while the pair was installed asks for nothing', () => {
    const rig = Rig.up();
    rig.install();
    expect(
      rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: packet('10.1.0.1', '10.2.0.1') }),
    ).toEqual([]);
  });

  it('for a pair that should carry it since long asks for a new one', () => {
    const rig = Rig.up();
    rig.install();
    rig.pass(5_000);
    rig.ask();
    expect(rig.sent('request')).toHaveLength(1);
    expect(rig.lastRequest().kind).toBe('all');
  });

  it('for a kind that goes before the pair is asked for', () => {
    const rig = Rig.up();
    const dns = selector('10.1.0.0/16', '10.2.0.0/16', { protocol: 17 });
    rig.install({ precedence: 1, precedents: [{ kind: 'dns', precedence: 0, selectors: [dns] }] });
    rig.ask();
    expect(rig.lastRequest()).toMatchObject({ kind: '' });
  });
});

describe('a startup', () => {
  it('makes a request that echoes it and names the kind', () => {
    const rig = Rig.up();
    expect(words(rig.receive(startup('1111111111111111')))).toEqual(['change(reserve)', 'send(request)']);
    expect(rig.lastRequest()).toMatchObject({ startupId: '1111111111111111', kind: 'all', packet: null });
  });

  it('repeats the own request at once where it means the same', () => {
    const rig = Rig.up();
    const own = rig.ask();
    rig.take();
    expect(words(rig.receive(startup('1111111111111111')))).toEqual(['send(request)']);
    expect(rig.lastRequest()).toEqual({ ...own, startupId: '1111111111111111' });
    // Only this once: were the startup over, the server would not hear what echoes it.
    rig.pass(5_000);
    expect(rig.lastRequest()).toEqual(own);
    rig.receive(distributionFor(own));
    rig.take();
    expect(words(rig.receive(startup('1111111111111111')))).toEqual([]);
  });

  it('that the own request was mistaken for is followed once its kind is known', () => {
    const rig = Rig.up();
    const own = rig.ask();
    rig.receive(startup('1111111111111111', { kind: 'rest' }));
    rig.take();
    rig.receive(pending({ ...own, kind: 'dns' }));
    expect(rig.lastRequest()).toMatchObject({ kind: 'rest', startupId: '1111111111111111', packet: null });
    expect(rig.lastRequest().id).not.toBe(own.id);
    const other = rig.lastRequest();
    rig.take();
    rig.receive(distributionFor(other));
    rig.receive(distributionFor({ ...own, kind: 'dns' }));
    expect(
      rig.machine
        .status()
        .pairs.map(({ kind }) => kind)
        .sort(),
    ).toEqual(['dns', 'rest']);
  });

  it('for another kind than the own packet is of makes a second request', () => {
    const rig = Rig.up();
    const own = rig.ask();
    rig.take();
    const tcp = selector('10.1.0.0/16', '10.2.0.0/16', { protocol: 6 });
    rig.receive(startup('1111111111111111', { kind: 'web', selectors: [tcp] }));
    expect(rig.lastRequest().id).not.toBe(own.id);
    expect(rig.lastRequest()).toMatchObject({ kind: 'web', startupId: '1111111111111111' });
  });

  it('that comes late for what was answered starts nothing', () => {
    const rig = Rig.up();
    rig.receive(startup('1111111111111111'));
    rig.receive(distributionFor(rig.lastRequest()));
    rig.take();
    expect(words(rig.receive(startup('1111111111111111')))).toEqual([]);
    expect(words(rig.receive(startup('2222222222222222')))).toEqual(['change(reserve)', 'send(request)']);
  });

  it('without an SPD entry is reported', () => {
    const rig = Rig.up();
    rig.receive(startup('1111111111111111', { peer: 'kyoto' }));
    rig.receive(startup('2222222222222222', { selectors: [selector('10.1.0.0/16', '10.9.0.0/16')] }));
    expect(rig.sent('request')).toEqual([]);
    expect(rig.sent('report')).toMatchObject([
      { what: 'no-spd-entry', id: '1111111111111111', peer: 'kyoto' },
      { what: 'no-spd-entry', id: '2222222222222222', peer: 'osaka' },
    ]);
  });

  it('that is never answered blocks nothing, and a packet that waited is asked for plainly', () => {
    const rig = Rig.up();
    rig.receive(startup('1111111111111111'));
    rig.take();
    rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: packet('10.1.0.1', '10.2.0.1') });
    expect(words(rig.take())).toEqual([]);
    rig.pass(5_000);
    expect(rig.lastRequest()).toMatchObject({ startupId: null, kind: 'all' });
    rig.pass(25_000);
    expect(words(rig.take()).slice(-3)).toEqual(['send(report)', 'change(release)', 'release-held']);
    expect(rig.machine.status().entries[0]?.failure).toBeNull();
    expect(rig.machine.status().entries[0]?.blocked).toEqual([]);
  });

  it('takes the place of nothing: a request that became pending for the same kind stays one', () => {
    const rig = Rig.up();
    const own = rig.ask();
    rig.receive(pending(own));
    rig.receive(startup('1111111111111111'));
    expect(new Set(rig.sent('request').map(({ id }) => id))).toEqual(new Set([own.id]));
  });
});
