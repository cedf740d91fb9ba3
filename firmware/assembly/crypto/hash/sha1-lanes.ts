/**
 * SHA-1 (FIPS 180-4 §6.1) of four messages at once: word t of each in one lane of a vector. Constant-time. Only whole blocks;
 * padding, lengths and keys are `hmac-lanes.ts`.
 */
import { addRunning, loadBlocks, WORDS } from './lanes.ts';

/** FIPS 180-4 §4.2.1. In memory, because a constant vector in the code would be built anew in every round. */
const ROUND_CONSTANTS: usize = memory.data<u32>([0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6], 16);

/**
 * Takes `blocks` blocks of each of four messages into their chaining values, in place.
 *
 * @param values   5 vectors: a word of each of the four chaining values
 * @param running  all bits set in the lanes to change; the others are computed as well, and their messages read
 * @constantTime
 */
export function sha1Lanes(
  values: usize,
  message0: usize,
  message1: usize,
  message2: usize,
  message3: usize,
  blocks: i32,
  running: v128,
): void {
  const k0 = v128.load32_splat(ROUND_CONSTANTS, 0);
  const k1 = v128.load32_splat(ROUND_CONSTANTS, 4);
  const k2 = v128.load32_splat(ROUND_CONSTANTS, 8);
  const k3 = v128.load32_splat(ROUND_CONSTANTS, 12);
  for (const end = message0 + 64 * <usize>blocks; message0 < end; ) {
    loadBlocks(WORDS, message0, message1, message2, message3);
    let a = v128.load(values, 0);
    let b = v128.load(values, 16);
    let c = v128.load(values, 32);
    let d = v128.load(values, 48);
    let e = v128.load(values, 64);
    let at = WORDS;
    for (; at < WORDS + 320; at += 16) {
      extend(at);
      const next = sum(a, choose(b, c, d), e, k0, v128.load(at));
      e = d;
      d = c;
      c = rotateLeft(b, 30);
      b = a;
      a = next;
    }
    for (; at < WORDS + 640; at += 16) {
      extend(at);
      const next = sum(a, parity(b, c, d), e, k1, v128.load(at));
      e = d;
      d = c;
      c = rotateLeft(b, 30);
      b = a;
      a = next;
    }
    for (; at < WORDS + 960; at += 16) {
      extend(at);
      const next = sum(a, majority(b, c, d), e, k2, v128.load(at));
      e = d;
      d = c;
      c = rotateLeft(b, 30);
      b = a;
      a = next;
    }
    for (; at < WORDS + 1280; at += 16) {
      if (at < WORDS + 1024) extend(at);
      const next = sum(a, parity(b, c, d), e, k3, v128.load(at));
      e = d;
      d = c;
      c = rotateLeft(b, 30);
      b = a;
      a = next;
    }
    addRunning(values, a, running);
    addRunning(values + 16, b, running);
    addRunning(values + 32, c, running);
    addRunning(values + 48, d, running);
    addRunning(values + 64, e, running);
    message0 += 64;
    message1 += 64;
    message2 += 64;
    message3 += 64;
  }
}

/**
 * The word of the schedule sixteen after the one at `at`: W_t from W_t-16, W_t-14, W_t-8 and W_t-3 (FIPS 180-4 §6.1.2). So far
 * ahead of the rounds, it fills the time in which a round waits for the one before.
 */
function extend(at: usize): void {
  const near = v128.xor(v128.load(at, 208), v128.load(at, 128));
  const far = v128.xor(v128.load(at, 32), v128.load(at));
  v128.store(at, rotateLeft(v128.xor(near, far), 1), 256);
}

/** T of FIPS 180-4 §6.1.2. What the round before computed comes last: only two additions of a round wait for it. */
function sum(a: v128, mixed: v128, e: v128, constant: v128, word: v128): v128 {
  const given = i32x4.add(i32x4.add(i32x4.add(word, constant), e), mixed);
  return i32x4.add(i32x4.add(given, i32x4.shl(a, 5)), i32x4.shr_u(a, 27));
}

/** Ch, Parity and Maj of FIPS 180-4 §4.1.1. */
function choose(x: v128, y: v128, z: v128): v128 {
  return v128.xor(v128.and(x, v128.xor(y, z)), z);
}

function parity(x: v128, y: v128, z: v128): v128 {
  return v128.xor(v128.xor(y, z), x);
}

function majority(x: v128, y: v128, z: v128): v128 {
  return v128.xor(v128.and(x, v128.xor(y, z)), v128.and(y, z));
}

function rotateLeft(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits));
}
