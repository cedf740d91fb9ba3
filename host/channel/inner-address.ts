/**
 * The inner addresses of the channel: one IPv6 address for each identity, in a unique local prefix (RFC 4193). Both ends
 * derive them from the names alone, so nothing has to be typed or assigned; they exist only inside the tunnel.
 */
import { createHash } from 'node:crypto';
import { type Address, addressOf } from '../model/address.ts';

/** fd53:656b:6973:686f::/64, "Sekisho" in ASCII behind fd with its locally assigned bit. */
const innerPrefixOctets = [0xfd, 0x53, 0x65, 0x6b, 0x69, 0x73, 0x68, 0x6f];

/** The inner address of `identity`: the prefix, then the first 64 bits of SHA-256 over the identity's UTF-8. */
export function innerAddress(identity: string): Address {
  const digest = createHash('sha256').update(identity, 'utf8').digest();
  return addressOf(Uint8Array.from([...innerPrefixOctets, ...digest.subarray(0, 8)]));
}
