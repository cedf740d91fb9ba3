/**
 * The few DER encodings that keys take on their way into and out of node:crypto: ITU-T X.690 sections 8.1, 8.3 and 10.1.
 * Everything read here was written by OpenSSL, never by a peer.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { concatenate } from '../wire/syntax.ts';

/** The header of a value of `length` octets, at most 65535, with its tag. */
function header(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  if (length < 0x100) return Uint8Array.of(tag, 0x81, length);
  return Uint8Array.of(tag, 0x82, length >>> 8, length);
}

export function derSequence(...parts: readonly Uint8Array[]): Uint8Array {
  const contents = concatenate(...parts);
  const sequence = concatenate(header(0x30, contents.length), contents);
  contents.fill(0); // may hold a private key
  return sequence;
}

/** The unsigned number `octets`, most significant first. */
export function derInteger(octets: Uint8Array): Uint8Array {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const shortest = octets.subarray(start);
  // A first bit of 1 would be a sign.
  const sign = new Uint8Array(((shortest[0] ?? 0) & 0x80) === 0 ? 0 : 1);
  return concatenate(header(2, sign.length + shortest.length), sign, shortest);
}

export function derOctetString(octets: Uint8Array): Uint8Array {
  return concatenate(header(4, octets.length), octets);
}

/** Whole octets: no unused bits. */
export function derBitString(octets: Uint8Array): Uint8Array {
  return concatenate(header(3, octets.length + 1), Uint8Array.of(0), octets);
}

/** The private key in `pkcs8` (RFC 5958), which is not copied on its way. @wipes `pkcs8` */
export function privateKeyIn(pkcs8: Uint8Array): KeyObject {
  const key = Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.length);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  pkcs8.fill(0);
  return privateKey;
}

/** The contents of each value in `octets`, in order, borrowed. */
export function derContents(octets: Uint8Array): Uint8Array[] {
  const contents: Uint8Array[] = [];
  for (let at = 0; at < octets.length; ) {
    const first = octets[at + 1] ?? 0;
    const lengthOctets = first < 0x80 ? 0 : first & 0x7f;
    let length = lengthOctets === 0 ? first : 0;
    for (let index = 0; index < lengthOctets; index++) length = length * 256 + (octets[at + 2 + index] ?? 0);
    const start = at + 2 + lengthOctets;
    contents.push(octets.subarray(start, start + length));
    at = start + length;
  }
  return contents;
}
