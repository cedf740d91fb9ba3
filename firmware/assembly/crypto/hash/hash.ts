/**
 * MD5, SHA-1, SHA-256, SHA-384 and SHA-512 as one: what distinguishes them (block, digest, start, order of octets, compression
 * function), and how a digest comes of it. Constant-time but for lengths. Several messages at once: `hmac-lanes.ts`.
 *
 * A chaining value is kept in half a block, words in host order, padded with zeros.
 */
import {
  MD5_DIGEST_SIZE,
  SHA1_DIGEST_SIZE,
  SHA256_DIGEST_SIZE,
  SHA384_DIGEST_SIZE,
  SHA512_DIGEST_SIZE,
} from '../../../abi/crypto-context.ts';
import { MD5_START, md5Compress } from './md5.ts';
import { SHA1_START, sha1Compress } from './sha1.ts';
import { SHA256_START, sha256Compress } from './sha256.ts';
import { SHA384_START, SHA512_START, sha512Compress } from './sha512.ts';
import { LONGEST_TAIL, padTail } from './tail.ts';

/** Which hash. AssemblyScript has no closures: a hash is a number, and the functions below branch on it. */
export const HASH_MD5: u32 = 0;
export const HASH_SHA1: u32 = 1;
export const HASH_SHA256: u32 = 2;
export const HASH_SHA384: u32 = 3;
export const HASH_SHA512: u32 = 4;

/** Scratch; not reentrant. */
const STATE: usize = memory.data(64, 16);
const TAIL: usize = memory.data(LONGEST_TAIL, 16);

/** Octets that one compression takes. */
export function hashBlock(hash: u32): i32 {
  return hash >= HASH_SHA384 ? 128 : 64;
}

export function hashDigestSize(hash: u32): i32 {
  if (hash === HASH_MD5) return MD5_DIGEST_SIZE;
  if (hash === HASH_SHA1) return SHA1_DIGEST_SIZE;
  if (hash === HASH_SHA256) return SHA256_DIGEST_SIZE;
  return hash === HASH_SHA384 ? SHA384_DIGEST_SIZE : SHA512_DIGEST_SIZE;
}

/** Address of the chaining value before any message. */
export function hashStart(hash: u32): usize {
  if (hash === HASH_MD5) return MD5_START;
  if (hash === HASH_SHA1) return SHA1_START;
  if (hash === HASH_SHA256) return SHA256_START;
  return hash === HASH_SHA384 ? SHA384_START : SHA512_START;
}

/** Takes `octets`, whole blocks, into the chaining value at `state`, in place. */
export function hashCompress(hash: u32, state: usize, message: usize, octets: i32): void {
  if (hash === HASH_SHA256) sha256Compress(state, message, octets);
  else if (hash === HASH_SHA1) sha1Compress(state, message, octets);
  else if (hash === HASH_MD5) md5Compress(state, message, octets);
  else sha512Compress(state, message, octets);
}

/** Writes the digest of a message. */
export function hashMessage(hash: u32, message: usize, length: i32, out: usize): void {
  hashContinue(hash, hashStart(hash), 0, message, length, out);
}

/**
 * Writes the digest of a message that continues after a chaining value.
 *
 * @param start   chaining value after `before` octets; read only
 * @param before  octets already taken in, whole blocks
 * @param out     hashDigestSize(hash) octets, written; may overlap the message
 * @constantTime but for the length
 */
export function hashContinue(
  hash: u32,
  start: usize,
  before: i32,
  message: usize,
  length: i32,
  out: usize,
): void {
  const block = hashBlock(hash);
  copyChainingValue(hash, STATE, start);
  const left = length & (block - 1);
  const whole = length - left;
  hashCompress(hash, STATE, message, whole);
  const bits = (<u64>before + <u64>length) << 3;
  const padded = padTail(
    TAIL,
    message + <usize>whole,
    left,
    block,
    hash === HASH_MD5 ? bits : bswap<u64>(bits),
  );
  hashCompress(hash, STATE, TAIL, padded);
  writeDigest(hash, out);
}

/** Copies half a block. */
export function copyChainingValue(hash: u32, to: usize, from: usize): void {
  const size = <usize>hashBlock(hash) >> 1;
  for (let at: usize = 0; at < size; at += 16) v128.store(to + at, v128.load(from + at));
}

/** Overwrites what the scratch of this file and of the compression function still holds of the last message. */
export function hashForget(hash: u32): void {
  memory.fill(TAIL, 0, LONGEST_TAIL);
  hashCompress(hash, STATE, TAIL, hashBlock(hash));
  memory.fill(STATE, 0, 64);
}

/** Words of STATE in the hash's order of octets: MD5 is little-endian, SHA-384 and SHA-512 have words of 64 bits. */
function writeDigest(hash: u32, out: usize): void {
  if (hash === HASH_MD5) {
    v128.store(out, v128.load(STATE));
    return;
  }
  const size = <usize>hashDigestSize(hash);
  if (hash >= HASH_SHA384) {
    for (let at: usize = 0; at < size; at += 8) store<u64>(out + at, bswap<u64>(load<u64>(STATE + at)));
  } else {
    for (let at: usize = 0; at < size; at += 4) store<u32>(out + at, bswap<u32>(load<u32>(STATE + at)));
  }
}
