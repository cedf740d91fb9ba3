/**
 * SHA-256 (FIPS 180-4 §6.2) of four messages at once: word t of each in one lane of a vector. Constant-time. Only whole blocks;
 * padding, lengths and keys are `hmac-lanes.ts`.
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
    loadBlocks(message0, message1, message2, message3);
    let a = v128.load(values, 0);
    let b = v128.load(values, 16);
    let c = v128.load(values, 32);
    let d = v128.load(values, 48);
    let e = v128.load(values, 64);
    let f = v128.load(values, 80);
    let g = v128.load(values, 96);
    let h = v128.load(values, 112);
    for (let sixteen: usize = 0; sixteen < 256; sixteen += 64) {
      // FIPS 180-4 §6.2.2: the next sixteen words of the schedule take the places of the last.
      if (sixteen > 0) {
        extend(0, 16, 144, 224);
        extend(16, 32, 160, 240);
        extend(32, 48, 176, 0);
        extend(48, 64, 192, 16);
        extend(64, 80, 208, 32);
        extend(80, 96, 224, 48);
        extend(96, 112, 240, 64);
        extend(112, 128, 0, 80);
        extend(128, 144, 16, 96);
        extend(144, 160, 32, 112);
        extend(160, 176, 48, 128);
        extend(176, 192, 64, 144);
        extend(192, 208, 80, 160);
        extend(208, 224, 96, 176);
        extend(224, 240, 112, 192);
        extend(240, 0, 128, 208);
      }
      let constants = SHA256_ROUND_CONSTANTS + sixteen;
      for (let at = WORDS; at < WORDS + 256; at += 128, constants += 32) {
        h = beforeE(h, e, f, g, v128.load(at, 0), v128.load32_splat(constants, 0));
        d = i32x4.add(d, h);
        h = i32x4.add(h, i32x4.add(bigSigma0(a), majority(a, b, c)));
        g = beforeE(g, d, e, f, v128.load(at, 16), v128.load32_splat(constants, 4));
        c = i32x4.add(c, g);
        g = i32x4.add(g, i32x4.add(bigSigma0(h), majority(h, a, b)));
        f = beforeE(f, c, d, e, v128.load(at, 32), v128.load32_splat(constants, 8));
        b = i32x4.add(b, f);
        f = i32x4.add(f, i32x4.add(bigSigma0(g), majority(g, h, a)));
        e = beforeE(e, b, c, d, v128.load(at, 48), v128.load32_splat(constants, 12));
        a = i32x4.add(a, e);
        e = i32x4.add(e, i32x4.add(bigSigma0(f), majority(f, g, h)));
        d = beforeE(d, a, b, c, v128.load(at, 64), v128.load32_splat(constants, 16));
        h = i32x4.add(h, d);
        d = i32x4.add(d, i32x4.add(bigSigma0(e), majority(e, f, g)));
        c = beforeE(c, h, a, b, v128.load(at, 80), v128.load32_splat(constants, 20));
        g = i32x4.add(g, c);
        c = i32x4.add(c, i32x4.add(bigSigma0(d), majority(d, e, f)));
        b = beforeE(b, g, h, a, v128.load(at, 96), v128.load32_splat(constants, 24));
        f = i32x4.add(f, b);
        b = i32x4.add(b, i32x4.add(bigSigma0(c), majority(c, d, e)));
        a = beforeE(a, f, g, h, v128.load(at, 112), v128.load32_splat(constants, 28));
        e = i32x4.add(e, a);
        a = i32x4.add(a, i32x4.add(bigSigma0(b), majority(b, c, d)));
      }
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

/** W_t into the place of W_t-16, with the places of W_t-15, W_t-7 and W_t-2 (FIPS 180-4 §6.2.2). */
function extend(w16: usize, w15: usize, w7: usize, w2: usize): void {
  const near = i32x4.add(v128.load(WORDS + w7), smallSigma1(v128.load(WORDS + w2)));
  const far = i32x4.add(v128.load(WORDS + w16), smallSigma0(v128.load(WORDS + w15)));
  v128.store(WORDS + w16, i32x4.add(near, far));
}

/** T_1 of FIPS 180-4 §6.2.2. */
function beforeE(h: v128, e: v128, f: v128, g: v128, word: v128, constant: v128): v128 {
  const given = i32x4.add(i32x4.add(h, word), constant);
  return i32x4.add(given, i32x4.add(choose(e, f, g), bigSigma1(e)));
}

/** Ch, Maj and the sigmas of FIPS 180-4 §4.1.2. */
function choose(x: v128, y: v128, z: v128): v128 {
  return v128.xor(v128.and(x, v128.xor(y, z)), z);
}

/** In this form the second difference is the first one of the round before, so that a compiler may keep it. */
function majority(x: v128, y: v128, z: v128): v128 {
  return v128.xor(v128.and(v128.xor(x, y), v128.xor(y, z)), y);
}

function bigSigma0(x: v128): v128 {
  return v128.xor(v128.xor(rotateRight(x, 2), rotateRight(x, 13)), rotateRight(x, 22));
}

function bigSigma1(x: v128): v128 {
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
