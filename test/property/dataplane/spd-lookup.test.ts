/** SPD lookup against `selectorMatches` tried row by row, for random entries, SAs, blocks, precedents and packets. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STAGE_OK } from '../../../firmware/abi/bank.ts';
import type { SaPair } from '../../../host/dataplane/engine.ts';
import { canaries } from '../../../host/dataplane/memory-layout.ts';
import { rowTree } from '../../../host/dataplane/row-tree.ts';
import type { SpdEntry } from '../../../host/model/policy.ts';
import type { Prefix } from '../../../host/model/prefix.ts';
import {
  intersectSelectorLists,
  type PacketSelector,
  type Selector,
  selectorMatches,
} from '../../../host/model/selector.ts';
import { address, dataplane, pair, reason, selector } from './engines.ts';
import { decidingEntry, discardRows, instanceFor, stageTree } from './first-row.ts';
import { ICMP, ICMPV6, packetOf, TCP, UDP } from './packets.ts';

// Few values, so that rows overlap and packets hit them.
const hosts4 = ['10.1.0.1', '10.1.0.2', '10.1.1.1', '10.2.0.1', '11.0.0.1'];
const hosts6 = ['fd01::1', 'fd01::2', 'fd01:0:0:1::1', 'fd02::1', '::ffff:10.1.0.1'];
const prefixes4 = [
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.0.0/24',
  '10.1.0.1/32',
  '10.1.0.0/30',
  '10.2.0.0/16',
];
const prefixes6 = ['::/0', 'fd00::/8', 'fd01::/16', 'fd01::/64', 'fd01::1/128', 'fd01::/127', 'fd02::/16'];
const ports = [1, 2, 3, 1024, 65535];

const range = fc
  .tuple(fc.constantFrom(...ports), fc.constantFrom(...ports))
  .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
const octetRange = fc
  .tuple(fc.nat(4), fc.nat(4))
  .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));

const anySelector: fc.Arbitrary<Selector> = fc
  .tuple(fc.constantFrom(prefixes4, prefixes6), fc.nat(6), fc.nat(6))
  .chain(([prefixes, local, remote]) => {
    // Every third selector is for whole networks, or packets would match too seldom.
    const [near, far] = (local + remote) % 3 === 0 ? [local % 3, remote % 3] : [local, remote];
    const base = selector(prefixes[near]!, prefixes[far]!);
    return fc.oneof(
      fc.constant(base),
      fc.constantFrom(TCP, UDP, ICMP, ICMPV6, 47).map((protocol) => ({ ...base, protocol })),
      fc
        .tuple(fc.constantFrom(TCP, UDP, 132, null), fc.option(range), fc.option(range))
        .map(([protocol, localPorts, remotePorts]) => ({ ...base, protocol, localPorts, remotePorts })),
      fc
        .tuple(fc.constantFrom(ICMP, ICMPV6), fc.option(octetRange), fc.option(octetRange))
        .map(([protocol, icmpType, icmpCode]) => ({ ...base, protocol, icmpType, icmpCode })),
    );
  });

/** A prefix of any length around one of the hosts, which has other neighbours at each length. */
const anyPrefix = (hosts: readonly string[], shortest: number): fc.Arbitrary<Prefix> =>
  fc
    .tuple(fc.constantFrom(...hosts), fc.integer({ min: shortest, max: hosts === hosts4 ? 32 : 128 }))
    .map(([host, length]) => {
      const { family, octets } = address(host);
      const network = octets.map(
        (octet, index) => octet & (0xff00 >> Math.min(8, Math.max(0, length - 8 * index))),
      );
      return { address: { family, octets: network }, length };
    });

/** Hundreds of rows: most of them narrow, so that packets get past the first ones. */
const manySelectors: fc.Arbitrary<Selector[]> = fc.array(
  fc
    .tuple(anySelector, fc.constantFrom(hosts4, hosts6), fc.nat(3))
    .chain(([base, hosts, form]) =>
      fc
        .tuple(anyPrefix(hosts, 6 * form), anyPrefix(hosts, 6 * form), range, range)
        .map(
          ([local, remote, localPorts, remotePorts]): Selector =>
            form === 0
              ? { ...base, protocol: base.protocol ?? 89 }
              : { ...base, local, remote, ...(form === 3 ? {} : { localPorts, remotePorts }) },
        ),
    ),
  { minLength: 1, maxLength: 600, size: 'max' },
);

const someSelectors = fc.array(anySelector, { minLength: 1, maxLength: 3 });

