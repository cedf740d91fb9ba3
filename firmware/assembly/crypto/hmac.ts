/**
 * HMAC (RFC 2104) with SHA-1 and SHA-256. Constant-time. A context keeps the chaining values after the inner and the outer
 * padded key, so that a packet costs no key work. Truncates nothing (RFC 2404, RFC 4868) and compares nothing (`equal.ts`).
 *
 *   0              32              64
 *   | inner value  | outer value   |      words in host order, each padded with zeros
 */
import { HMAC_SHA1_CONTEXT_SIZE, HMAC_SHA256_CONTEXT_SIZE } from '../../abi/crypto-context.ts';
import { SHA1_START, sha1, sha1Block, sha1Continue } from './sha1.ts';
import { SHA256_START, sha256, sha256Block, sha256Continue } from './sha256.ts';

/** B of RFC 2104 §2, the same for both hashes; ipad and opad. */
const BLOCK: i32 = 64;
const INNER_PAD: i8 = 0x36;
const OUTER_PAD: i8 = 0x5c;
const OUTER: usize = 32;

/** Scratch; not reentrant. */
const PADDED_KEY: usize = memory.data(64, 16);
const INNER_DIGEST: usize = memory.data(32, 16);

/**
 * Fills a context from a key of any length.
 *
 * @param context  HMAC_SHA1_CONTEXT_SIZE octets, written whole
 * @constantTime but for the key's length
 * @wipes its scratch
 */
export function hmacSha1Setup(context: usize, key: usize, keyLength: i32): void {
  memory.fill(context, 0, HMAC_SHA1_CONTEXT_SIZE);
  memory.fill(PADDED_KEY, 0, BLOCK);
  if (keyLength > BLOCK) sha1(key, keyLength, PADDED_KEY);
  else memory.copy(PADDED_KEY, key, keyLength);
  memory.copy(context, SHA1_START, 20);
  memory.copy(context + OUTER, SHA1_START, 20);
  padKey(INNER_PAD);
  sha1Block(context, PADDED_KEY);
  padKey(INNER_PAD ^ OUTER_PAD);
  sha1Block(context + OUTER, PADDED_KEY);
  memory.fill(PADDED_KEY, 0, BLOCK);
}

/**
 * Writes the whole HMAC of a message; ESP takes the first 12 octets (RFC 2404).
 *
 * @param out  20 octets, written; may overlap the message
 * @constantTime but for the length
 */
export function hmacSha1(context: usize, message: usize, length: i32, out: usize): void {
  sha1Continue(context, BLOCK, message, length, INNER_DIGEST);
  sha1Continue(context + OUTER, BLOCK, INNER_DIGEST, 20, out);
}

/**
 * Fills a context from a key of any length.
 *
 * @param context  HMAC_SHA256_CONTEXT_SIZE octets, written whole
 * @constantTime but for the key's length
 * @wipes its scratch
 */
export function hmacSha256Setup(context: usize, key: usize, keyLength: i32): void {
  memory.fill(context, 0, HMAC_SHA256_CONTEXT_SIZE);
  memory.fill(PADDED_KEY, 0, BLOCK);
  if (keyLength > BLOCK) sha256(key, keyLength, PADDED_KEY);
  else memory.copy(PADDED_KEY, key, keyLength);
  memory.copy(context, SHA256_START, 32);
  memory.copy(context + OUTER, SHA256_START, 32);
  padKey(INNER_PAD);
  sha256Block(context, PADDED_KEY);
  padKey(INNER_PAD ^ OUTER_PAD);
  sha256Block(context + OUTER, PADDED_KEY);
  memory.fill(PADDED_KEY, 0, BLOCK);
}

/**
 * Writes the whole HMAC of a message; ESP takes the first 16 octets (RFC 4868).
 *
 * @param out  32 octets, written; may overlap the message
 * @constantTime but for the length
 */
export function hmacSha256(context: usize, message: usize, length: i32, out: usize): void {
  sha256Continue(context, BLOCK, message, length, INNER_DIGEST);
  sha256Continue(context + OUTER, BLOCK, INNER_DIGEST, 32, out);
}

/** Adds `pad` to each octet of PADDED_KEY. */
function padKey(pad: i8): void {
  for (let at = PADDED_KEY; at < PADDED_KEY + BLOCK; at += 16) {
    v128.store(at, v128.xor(v128.load(at), i8x16.splat(pad)));
  }
}
