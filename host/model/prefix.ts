/** Address prefixes (`10.1.0.0/16`, `2001:db8::/32`): the unit in which networks and selectors are written. */
import { type Address, equalAddresses, formatAddress, parseAddress } from './address.ts';
import { fail, ok, type Result } from './result.ts';

export interface Prefix {
  /** The first address: bits beyond `length` are zero. */
  readonly address: Address;
  /** 0..32 or 0..128 bits. */
  readonly length: number;
}

/** Reads `address/length`, or an address alone as a prefix of one. Bits set beyond the length are refused. */
export function parsePrefix(text: string): Result<Prefix, 'PREFIX'> {
  const [addressText = '', lengthText, ...rest] = text.split('/');
  const address = parseAddress(addressText);
  if (!address.ok || rest.length > 0) {
    return fail(
      'PREFIX',
      `expected a prefix such as 10.1.0.0/16 or 2001:db8::/32, found ${JSON.stringify(text)}`,
    );
  }
  const bits = address.value.octets.length * 8;
  const length = lengthText === undefined ? bits : /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : -1;
  if (length < 0 || length > bits) {
    return fail('PREFIX', `expected a prefix length of 0 to ${bits}, found ${JSON.stringify(text)}`);
  }
  const masked = prefixOf(address.value, length);
  if (!equalAddresses(masked.address, address.value)) {
    return fail(
      'PREFIX',
      `${text} has bits set beyond its length; ${formatPrefix(masked)} is meant, or a longer prefix`,
    );
  }
  return ok(masked);
}

/** The prefix of `length` bits that holds `address`; bits beyond are cleared in a copy. */
export function prefixOf(address: Address, length: number): Prefix {
  const octets = address.octets.map((octet, index) => octet & maskOctet(length, index));
  return { address: { family: address.family, octets }, length };
}

function maskOctet(length: number, index: number): number {
  const bits = Math.min(8, Math.max(0, length - index * 8));
  return (0xff00 >> bits) & 0xff;
}

/** Canonical text. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/** True when every address of `inner` lies in `outer`. */
export function prefixContains(outer: Prefix, inner: Prefix): boolean {
  return (
    outer.length <= inner.length &&
    outer.address.family === inner.address.family &&
    equalAddresses(prefixOf(inner.address, outer.length).address, outer.address)
  );
}

/** True when `address` lies in `prefix`. */
export function prefixHolds(prefix: Prefix, address: Address): boolean {
  return prefixContains(prefix, { address, length: address.octets.length * 8 });
}

/** The addresses in both, which is the longer of two nested prefixes; undefined when they are disjoint. */
export function intersectPrefixes(a: Prefix, b: Prefix): Prefix | undefined {
  if (prefixContains(a, b)) return b;
  if (prefixContains(b, a)) return a;
  return undefined;
}