interface Flow {
  readonly packet: Uint8Array;
  readonly selector: PacketSelector;
}

const anyFlow: fc.Arbitrary<Flow> = fc
  .record({
    hosts: fc.constantFrom(hosts4, hosts6),
    source: fc.nat(4),
    destination: fc.nat(4),
    protocol: fc.constantFrom(TCP, UDP, ICMP, ICMPV6, 47, 132, 33, 136),
    first: fc.constantFrom(...ports),
    second: fc.constantFrom(...ports),
    later: fc.boolean(),
    extensions: fc.constantFrom([], [0], [60, 43], [0, 60]),
  })
  .map(({ hosts, source, destination, protocol, first, second, later, extensions }) => {
    const icmp = protocol === ICMP || protocol === ICMPV6;
    const named = protocol !== 47;
    const upper = icmp ? ([first & 3, second & 3] as const) : ([first, second] as const);
    const readable = named && !later;
    return {
      packet: packetOf({
        source: hosts[source]!,
        destination: hosts[destination]!,
        protocol,
        ...(named ? { upper } : {}),
        ...(later ? { fragmentOffset: 64 } : {}),
        extensions: extensions.map((extension) => ({ protocol: extension, octets: 8 + 8 * (first & 1) })),
      }),
      selector: {
        local: address(hosts[source]!),
        remote: address(hosts[destination]!),
        protocol,
        localPort: readable && !icmp ? upper[0] : null,
        remotePort: readable && !icmp ? upper[1] : null,
        icmpType: readable && icmp ? upper[0] : null,
        icmpCode: readable && icmp ? upper[1] : null,
      },
    };
  });

interface EntryPlan {
  readonly entry: SpdEntry;
  readonly blocked: readonly Selector[];
  readonly pairs: readonly { readonly pair: SaPair; readonly use: boolean }[];
}

