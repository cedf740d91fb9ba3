/**
 * The compression function of SHA-256 (FIPS 180-4 §6.2), one message at a time. Constant-time. Padding and digest are
 * `hash.ts`, four messages at once `sha256-lanes.ts`, eight `sha256-eight-lanes.ts`.
 */

/** The chaining value before any message (FIPS 180-4 §5.3.3). */
// biome-ignore format: words as the standard has them
export const SHA256_START: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
], 16);

/** W_t + K_t of one block, 64 words (FIPS 180-4 §6.2.2). Not reentrant. */
const SCHEDULE: usize = memory.data(256, 16);

/** Octets of a word reversed, four words at once: messages are big-endian (FIPS 180-4 §3.1). */
const BIG_ENDIAN: usize = memory.data<u8>([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12], 16);

/** FIPS 180-4 §4.2.2. */
// biome-ignore format: words as the standard has them
export const SHA256_ROUND_CONSTANTS: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
], 16);

/**
 * Takes whole blocks into a chaining value, in place. The message schedule goes four words at a time in vectors, sixteen
 * rounds ahead of the rounds, so that a processor does both at once.
 *
 * @param state   8 words, host order
 * @param octets  a multiple of 64
 * @constantTime
 */
export function sha256Compress(state: usize, message: usize, octets: i32): void {
  const bigEndian = v128.load(BIG_ENDIAN);
  for (const end = message + <usize>octets; message < end; message += 64) {
    let w0 = i8x16.relaxed_swizzle(v128.load(message, 0), bigEndian);
    let w1 = i8x16.relaxed_swizzle(v128.load(message, 16), bigEndian);
    let w2 = i8x16.relaxed_swizzle(v128.load(message, 32), bigEndian);
    let w3 = i8x16.relaxed_swizzle(v128.load(message, 48), bigEndian);
    v128.store(SCHEDULE, i32x4.add(w0, v128.load(SHA256_ROUND_CONSTANTS, 0)), 0);
    v128.store(SCHEDULE, i32x4.add(w1, v128.load(SHA256_ROUND_CONSTANTS, 16)), 16);
    v128.store(SCHEDULE, i32x4.add(w2, v128.load(SHA256_ROUND_CONSTANTS, 32)), 32);
    v128.store(SCHEDULE, i32x4.add(w3, v128.load(SHA256_ROUND_CONSTANTS, 48)), 48);
    let a = load<u32>(state, 0);
    let b = load<u32>(state, 4);
    let c = load<u32>(state, 8);
    let d = load<u32>(state, 12);
    let e = load<u32>(state, 16);
    let f = load<u32>(state, 20);
    let g = load<u32>(state, 24);
    let h = load<u32>(state, 28);
    for (let sixteen: usize = 0; sixteen < 256; sixteen += 64) {
      if (sixteen < 192) {
        w0 = nextWords(w0, w1, w2, w3);
        w1 = nextWords(w1, w2, w3, w0);
        w2 = nextWords(w2, w3, w0, w1);
        w3 = nextWords(w3, w0, w1, w2);
        v128.store(SCHEDULE + sixteen, i32x4.add(w0, v128.load(SHA256_ROUND_CONSTANTS + sixteen, 64)), 64);
        v128.store(SCHEDULE + sixteen, i32x4.add(w1, v128.load(SHA256_ROUND_CONSTANTS + sixteen, 80)), 80);
        v128.store(SCHEDULE + sixteen, i32x4.add(w2, v128.load(SHA256_ROUND_CONSTANTS + sixteen, 96)), 96);
        v128.store(SCHEDULE + sixteen, i32x4.add(w3, v128.load(SHA256_ROUND_CONSTANTS + sixteen, 112)), 112);
      }
      for (let at = SCHEDULE + sixteen; at < SCHEDULE + sixteen + 64; at += 32) {
        h += load<u32>(at, 0) + choose(e, f, g) + bigSigma1(e);
        d += h;
        h += majority(a, b, c) + bigSigma0(a);
        g += load<u32>(at, 4) + choose(d, e, f) + bigSigma1(d);
        c += g;
        g += majority(h, a, b) + bigSigma0(h);
        f += load<u32>(at, 8) + choose(c, d, e) + bigSigma1(c);
        b += f;
        f += majority(g, h, a) + bigSigma0(g);
        e += load<u32>(at, 12) + choose(b, c, d) + bigSigma1(b);
        a += e;
        e += majority(f, g, h) + bigSigma0(f);
        d += load<u32>(at, 16) + choose(a, b, c) + bigSigma1(a);
        h += d;
        d += majority(e, f, g) + bigSigma0(e);
        c += load<u32>(at, 20) + choose(h, a, b) + bigSigma1(h);
        g += c;
        c += majority(d, e, f) + bigSigma0(d);
        b += load<u32>(at, 24) + choose(g, h, a) + bigSigma1(g);
        f += b;
        b += majority(c, d, e) + bigSigma0(c);
        a += load<u32>(at, 28) + choose(f, g, h) + bigSigma1(f);
        e += a;
        a += majority(b, c, d) + bigSigma0(b);
      }
    }
    store<u32>(state, load<u32>(state, 0) + a, 0);
    store<u32>(state, load<u32>(state, 4) + b, 4);
    store<u32>(state, load<u32>(state, 8) + c, 8);
    store<u32>(state, load<u32>(state, 12) + d, 12);
    store<u32>(state, load<u32>(state, 16) + e, 16);
    store<u32>(state, load<u32>(state, 20) + f, 20);
    store<u32>(state, load<u32>(state, 24) + g, 24);
    store<u32>(state, load<u32>(state, 28) + h, 28);
  }
}

/** The next four words of the message schedule after sixteen. The upper two need the lower two, so these come first. */
function nextWords(w0: v128, w4: v128, w8: v128, w12: v128): v128 {
  const w1 = v128.shuffle<u32>(w0, w4, 1, 2, 3, 4);
  const w9 = v128.shuffle<u32>(w8, w12, 1, 2, 3, 4);
  const sum = i32x4.add(i32x4.add(w0, w9), smallSigma0(w1));
  const zero = i32x4.splat(0);
  const lower = i32x4.add(sum, smallSigma1(v128.shuffle<u32>(w12, zero, 2, 3, 4, 4)));
  return i32x4.add(lower, smallSigma1(v128.shuffle<u32>(zero, lower, 0, 0, 4, 5)));
}

/** Ch, Maj and the sigmas of FIPS 180-4 §4.1.2; the small ones on four words. */
function choose(x: u32, y: u32, z: u32): u32 {
  return (x & (y ^ z)) ^ z;
}

function majority(x: u32, y: u32, z: u32): u32 {
  return (x & y) | (z & (x | y));
}

function bigSigma0(x: u32): u32 {
  return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22);
}

function bigSigma1(x: u32): u32 {
  return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25);
}

function smallSigma0(x: v128): v128 {
  const seven = v128.or(i32x4.shr_u(x, 7), i32x4.shl(x, 25));
  const eighteen = v128.or(i32x4.shr_u(x, 18), i32x4.shl(x, 14));
  return v128.xor(v128.xor(seven, eighteen), i32x4.shr_u(x, 3));
}

function smallSigma1(x: v128): v128 {
  const seventeen = v128.or(i32x4.shr_u(x, 17), i32x4.shl(x, 15));
  const nineteen = v128.or(i32x4.shr_u(x, 19), i32x4.shl(x, 13));
  return v128.xor(v128.xor(seventeen, nineteen), i32x4.shr_u(x, 10));
}
