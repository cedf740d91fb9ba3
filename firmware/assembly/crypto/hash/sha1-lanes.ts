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
    loadBlocks(message0, message1, message2, message3);
    let a = v128.load(values, 0);
    let b = v128.load(values, 16);
    let c = v128.load(values, 32);
    let d = v128.load(values, 48);
    let e = v128.load(values, 64);
    let at = WORDS;
    for (; at < WORDS + 240; at += 80) {
      e = i32x4.add(e, step(a, choose(b, c, d), v128.load(at, 0), k0));
      b = rotateLeft(b, 30);
      d = i32x4.add(d, step(e, choose(a, b, c), v128.load(at, 16), k0));
      a = rotateLeft(a, 30);
      c = i32x4.add(c, step(d, choose(e, a, b), v128.load(at, 32), k0));
      e = rotateLeft(e, 30);
      b = i32x4.add(b, step(c, choose(d, e, a), v128.load(at, 48), k0));
      d = rotateLeft(d, 30);
      a = i32x4.add(a, step(b, choose(c, d, e), v128.load(at, 64), k0));
      c = rotateLeft(c, 30);
    }
    e = i32x4.add(e, step(a, choose(b, c, d), v128.load(at), k0));
    b = rotateLeft(b, 30);
    d = i32x4.add(d, step(e, choose(a, b, c), nextWord(at + 16), k0));
    a = rotateLeft(a, 30);
    c = i32x4.add(c, step(d, choose(e, a, b), nextWord(at + 32), k0));
    e = rotateLeft(e, 30);
    b = i32x4.add(b, step(c, choose(d, e, a), nextWord(at + 48), k0));
    d = rotateLeft(d, 30);
    a = i32x4.add(a, step(b, choose(c, d, e), nextWord(at + 64), k0));
    c = rotateLeft(c, 30);
    at += 80;
    for (; at < WORDS + 640; at += 80) {
      e = i32x4.add(e, step(a, parity(b, c, d), nextWord(at), k1));
      b = rotateLeft(b, 30);
      d = i32x4.add(d, step(e, parity(a, b, c), nextWord(at + 16), k1));
      a = rotateLeft(a, 30);
      c = i32x4.add(c, step(d, parity(e, a, b), nextWord(at + 32), k1));
      e = rotateLeft(e, 30);
      b = i32x4.add(b, step(c, parity(d, e, a), nextWord(at + 48), k1));
      d = rotateLeft(d, 30);
      a = i32x4.add(a, step(b, parity(c, d, e), nextWord(at + 64), k1));
      c = rotateLeft(c, 30);
    }
    for (; at < WORDS + 960; at += 80) {
      e = i32x4.add(e, step(a, majority(b, c, d), nextWord(at), k2));
      b = rotateLeft(b, 30);
      d = i32x4.add(d, step(e, majority(a, b, c), nextWord(at + 16), k2));
      a = rotateLeft(a, 30);
      c = i32x4.add(c, step(d, majority(e, a, b), nextWord(at + 32), k2));
      e = rotateLeft(e, 30);
      b = i32x4.add(b, step(c, majority(d, e, a), nextWord(at + 48), k2));
      d = rotateLeft(d, 30);
      a = i32x4.add(a, step(b, majority(c, d, e), nextWord(at + 64), k2));
      c = rotateLeft(c, 30);
    }
    for (; at < WORDS + 1280; at += 80) {
      e = i32x4.add(e, step(a, parity(b, c, d), nextWord(at), k3));
      b = rotateLeft(b, 30);
      d = i32x4.add(d, step(e, parity(a, b, c), nextWord(at + 16), k3));
      a = rotateLeft(a, 30);
      c = i32x4.add(c, step(d, parity(e, a, b), nextWord(at + 32), k3));
      e = rotateLeft(e, 30);
      b = i32x4.add(b, step(c, parity(d, e, a), nextWord(at + 48), k3));
      d = rotateLeft(d, 30);
      a = i32x4.add(a, step(b, parity(c, d, e), nextWord(at + 64), k3));
      c = rotateLeft(c, 30);
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

/** W_t of FIPS 180-4 §6.1.2, stored at `at` behind the sixteen words before it. */
function nextWord(at: usize): v128 {
  const near = v128.xor(v128.load(at - 48), v128.load(at - 128));
  const far = v128.xor(v128.load(at - 224), v128.load(at - 256));
  const word = rotateLeft(v128.xor(near, far), 1);
  v128.store(at, word);
  return word;
}

/** What a round adds to e. */
function step(a: v128, mixed: v128, word: v128, constant: v128): v128 {
  return i32x4.add(i32x4.add(mixed, i32x4.add(word, constant)), rotateLeft(a, 5));
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