const anySpd: fc.Arbitrary<EntryPlan[]> = fc
  .array(
    fc.record({
      action: fc.constantFrom('PROTECT' as const, 'PROTECT' as const, 'BYPASS' as const, 'DISCARD' as const),
      selectors: someSelectors,
      blocked: fc.oneof(fc.constant([]), { weight: 4, arbitrary: someSelectors }),
      kinds: fc.array(
        fc.record({
          selectors: someSelectors,
          precedence: fc.nat(5),
          use: fc.boolean(),
          precedent: fc.option(someSelectors),
        }),
        { maxLength: 3 },
      ),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((plans) => {
    let place = 0;
    return plans.map(({ action, selectors, blocked, kinds }, index) => {
      const name = `entry-${index}`;
      const entry: SpdEntry =
        action === 'PROTECT' ? { name, selectors, action, requestPeer: 'peer' } : { name, selectors, action };
      const pairs =
        action !== 'PROTECT'
          ? []
          : kinds.map((kind, order) => {
              const inboundSpi = 0x1000 + place++;
              const precedents =
                kind.precedent === null
                  ? []
                  : [
                      {
                        kind: `precedent-${order}`,
                        precedence: 10 * kind.precedence - 5,
                        selectors: kind.precedent,
                      },
                    ];
              return {
                use: kind.use,
                pair: pair(
                  inboundSpi,
                  0x2000 + inboundSpi,
                  { selectors: kind.selectors },
                  {
                    entry: name,
                    kind: `kind-${order}`,
                    precedence: 10 * kind.precedence + order,
                    precedents,
                  },
                ),
              };
            });
      return { entry, blocked: action === 'PROTECT' ? blocked : [], pairs };
    });
  });

/** What must become of a packet: try everything in order. */
function modelled(spd: readonly EntryPlan[], packet: PacketSelector): string {
  const matches = (selectors: readonly Selector[]) => selectors.some((one) => selectorMatches(one, packet));
  for (const { entry, blocked, pairs } of spd) {
    if (!matches(entry.selectors)) continue;
    if (entry.action === 'BYPASS') return 'bypass';
    if (entry.action === 'DISCARD') return 'spd-discard';
    const unserved = matches(blocked) ? 'blocked' : 'held';
    const kinds = pairs.flatMap(({ pair: one, use }) => [
      {
        precedence: one.precedence,
        selectors: one.outbound.selectors,
        spi: use ? one.inbound.spi : undefined,
      },
      ...one.precedents.map((precedent) => ({
        precedence: precedent.precedence,
        selectors: intersectSelectorLists(precedent.selectors, entry.selectors),
        spi: undefined,
      })),
    ]);
    kinds.sort((a, b) => a.precedence - b.precedence);
    for (const kind of kinds) {
      // A block takes the place of an acquire, never of an SA.
      if (matches(kind.selectors)) return kind.spi === undefined ? unserved : `sent through ${kind.spi}`;
    }
    return unserved;
  }
  return 'no-spd-entry';
}

describe('SPD lookup', () => {
  it('decides as the slow model does, cached or not, for random tables and packets', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(anySpd, fc.array(anyFlow, { minLength: 1, maxLength: 60 }), (spd, flows) => {
        const engine = dataplane({ capacities: { flows: 4, heldPackets: 1, heldPerKey: 1 } });
        engine.change(
          {
            spd: spd.map(({ entry }) => entry),
            block: spd.map(({ entry, blocked }) => ({ entry: entry.name, selectors: blocked })),
            install: spd.flatMap(({ pairs }) => pairs),
          },
          0,
        );
        // Twice each: the second time from the cache, unless its place was taken.
        for (const flow of flows.flatMap((one) => [one, one])) {
          const outcome = engine.outbound(flow.packet, 0);
          const found = outcome.kind === 'send' ? `sent through ${outcome.spi}` : reason(outcome);
          const expected = modelled(spd, flow.selector);
          expect(found).toBe(expected);
          const what = expected.split(' ')[0]!;
          seen.set(what, (seen.get(what) ?? 0) + 1);
        }
        expect(engine.hasIntactCanaries()).toBe(true);
      }),
      { numRuns: 1000 },
    );
    // The random tables reached every decision often.
    for (const what of ['bypass', 'spd-discard', 'blocked', 'sent', 'held', 'no-spd-entry']) {
      expect(seen.get(what), what).toBeGreaterThan(5);
    }
  });

  it('finds the first of hundreds of overlapping rows, as trying them in order does', () => {
    const instance = instanceFor(600);
    let found = 0;
    let missed = 0;
    fc.assert(
      fc.property(manySelectors, fc.array(anyFlow, { minLength: 20, maxLength: 40 }), (selectors, flows) => {
        expect(stageTree(instance, rowTree(discardRows(selectors)))).toBe(STAGE_OK);
        instance.call('commit');
        for (const { packet, selector: fields } of flows) {
          const expected = selectors.findIndex((one) => selectorMatches(one, fields));
          expect(decidingEntry(instance, packet)).toBe(expected);
          if (expected < 0) missed++;
          else found++;
        }
      }),
      { numRuns: 300 },
    );
    expect(canaries(instance.buffer, instance.layout).flatMap((octets) => [...octets])).not.toContain(0);
    expect(found).toBeGreaterThan(1000);
    expect(missed).toBeGreaterThan(100);
  });

  it('lets an inbound packet out exactly when a selector of its SA matches', () => {
    let passed = 0;
    fc.assert(
      fc.property(someSelectors, fc.array(anyFlow, { minLength: 1, maxLength: 30 }), (selectors, flows) => {
        const ends = { local: '192.0.2.1', remote: '192.0.2.2' };
        const receiver = dataplane();
        receiver.change(
          { install: [{ pair: pair(0x1001, 0x2002, { ...ends, selectors }, { entry: '' }), use: true }] },
          0,
        );
        // A sender that lets everything through: its outbound SA is the receiver's inbound one.
        const sender = dataplane();
        const all = [selector('0.0.0.0/0', '0.0.0.0/0'), selector('::/0', '::/0')];
        sender.change(
          { install: [{ pair: pair(0x2002, 0x1001, { selectors: all }, { entry: '' }), use: true }] },
          0,
        );
        for (const flow of flows) {
          const out = sender.outboundThrough(0x2002, flow.packet, 0);
          if (out.kind !== 'send') throw new Error(reason(out));
          const outcome = receiver.inbound(
            {
              esp: out.esp,
              from: { address: address('192.0.2.2'), port: 4500 },
              to: address('192.0.2.1'),
              encapsulation: 'udp',
              tos: 0,
            },
            0,
          );
          const { selector: seenBySender } = flow;
          const seenByReceiver = {
            ...seenBySender,
            local: seenBySender.remote,
            remote: seenBySender.local,
            localPort: seenBySender.remotePort,
            remotePort: seenBySender.localPort,
          };
          const expected = selectors.some((one) => selectorMatches(one, seenByReceiver));
          expect(reason(outcome)).toBe(expected ? 'deliver' : 'selector-mismatch');
          if (expected) passed++;
        }
      }),
      { numRuns: 200 },
    );
    expect(passed).toBeGreaterThan(20);
  });
});
