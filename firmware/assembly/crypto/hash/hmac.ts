/**
 * HMAC (RFC 2104) with each of the hashes. Constant-time. A context keeps the chaining values after the inner and the outer
 * padded key, so that a packet costs no key work. Truncates nothing (RFC 2403, RFC 2404, RFC 4868) and compares nothing
 * (`equal.ts`); several packets at once: `hmac-lanes.ts`.
 *
 *   0              B/2             B      octets of the hash's block
 *   | inner value  | outer value   |      words in host order, each padded with zeros
 */
import {
  copyChainingValue,
  HASH_MD5,
  HASH_SHA1,
  HASH_SHA256,
  HASH_SHA384,
  HASH_SHA512,
  hashBlock,
  hashCompress,
  hashContinue,
  hashDigestSize,
  hashForget,
  hashMessage,
  hashStart,
} from './hash.ts';

/** ipad and opad of RFC 2104 §2. */
const INNER_PAD: i8 = 0x36;
const OUTER_PAD: i8 = 0x5c;

/** Scratch for the longest block and digest; not reentrant. */
const PADDED_KEY: usize = memory.data(128, 16);
const INNER_DIGEST: usize = memory.data(64, 16);

/*
 * One pair of functions for each hash. A set-up fills HMAC_…_CONTEXT_SIZE octets from a key of any length and wipes what
 * is left of it elsewhere; the other writes the whole HMAC of a message, of which ESP takes the beginning. `out` may overlap
 * the message. Constant-time but for lengths.
 */

/** ESP takes the first 12 octets (RFC 2403). */
export function hmacMd5(context: usize, message: usize, length: i32, out: usize): void {
  hmac(HASH_MD5, context, message, length, out);
}

export function hmacMd5Setup(context: usize, key: usize, keyLength: i32): void {
  setup(HASH_MD5, context, key, keyLength);
}

/** ESP takes the first 12 octets (RFC 2404). */
export function hmacSha1(context: usize, message: usize, length: i32, out: usize): void {
  hmac(HASH_SHA1, context, message, length, out);
}

export function hmacSha1Setup(context: usize, key: usize, keyLength: i32): void {
  setup(HASH_SHA1, context, key, keyLength);
}

/** ESP takes the first 16 octets (RFC 4868 §2.3). */
export function hmacSha256(context: usize, message: usize, length: i32, out: usize): void {
  hmac(HASH_SHA256, context, message, length, out);
}

export function hmacSha256Setup(context: usize, key: usize, keyLength: i32): void {
  setup(HASH_SHA256, context, key, keyLength);
}

/** ESP takes the first 24 octets (RFC 4868 §2.3). */
export function hmacSha384(context: usize, message: usize, length: i32, out: usize): void {
  hmac(HASH_SHA384, context, message, length, out);
}

export function hmacSha384Setup(context: usize, key: usize, keyLength: i32): void {
  setup(HASH_SHA384, context, key, keyLength);
}

/** ESP takes the first 32 octets (RFC 4868 §2.3). */
export function hmacSha512(context: usize, message: usize, length: i32, out: usize): void {
  hmac(HASH_SHA512, context, message, length, out);
}

export function hmacSha512Setup(context: usize, key: usize, keyLength: i32): void {
  setup(HASH_SHA512, context, key, keyLength);
}

function hmac(hash: u32, context: usize, message: usize, length: i32, out: usize): void {
  const block = hashBlock(hash);
  hashContinue(hash, context, block, message, length, INNER_DIGEST);
  hashContinue(hash, context + (<usize>block >> 1), block, INNER_DIGEST, hashDigestSize(hash), out);
}

function setup(hash: u32, context: usize, key: usize, keyLength: i32): void {
  const block = hashBlock(hash);
  memory.fill(PADDED_KEY, 0, block);
  if (keyLength > block) hashMessage(hash, key, keyLength, PADDED_KEY);
  else memory.copy(PADDED_KEY, key, keyLength);
  takePaddedKey(hash, context, INNER_PAD);
  // The inner pad is still on the key.
  takePaddedKey(hash, context + (<usize>block >> 1), INNER_PAD ^ OUTER_PAD);
  memory.fill(PADDED_KEY, 0, block);
  hashForget(hash);
}

/** Adds `pad` to each octet of PADDED_KEY, and leaves the chaining value after that block at `value`. */
function takePaddedKey(hash: u32, value: usize, pad: i8): void {
  const block = hashBlock(hash);
  for (let at = PADDED_KEY; at < PADDED_KEY + <usize>block; at += 16) {
    v128.store(at, v128.xor(v128.load(at), i8x16.splat(pad)));
  }
  copyChainingValue(hash, value, hashStart(hash));
  hashCompress(hash, value, PADDED_KEY, block);
}
