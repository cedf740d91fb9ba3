/**
 * Pseudorandom functions and prf+, the source of all key material. RFC 7296 sections 2.13 and 3.3.2, RFC 4868.
 */
import { createHmac } from 'node:crypto';
import type { PrfName } from '../../model/ike-proposal.ts';
import { pseudorandomFunctionIds } from '../wire/iana-numbers.ts';
import { plainOctets } from '../wire/syntax.ts';

export interface Prf {
  readonly name: PrfName;
  readonly id: number;
  /** Name of the hash in node:crypto; the function is HMAC over it. */
  readonly hash: string;
  /** Octets of output, which is also the preferred key length. */
  readonly octets: number;
}

export const prfHmacSha256: Prf = {
  name: 'prfsha256',
  id: pseudorandomFunctionIds.hmacSha256,
  hash: 'sha256',
  octets: 32,
};

/** RFC 4868 section 2.7.1: as long as their hashes, not cut. */
export const prfs: Readonly<Record<PrfName, Prf>> = {
  prfsha256: prfHmacSha256,
  prfsha384: { name: 'prfsha384', id: pseudorandomFunctionIds.hmacSha384, hash: 'sha384', octets: 48 },
  prfsha512: { name: 'prfsha512', id: pseudorandomFunctionIds.hmacSha512, hash: 'sha512', octets: 64 },
};

/** prf(key, parts concatenated), in a fresh array that the caller owns. Constant-time as OpenSSL's HMAC is. */
export function prf(algorithm: Prf, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac(algorithm.hash, key);
  for (const part of parts) hmac.update(part);
  return plainOctets(hmac.digest());
}

/**
 * The first `octets` octets of prf+(key, seed) = T1 | T2 | …, Tn = prf(key, T(n-1) | seed | n), in a fresh array that
 * the caller owns and wipes. RFC 7296 section 2.13.
 *
 * @throws RangeError beyond 255 blocks, where the counter of one octet ends
 * @wipes its intermediate blocks
 */
export function prfPlus(algorithm: Prf, key: Uint8Array, seed: Uint8Array, octets: number): Uint8Array {
  const blocks = Math.ceil(octets / algorithm.octets);
  if (blocks > 255)
    throw new RangeError(`prf+ gives at most ${255 * algorithm.octets} octets, not ${octets}`);
  const output = new Uint8Array(octets);
  let previous: Uint8Array = new Uint8Array(0);
  for (let block = 1; block <= blocks; block++) {
    const next = prf(algorithm, key, previous, seed, Uint8Array.of(block));
    previous.fill(0);
    const at = (block - 1) * algorithm.octets;
    output.set(next.subarray(0, octets - at), at);
    previous = next;
  }
  previous.fill(0);
  return output;
}
