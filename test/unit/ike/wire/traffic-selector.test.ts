import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeTrafficSelectors,
  narrowTrafficSelectors,
  parseTrafficSelectors,
  type TrafficSelector,
  trafficSelectorContains,
  trafficSelectorOf,
} from '../../../../host/ike/wire/traffic-selector.ts';
import { addressOf } from '../../../../host/model/address.ts';
import { parsePrefix } from '../../../../host/model/prefix.ts';
import { hex } from '../ends/pair.ts';

const small = (octet: number) => addressOf(Uint8Array.of(10, 0, 0, octet));

function prefixSelector(text: string): TrafficSelector {
  const prefix = parsePrefix(text);
  if (!prefix.ok) throw new Error(prefix.message);
  return trafficSelectorOf(prefix.value);
}

const range = (limit: number) =>
  fc.tuple(fc.nat(limit), fc.nat(limit)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
const selector = fc.record({ addresses: range(7), ports: range(7), protocol: fc.constantFrom(0, 6, 17) }).map(
  ({ addresses, ports, protocol }): TrafficSelector => ({
    first: small(addresses[0]),
    last: small(addresses[1]),
    protocol,
    firstPort: ports[0],
    lastPort: ports[1],
  }),
);

/** The obvious model: a selector is the set of its packets. */
function packetsOf(selectors: readonly TrafficSelector[]): Set<string> {
  const packets = new Set<string>();
  for (const one of selectors) {
    for (let address = one.first.octets[3]!; address <= one.last.octets[3]!; address++) {
      for (let port = one.firstPort; port <= one.lastPort; port++) {
        for (const protocol of one.protocol === 0 ? [6, 17, 1] : [one.protocol]) {
          packets.add(`${address}/${port}/${protocol}`);
        }
      }
    }
  }
  return packets;
}

describe('traffic selectors', () => {
  it('are laid out as RFC 7296 section 3.13.1 draws them', () => {
    const encoded = encodeTrafficSelectors([prefixSelector('10.1.0.0/16'), prefixSelector('fd00::/127')]);
    expect(hex(encoded)).toBe(
      `0200000007000010000${'0ffff0a0100000a01ffff'}08000028${'0000ffff'}fd${'00'.repeat(15)}fd${'00'.repeat(14)}01`,
    );
    const parsed = parseTrafficSelectors(encoded);
    expect(parsed.ok && parsed.value).toEqual([prefixSelector('10.1.0.0/16'), prefixSelector('fd00::/127')]);
  });

  it('narrow to the packets that both sides select', () => {
    fc.assert(
      fc.property(fc.array(selector, { maxLength: 4 }), fc.array(selector, { maxLength: 4 }), (a, b) => {
        const both = packetsOf(a).intersection(packetsOf(b));
        expect(packetsOf(narrowTrafficSelectors(a, b))).toEqual(both);
      }),
      { numRuns: 1000, seed: 4 },
    );
  });

  it('contain what their packets contain', () => {
    fc.assert(
      fc.property(selector, selector, (outer, inner) => {
        // Three protocols stand for all: "any" is more than those together.
        const contains = packetsOf([inner]).isSubsetOf(packetsOf([outer]));
        expect(trafficSelectorContains(outer, inner)).toBe(contains);
      }),
      { numRuns: 1000, seed: 5 },
    );
  });

  it('keep OPAQUE ports apart from all numbered ones', () => {
    const any = prefixSelector('10.0.0.0/24');
    const opaque = { ...any, firstPort: 65535, lastPort: 0 };
    const web = { ...any, firstPort: 443, lastPort: 443 };
    expect(narrowTrafficSelectors([opaque], [any])).toEqual([opaque]);
    expect(narrowTrafficSelectors([opaque], [web])).toEqual([]);
    const parsed = parseTrafficSelectors(encodeTrafficSelectors([opaque]));
    expect(parsed.ok && parsed.value).toEqual([opaque]);
  });

  it('of unknown types are left out, of known ones with a wrong length or order refused', () => {
    const [ipv4, unknown] = [encodeTrafficSelectors([prefixSelector('10.0.0.0/8')]), new Uint8Array(12)];
    unknown.set([9, 0, 0, 12]);
    const mixed = Uint8Array.of(2, 0, 0, 0, ...unknown, ...ipv4.subarray(4));
    const parsed = parseTrafficSelectors(mixed);
    expect(parsed.ok && parsed.value.length).toBe(1);
    const reversed = ipv4.slice();
    reversed[12] = 11;
    expect(parseTrafficSelectors(reversed).ok).toBe(false);
    const short = ipv4.slice();
    short[4] = 8;
    expect(parseTrafficSelectors(short).ok).toBe(false);
    expect(parseTrafficSelectors(Uint8Array.of(0, 0, 0, 0)).ok).toBe(false);
  });
});
