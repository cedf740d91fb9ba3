/**
 * Random octets for keys, SPIs, ids and nonces: the operating system's generator by way of OpenSSL. Machines get this
 * function passed in, so that a simulation can pass another.
 */
import { randomFillSync } from 'node:crypto';

/** `count` fresh random octets in a buffer of their own (no shared pool, so that wiping it wipes the only copy). */
export function randomOctets(count: number): Uint8Array {
  return randomFillSync(new Uint8Array(count));
}
