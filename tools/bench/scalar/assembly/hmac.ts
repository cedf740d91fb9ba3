/**
 * Whole messages through the textbook's SHA, and HMAC (RFC 2104) with both padded keys taken in beforehand, as the firmware does.
 * The size of the digest tells which hash. Yardsticks for measurements that ship nowhere.
 */
import { SHA1_START } from '../../../../firmware/assembly/crypto/hash/sha1.ts';
import { SHA256_START } from '../../../../firmware/assembly/crypto/hash/sha256.ts';
import { SHA384_START, SHA512_START } from '../../../../firmware/assembly/crypto/hash/sha512.ts';
import { sha1Block, sha256Block, sha512Block } from './sha.ts';

const STATE: usize = memory.data(64, 16);
const TAIL: usize = memory.data(256, 16);
const PADDED_KEY: usize = memory.data(128, 16);
const DIGEST: usize = memory.data(64, 16);
/** A context: the value behind the inner padded key, and here that behind the outer one. */
const OUTER: usize = 64;

export function hash(digestSize: i32, message: usize, length: i32, out: usize): void {
  start(digestSize, STATE);
  finish(digestSize, 0, message, length, out);
}

export function hmacSetup(digestSize: i32, context: usize, key: usize, keyLength: i32): void {
  const block = blockSize(digestSize);
  memory.fill(PADDED_KEY, 0, 128);
  if (keyLength > block) hash(digestSize, key, keyLength, PADDED_KEY);
  else memory.copy(PADDED_KEY, key, keyLength);
  addToKey(0x36);
  start(digestSize, context);
  compress(digestSize, context, PADDED_KEY, block);
  addToKey(0x36 ^ 0x5c);
  start(digestSize, context + OUTER);
  compress(digestSize, context + OUTER, PADDED_KEY, block);
}

export function hmac(digestSize: i32, context: usize, message: usize, length: i32, out: usize): void {
  memory.copy(STATE, context, 64);
  finish(digestSize, blockSize(digestSize), message, length, DIGEST);
  memory.copy(STATE, context + OUTER, 64);
  finish(digestSize, blockSize(digestSize), DIGEST, digestSize, out);
}

function addToKey(octet: u8): void {
  for (let at = PADDED_KEY; at < PADDED_KEY + 128; at++) store<u8>(at, load<u8>(at) ^ octet);
}

function blockSize(digestSize: i32): i32 {
  return digestSize > 32 ? 128 : 64;
}

function start(digestSize: i32, state: usize): void {
  if (digestSize === 20) memory.copy(state, SHA1_START, 20);
  else if (digestSize === 32) memory.copy(state, SHA256_START, 32);
  else if (digestSize === 48) memory.copy(state, SHA384_START, 64);
  else memory.copy(state, SHA512_START, 64);
}

/** Takes in the rest of a message of which `before` octets are in STATE, and writes the digest (FIPS 180-4 §5.1). */
function finish(digestSize: i32, before: i32, message: usize, length: i32, out: usize): void {
  const block = blockSize(digestSize);
  const left = length % block;
  compress(digestSize, STATE, message, length - left);
  const padded = left + 1 + (block >> 3) <= block ? block : 2 * block;
  memory.fill(TAIL, 0, 256);
  memory.copy(TAIL, message + <usize>(length - left), left);
  store<u8>(TAIL + <usize>left, 0x80);
  store<u64>(TAIL + <usize>padded - 8, bswap<u64>((<u64>(before + length)) << 3));
  compress(digestSize, STATE, TAIL, padded);
  if (digestSize <= 32) {
    for (let at: usize = 0; at < <usize>digestSize; at += 4) {
      store<u32>(out + at, bswap<u32>(load<u32>(STATE + at)));
    }
  } else {
    for (let at: usize = 0; at < <usize>digestSize; at += 8) {
      store<u64>(out + at, bswap<u64>(load<u64>(STATE + at)));
    }
  }
}

function compress(digestSize: i32, state: usize, message: usize, octets: i32): void {
  const end = message + <usize>octets;
  if (digestSize === 20) for (; message < end; message += 64) sha1Block(state, message);
  else if (digestSize === 32) for (; message < end; message += 64) sha256Block(state, message);
  else for (; message < end; message += 128) sha512Block(state, message);
}
