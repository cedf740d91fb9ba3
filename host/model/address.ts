/**
 * IPv4 and IPv6 addresses as values: a family and its octets in network order. Text is read and written by ipaddr.js,
 * whose canonical form (RFC 5952) is also the key under which an address is stored in maps.
 */
import ipaddr from 'ipaddr.js';
import { fail, ok, type Result } from './result.ts';

export interface Address {
  readonly family: 4 | 6;
  /** 4 or 16 octets, network order; never written to. */
  readonly octets: Uint8Array;
}

/** An address with a UDP port, as a datagram's source or destination. */
export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

/** Reads dotted-quad IPv4 or RFC 4291 IPv6 text; scoped (`%eth0`) and abbreviated IPv4 forms are refused. */
export function parseAddress(text: string): Result<Address, 'ADDRESS'> {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ok(fromLibrary(ipaddr.IPv4.parse(text)));
  if (text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)) {
    return ok(fromLibrary(ipaddr.IPv6.parse(text)));
  }
  return fail('ADDRESS', `expected an IPv4 or IPv6 address, found ${JSON.stringify(text)}`);
}

function fromLibrary(parsed: ipaddr.IPv4 | ipaddr.IPv6): Address {
  return addressOf(Uint8Array.from(parsed.toByteArray()));
}

/** Wraps 4 or 16 octets, which it borrows for good; throws RangeError on any other length. */
export function addressOf(octets: Uint8Array): Address {
  if (octets.length === 4) return { family: 4, octets };
  if (octets.length === 16) return { family: 6, octets };
  throw new RangeError(`an address has 4 or 16 octets, not ${octets.length}`);
}

/** Canonical text (RFC 5952), unique for each address. */
export function formatAddress(address: Address): string {
  return address.family === 4
    ? address.octets.join('.')
    : new ipaddr.IPv6(Array.from(address.octets)).toRFC5952String();
}

/** Canonical text of address and port: `192.0.2.1:4500` or `[2001:db8::1]:4500`. */
export function formatEndpoint(endpoint: Endpoint): string {
  const text = formatAddress(endpoint.address);
  return endpoint.address.family === 4 ? `${text}:${endpoint.port}` : `[${text}]:${endpoint.port}`;
}

/** True when both are the same address and port. */
export function equalEndpoints(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && equalAddresses(a.address, b.address);
}

/** True when both are the same address; an IPv4 address never equals its IPv6-mapped form. */
export function equalAddresses(a: Address, b: Address): boolean {
  return a.family === b.family && a.octets.every((octet, index) => octet === b.octets[index]);
}
