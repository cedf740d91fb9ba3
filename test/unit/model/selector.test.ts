/** Selectors against brute force: every packet of a small world is asked one by one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../../../host/model/address.ts';
import { type Prefix, prefixOf } from '../../../host/model/prefix.ts';
import {
  equalSelectors,
  formatProtocol,
  formatSelector,
  intersectSelectorLists,
  intersectSelectors,
  mirrorSelector,
  type PacketSelector,
  type Range,
  type Selector,
  selectorContains,
  selectorMatches,
} from '../../../host/model/selector.ts';
import { selector } from '../../property/dataplane/engines.ts';

const TCP = 6;
const ICMP = 1;
const ESP = 50;

/** Four addresses of each family, three ports, three types. */
const hosts = [0, 1, 2, 3].flatMap((last) => [
  addressOf(Uint8Array.of(10, 0, 0, last)),
  addressOf(Uint8Array.of(...new Uint8Array(15), last)),
]);
const small = [0, 1, 2];

const noPorts = { localPort: null, remotePort: null, icmpType: null, icmpCode: null };

/** Every packet that there is, those without ports and types too, as non-initial fragments are. */
const world: readonly PacketSelector[] = hosts.flatMap((local) =>
  hosts
    .filter((remote) => remote.family === local.family)
    .flatMap((remote) => [
      ...[TCP, ICMP, ESP].map((protocol) => ({ local, remote, protocol, ...noPorts })),
      ...small.flatMap((one) =>
        small.flatMap((two) => [
          { local, remote, protocol: TCP, ...noPorts, localPort: one, remotePort: two },
          { local, remote, protocol: ICMP, ...noPorts, icmpType: one, icmpCode: two },
        ]),
      ),
    ]),
);

const anyPrefix = (family: 4 | 6): fc.Arbitrary<Prefix> =>
  fc
    .tuple(fc.constantFrom(...hosts.filter((host) => host.family === family)), fc.constantFrom(0, 1, 2, 2, 8))
    .map(([host, free]) => prefixOf(host, host.octets.length * 8 - free));

const anyRange: fc.Arbitrary<Range | null> = fc.oneof(
  fc.constant(null),
  fc.tuple(fc.constantFrom(...small), fc.constantFrom(...small)).map(([one, two]) => ({
    first: Math.min(one, two),
    last: Math.max(one, two),
  })),
);

const anySelector: fc.Arbitrary<Selector> = fc
  .tuple(fc.constantFrom<4 | 6>(4, 6), fc.constantFrom<number | null>(null, TCP, ICMP, ESP))
  .chain(([family, protocol]) =>
    fc.record({
      local: anyPrefix(family),
      remote: anyPrefix(family),
      protocol: fc.constant(protocol),
      localPorts: protocol === TCP ? anyRange : fc.constant(null),
      remotePorts: protocol === TCP ? anyRange : fc.constant(null),
      icmpType: protocol === ICMP ? anyRange : fc.constant(null),
      icmpCode: protocol === ICMP ? anyRange : fc.constant(null),
    }),
  );

function selected(...selectors: Selector[]): PacketSelector[] {
  return world.filter((packet) => selectors.some((one) => selectorMatches(one, packet)));
}

