import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address, addressOf, formatAddress } from '../../../host/model/address.ts';
import {
  formatPrefix,
  intersectPrefixes,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixHolds,
  prefixOf,
} from '../../../host/model/prefix.ts';

/** Addresses that share many leading bits, so that prefixes often nest. */
const near4 = fc
  .tuple(fc.constantFrom(10, 138), fc.constantFrom(0, 128), fc.constantFrom(0, 1), fc.nat(255))
  .map((octets) => addressOf(Uint8Array.from(octets)));
const near6 = fc
  .array(fc.constantFrom(0, 1, 0x80, 0xff), { minLength: 16, maxLength: 16 })
  .map((octets) => addressOf(Uint8Array.from(octets)));
const anyAddress: fc.Arbitrary<Address> = fc.oneof(near4, near6);
const anyPrefix: fc.Arbitrary<Prefix> = anyAddress.chain((address) =>
  fc.nat(address.octets.length * 8).map((length) => prefixOf(address, length)),
);

/** Bits as text: the slow, obvious form. */
function bits({ octets }: Address): string {
  return [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('');
}

function head(prefix: Prefix): string {
  return `${prefix.address.family}:${bits(prefix.address).slice(0, prefix.length)}`;
}

function message(text: string): string | undefined {
  const parsed = parsePrefix(text);
  return parsed.ok ? undefined : parsed.message;
}

describe('a prefix', () => {
  it('is the same after it was written and read, and has no bits beyond its length', () => {
    fc.assert(
      fc.property(anyPrefix, (prefix) => {
        expect(parsePrefix(formatPrefix(prefix))).toEqual({ ok: true, value: prefix });
        expect(bits(prefix.address).slice(prefix.length)).not.toContain('1');
      }),
    );
  });

  it('holds the addresses that begin with its bits', () => {
    fc.assert(
      fc.property(anyPrefix, anyAddress, (prefix, address) => {
        const expected =
          prefix.address.family === address.family &&
          bits(address).startsWith(bits(prefix.address).slice(0, prefix.length));
        expect(prefixHolds(prefix, address)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it("holds the same addresses as Node's own", () => {
    fc.assert(
      fc.property(anyPrefix, anyAddress, (prefix, address) => {
        const family = (of: Address) => (of.family === 4 ? 'ipv4' : 'ipv6');
        // Node counts mapped addresses as IPv4 too.
        fc.pre(prefix.address.family === address.family && prefix.length > 0);
        const list = new BlockList();
        list.addSubnet(formatAddress(prefix.address), prefix.length, family(prefix.address));
        expect(prefixHolds(prefix, address)).toBe(list.check(formatAddress(address), family(address)));
      }),
    );
  });

  it('contains another where it is a head of it, and they intersect in the longer one or not at all', () => {
    fc.assert(
      fc.property(anyPrefix, anyPrefix, (a, b) => {
        expect(prefixContains(a, b)).toBe(head(b).startsWith(head(a)));
        const expected = head(b).startsWith(head(a)) ? b : head(a).startsWith(head(b)) ? a : undefined;
        expect(intersectPrefixes(a, b)).toEqual(expected);
        expect(intersectPrefixes(b, a)).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('is one address when no length is given', () => {
    const [four, six] = [parsePrefix('192.0.2.1'), parsePrefix('2001:db8::1')];
    expect(four.ok && formatPrefix(four.value)).toBe('192.0.2.1/32');
    expect(six.ok && formatPrefix(six.value)).toBe('2001:db8::1/128');
  });

  it.each([
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/1e1',
    '10.0.0.0/33',
    '::/129',
    'x/8',
  ])('is not %j', (text) => {
    expect(message(text)).toMatch(/^expected a prefix/);
  });

  it('has no bits set beyond its length, and says which prefix may be meant', () => {
    expect(message('10.1.2.0/16')).toBe(
      '10.1.2.0/16 has bits set beyond its length; 10.1.0.0/16 is meant, or a longer prefix',
    );
    expect(message('::1/0')).toContain('::/0 is meant');
  });
});
