import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Address,
  addressOf,
  equalAddresses,
  formatAddress,
  formatEndpoint,
  parseAddress,
} from '../../../host/model/address.ts';

const anyAddress = fc
  .oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    // Runs of zeros, which RFC 5952 shortens.
    fc
      .array(fc.constantFrom(0, 0, 0, 1, 0xfe), { minLength: 16, maxLength: 16 })
      .map((octets) => Uint8Array.from(octets)),
  )
  .map(addressOf);

function parsed(text: string): Address | undefined {
  const result = parseAddress(text);
  return result.ok ? result.value : undefined;
}

describe('an address', () => {
  it('is the same after it was written and read', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const text = formatAddress(address);
        expect(parsed(text)).toEqual(address);
        // Node's own reader agrees about the family.
        expect(address.family === 4 ? isIPv4(text) : isIPv6(text)).toBe(true);
      }),
    );
  });

  it('has one text, so that it can be the key of a map', () => {
    fc.assert(
      fc.property(anyAddress, anyAddress, (a, b) => {
        expect(formatAddress(a) === formatAddress(b)).toBe(equalAddresses(a, b));
        expect(equalAddresses(a, addressOf(Uint8Array.from(a.octets)))).toBe(true);
      }),
    );
  });

  it.each([
    ['2001:0DB8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::', '::'],
    ['192.0.2.1', '192.0.2.1'],
  ])('%s is written as RFC 5952 section 4 says: %s', (text, canonical) => {
    const address = parsed(text);
    expect(address && formatAddress(address)).toBe(canonical);
  });

  it.each([
    '',
    '1',
    '10.1',
    '0x7f.0.0.1',
    '192.0.2.256',
    '192.0.2.1.5',
    ' 192.0.2.1',
    '192.0.2.1 ',
    '192.0.2.1/32',
    '010.0.0.1',
    'fe80::1%eth0',
    '2001:db8::1::2',
    '12345::',
    'gggg::',
    'localhost',
    '[::1]',
  ])('is not %j', (text) => {
    expect(parseAddress(text)).toEqual({
      ok: false,
      code: 'ADDRESS',
      message: `expected an IPv4 or IPv6 address, found ${JSON.stringify(text)}`,
    });
  });

  it('is never the same as its form in the other family', () => {
    const four = addressOf(Uint8Array.of(192, 0, 2, 1));
    const mapped = parsed('::ffff:192.0.2.1');
    expect(mapped?.family).toBe(6);
    expect(mapped && equalAddresses(four, mapped)).toBe(false);
  });

  it('has 4 or 16 octets', () => {
    for (const length of [0, 3, 5, 15, 17])
      expect(() => addressOf(new Uint8Array(length))).toThrow(RangeError);
  });

  it('stands before a port in brackets when it is IPv6', () => {
    expect(formatEndpoint({ address: addressOf(Uint8Array.of(192, 0, 2, 1)), port: 4500 })).toBe(
      '192.0.2.1:4500',
    );
    expect(formatEndpoint({ address: addressOf(new Uint8Array(16)), port: 4500 })).toBe('[::]:4500');
  });
});
