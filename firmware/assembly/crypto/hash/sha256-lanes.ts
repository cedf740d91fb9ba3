/**
 * SHA-256 (FIPS 180-4 §6.2) of four messages at once: word t of each in one lane of a vector. Constant-time. Only whole blocks;
 * padding, lengths and keys are `hmac-lanes.ts`; eight messages, of the same parts, are `sha256-eight-lanes.ts`.
 */
import { addRunning, loadBlocks, WORDS } from './lanes.ts';
import { SHA256_ROUND_CONSTANTS } from './sha256.ts';

/**
 * Takes `blocks` blocks of each of four messages into their chaining values, in place.
 *
 * @param values   8 vectors: a word of each of the four chaining values
 * @param running  all bits set in the lanes to change; the others are computed as well, and their messages read
 * @constantTime
 */
export function sha256Lanes(
  values: usize,
  message0: usize,
  message1: usize,
  message2: usize,
  message3: usize,
  blocks: i32,
  running: v128,
): void {
  for (let end = message0 + 64 * <usize>blocks; message0 < end; ) {
    loadBlocks(WORDS, message0, message1, message2, message3);
    let a = v128.load(values, 0);
    let b = v128.load(values, 16);
    let c = v128.load(values, 32);
    let d = v128.load(values, 48);
    let e = v128.load(values, 64);
    let f = v128.load(values, 80);
    let g = v128.load(values, 96);
    let h = v128.load(values, 112);
    // A round an iteration: unrolled, a compiler moves what a needs to where a is used, four rounds on, and spills what waits.
    for (let round: usize = 0; round < 64; round++) {
      const at = WORDS + (round << 4);
      if (round < 48) extend(at);
      const constant = v128.load32_splat(SHA256_ROUND_CONSTANTS + (round << 2));
      const given = i32x4.add(h, i32x4.add(v128.load(at), constant));
      const t1 = i32x4.add(i32x4.add(given, choose(e, f, g)), bigSigma1(e));
      // T_2 is added in parts, because its sum takes longest.
      const next = i32x4.add(i32x4.add(t1, majority(a, b, c)), bigSigma0(a));
      h = g;
      g = f;
      f = e;
      e = i32x4.add(d, t1);
      d = c;
      c = b;
      b = a;
      a = next;
    }
    addRunning(values, a, running);
    addRunning(values + 16, b, running);
    addRunning(values + 32, c, running);
    addRunning(values + 48, d, running);
    addRunning(values + 64, e, running);
    addRunning(values + 80, f, running);
    addRunning(values + 96, g, running);
    addRunning(values + 112, h, running);
    message0 += 64;
    message1 += 64;
    message2 += 64;
    message3 += 64;
  }
}

/**
 * The word of the schedule sixteen after the one at `at`: W_t from W_t-16, W_t-15, W_t-7 and W_t-2 (FIPS 180-4 §6.2.2). So far
 * ahead of the rounds, it fills the time in which a round waits for the one before.
 */
export function extend(at: usize): void {
  const far = i32x4.add(v128.load(at), smallSigma0(v128.load(at, 16)));
  const near = i32x4.add(v128.load(at, 144), smallSigma1(v128.load(at, 224)));
  v128.store(at, i32x4.add(far, near), 256);
}

/** Ch, Maj and the sigmas of FIPS 180-4 §4.1.2. */
export function choose(x: v128, y: v128, z: v128): v128 {
  return v128.xor(v128.and(x, v128.xor(y, z)), z);
}

function majority(x: v128, y: v128, z: v128): v128 {
  return v128.xor(v128.and(v128.xor(x, y), v128.xor(y, z)), y);
}

export function bigSigma0(x: v128): v128 {
  return v128.xor(v128.xor(rotateRight(x, 2), rotateRight(x, 13)), rotateRight(x, 22));
}

export function bigSigma1(x: v128): v128 {
  return v128.xor(v128.xor(rotateRight(x, 6), rotateRight(x, 11)), rotateRight(x, 25));
}

function smallSigma0(x: v128): v128 {
  return v128.xor(v128.xor(rotateRight(x, 7), rotateRight(x, 18)), i32x4.shr_u(x, 3));
}

function smallSigma1(x: v128): v128 {
  return v128.xor(v128.xor(rotateRight(x, 17), rotateRight(x, 19)), i32x4.shr_u(x, 10));
}

function rotateRight(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shr_u(x, bits), i32x4.shl(x, 32 - bits));
}