/** Selects by going through every number, with nothing of the code under test. */
function slowMatch(one: Selector, packet: PacketSelector): boolean {
  const bits = (octets: Uint8Array) =>
    [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const holds = (prefix: Prefix, { family, octets }: PacketSelector['local']) =>
    prefix.address.family === family &&
    bits(octets).slice(0, prefix.length) === bits(prefix.address.octets).slice(0, prefix.length);
  const among = (range: Range | null, value: number | null) =>
    range === null ||
    small.filter((number) => number >= range.first && number <= range.last).some((n) => n === value);
  return (
    holds(one.local, packet.local) &&
    holds(one.remote, packet.remote) &&
    [null, packet.protocol].includes(one.protocol) &&
    among(one.localPorts, packet.localPort) &&
    among(one.remotePorts, packet.remotePort) &&
    among(one.icmpType, packet.icmpType) &&
    among(one.icmpCode, packet.icmpCode)
  );
}

const runs = { numRuns: 300 };

describe('a selector', () => {
  it('matches the packets that it names, and no other', () => {
    fc.assert(
      fc.property(anySelector, (one) => {
        expect(selected(one)).toEqual(world.filter((packet) => slowMatch(one, packet)));
      }),
      runs,
    );
  });

  it('intersects with another in exactly the packets that both match', () => {
    fc.assert(
      fc.property(anySelector, anySelector, (a, b) => {
        const both = intersectSelectors(a, b);
        const expected = selected(a).filter((packet) => selectorMatches(b, packet));
        expect(both === undefined ? [] : selected(both)).toEqual(expected);
        if (expected.length > 0) expect(both).toBeDefined();
      }),
      runs,
    );
  });

  it('contains another only when it matches every packet of it', () => {
    fc.assert(
      fc.property(anySelector, anySelector, (outer, inner) => {
        const matchesAll = selected(inner).every((packet) => selectorMatches(outer, packet));
        expect(selectorContains(outer, inner) && !matchesAll).toBe(false);
      }),
      runs,
    );
  });

  it('contains what it has in common with another, and is contained in it only where it is the same', () => {
    fc.assert(
      fc.property(anySelector, anySelector, (a, b) => {
        const both = intersectSelectors(a, b);
        if (both === undefined) return;
        expect(selectorContains(a, both)).toBe(true);
        expect(selectorContains(b, both)).toBe(true);
        expect(selectorContains(both, a)).toBe(equalSelectors(both, a));
      }),
      runs,
    );
  });

  it('is itself again when mirrored twice, and mirrored it matches what comes back', () => {
    fc.assert(
      fc.property(anySelector, (one) => {
        expect(mirrorSelector(mirrorSelector(one))).toEqual(one);
        const back = world.filter((packet) =>
          selectorMatches(mirrorSelector(one), {
            ...packet,
            local: packet.remote,
            remote: packet.local,
            localPort: packet.remotePort,
            remotePort: packet.localPort,
          }),
        );
        expect(back).toEqual(selected(one));
      }),
      runs,
    );
  });

  it('with ports matches no packet whose ports do not show (RFC 4301 section 7)', () => {
    const web = selector('10.0.0.0/24', '10.0.0.0/24', {
      protocol: TCP,
      remotePorts: { first: 0, last: 65535 },
    });
    const [local, remote] = [addressOf(Uint8Array.of(10, 0, 0, 1)), addressOf(Uint8Array.of(10, 0, 0, 2))];
    expect(selectorMatches(web, { local, remote, protocol: TCP, ...noPorts })).toBe(false);
    expect(selectorMatches({ ...web, remotePorts: null }, { local, remote, protocol: TCP, ...noPorts })).toBe(
      true,
    );
  });
});

describe('two lists of selectors', () => {
  const anyList = fc.array(anySelector, { maxLength: 4 });

  it('intersect in exactly the packets that both select, without one that another contains', () => {
    fc.assert(
      fc.property(anyList, anyList, (a, b) => {
        const both = intersectSelectorLists(a, b);
        const inBoth = selected(...a).filter((packet) => b.some((one) => selectorMatches(one, packet)));
        expect(selected(...both)).toEqual(inBoth);
        for (const one of both) {
          expect(both.filter((other) => other !== one && selectorContains(other, one))).toEqual([]);
        }
      }),
      runs,
    );
  });
});

describe('a selector, for people', () => {
  it('is one line with only what it restricts', () => {
    expect(formatSelector(selector('10.1.0.0/16', '10.2.0.0/16'))).toBe('10.1.0.0/16 <-> 10.2.0.0/16');
    const web = {
      protocol: TCP,
      localPorts: { first: 1000, last: 2000 },
      remotePorts: { first: 443, last: 443 },
    };
    expect(formatSelector(selector('::/0', 'fd00::/8', web))).toBe(
      '::/0 <-> fd00::/8 tcp local-port 1000-2000 remote-port 443',
    );
    const ping = { protocol: ICMP, icmpType: { first: 8, last: 8 }, icmpCode: { first: 0, last: 3 } };
    expect(formatSelector(selector('10.1.0.1/32', '0.0.0.0/0', ping))).toBe(
      '10.1.0.1/32 <-> 0.0.0.0/0 icmp type 8 code 0-3',
    );
  });

  it('has a number for a protocol without a name', () => {
    expect([formatProtocol(17), formatProtocol(ESP), formatProtocol(0)]).toEqual(['udp', '50', '0']);
  });
});
