/**
 * The compression function of SHA-1 (FIPS 180-4 §6.1), one message at a time. Constant-time. Only for HMAC, where collisions
 * of SHA-1 do no harm (RFC 6194 §3.3); padding and digest are `hash.ts`, four messages at once `sha1-lanes.ts`.
 */

/** The chaining value before any message (FIPS 180-4 §5.3.1), padded to half a block. */
// biome-ignore format: words as the standard has them
export const SHA1_START: usize = memory.data<u32>([
  0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0, 0, 0, 0,
], 16);

/** W_t + K_t of one block, 80 words (FIPS 180-4 §6.1.2). Not reentrant. */
const SCHEDULE: usize = memory.data(320, 16);

/** Octets of a word reversed, four words at once: messages are big-endian (FIPS 180-4 §3.1). */
const BIG_ENDIAN: usize = memory.data<u8>([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12], 16);

/**
 * Takes whole blocks into a chaining value, in place. The message schedule goes four words at a time in vectors, one phase of
 * twenty rounds ahead of the rounds, so that a processor does both at once.
 *
 * @param state   5 words, host order
 * @param octets  a multiple of 64
 * @constantTime
 */
export function sha1Compress(state: usize, message: usize, octets: i32): void {
  const bigEndian = v128.load(BIG_ENDIAN);
  const k0 = i32x4.splat(0x5a827999);
  const k1 = i32x4.splat(0x6ed9eba1);
  const k2 = i32x4.splat(<i32>0x8f1bbcdc);
  const k3 = i32x4.splat(<i32>0xca62c1d6);
  let h0 = load<u32>(state, 0);
  let h1 = load<u32>(state, 4);
  let h2 = load<u32>(state, 8);
  let h3 = load<u32>(state, 12);
  let h4 = load<u32>(state, 16);
  for (const end = message + <usize>octets; message < end; message += 64) {
    let w0 = i8x16.relaxed_swizzle(v128.load(message, 0), bigEndian);
    let w1 = i8x16.relaxed_swizzle(v128.load(message, 16), bigEndian);
    let w2 = i8x16.relaxed_swizzle(v128.load(message, 32), bigEndian);
    let w3 = i8x16.relaxed_swizzle(v128.load(message, 48), bigEndian);
    let w4 = nextWords(w0, w1, w2, w3);
    v128.store(SCHEDULE, i32x4.add(w0, k0), 0);
    v128.store(SCHEDULE, i32x4.add(w1, k0), 16);
    v128.store(SCHEDULE, i32x4.add(w2, k0), 32);
    v128.store(SCHEDULE, i32x4.add(w3, k0), 48);
    v128.store(SCHEDULE, i32x4.add(w4, k0), 64);
    let a = h0;
    let b = h1;
    let c = h2;
    let d = h3;
    let e = h4;
    let at = SCHEDULE;

    w0 = nextWords(w1, w2, w3, w4);
    w1 = nextWords(w2, w3, w4, w0);
    w2 = nextWords(w3, w4, w0, w1);
    w3 = nextWords(w4, w0, w1, w2);
    w4 = nextWords(w0, w1, w2, w3);
    v128.store(SCHEDULE, i32x4.add(w0, k1), 80);
    v128.store(SCHEDULE, i32x4.add(w1, k1), 96);
    v128.store(SCHEDULE, i32x4.add(w2, k1), 112);
    v128.store(SCHEDULE, i32x4.add(w3, k1), 128);
    v128.store(SCHEDULE, i32x4.add(w4, k1), 144);
    for (; at < SCHEDULE + 80; at += 20) {
      e += load<u32>(at, 0) + choose(b, c, d) + rotl(a, 5);
      b = rotl(b, 30);
      d += load<u32>(at, 4) + choose(a, b, c) + rotl(e, 5);
      a = rotl(a, 30);
      c += load<u32>(at, 8) + choose(e, a, b) + rotl(d, 5);
      e = rotl(e, 30);
      b += load<u32>(at, 12) + choose(d, e, a) + rotl(c, 5);
      d = rotl(d, 30);
      a += load<u32>(at, 16) + choose(c, d, e) + rotl(b, 5);
      c = rotl(c, 30);
    }

    w0 = nextWords(w1, w2, w3, w4);
    w1 = nextWords(w2, w3, w4, w0);
    w2 = nextWords(w3, w4, w0, w1);
    w3 = nextWords(w4, w0, w1, w2);
    w4 = nextWords(w0, w1, w2, w3);
    v128.store(SCHEDULE, i32x4.add(w0, k2), 160);
    v128.store(SCHEDULE, i32x4.add(w1, k2), 176);
    v128.store(SCHEDULE, i32x4.add(w2, k2), 192);
    v128.store(SCHEDULE, i32x4.add(w3, k2), 208);
    v128.store(SCHEDULE, i32x4.add(w4, k2), 224);
    for (; at < SCHEDULE + 160; at += 20) {
      e += load<u32>(at, 0) + parity(b, c, d) + rotl(a, 5);
      b = rotl(b, 30);
      d += load<u32>(at, 4) + parity(a, b, c) + rotl(e, 5);
      a = rotl(a, 30);
      c += load<u32>(at, 8) + parity(e, a, b) + rotl(d, 5);
      e = rotl(e, 30);
      b += load<u32>(at, 12) + parity(d, e, a) + rotl(c, 5);
      d = rotl(d, 30);
      a += load<u32>(at, 16) + parity(c, d, e) + rotl(b, 5);
      c = rotl(c, 30);
    }

    w0 = nextWords(w1, w2, w3, w4);
    w1 = nextWords(w2, w3, w4, w0);
    w2 = nextWords(w3, w4, w0, w1);
    w3 = nextWords(w4, w0, w1, w2);
    w4 = nextWords(w0, w1, w2, w3);
    v128.store(SCHEDULE, i32x4.add(w0, k3), 240);
    v128.store(SCHEDULE, i32x4.add(w1, k3), 256);
    v128.store(SCHEDULE, i32x4.add(w2, k3), 272);
    v128.store(SCHEDULE, i32x4.add(w3, k3), 288);
    v128.store(SCHEDULE, i32x4.add(w4, k3), 304);
    for (; at < SCHEDULE + 240; at += 20) {
      e += load<u32>(at, 0) + majority(b, c, d) + rotl(a, 5);
      b = rotl(b, 30);
      d += load<u32>(at, 4) + majority(a, b, c) + rotl(e, 5);
      a = rotl(a, 30);
      c += load<u32>(at, 8) + majority(e, a, b) + rotl(d, 5);
      e = rotl(e, 30);
      b += load<u32>(at, 12) + majority(d, e, a) + rotl(c, 5);
      d = rotl(d, 30);
      a += load<u32>(at, 16) + majority(c, d, e) + rotl(b, 5);
      c = rotl(c, 30);
    }
    for (; at < SCHEDULE + 320; at += 20) {
      e += load<u32>(at, 0) + parity(b, c, d) + rotl(a, 5);
      b = rotl(b, 30);
      d += load<u32>(at, 4) + parity(a, b, c) + rotl(e, 5);
      a = rotl(a, 30);
      c += load<u32>(at, 8) + parity(e, a, b) + rotl(d, 5);
      e = rotl(e, 30);
      b += load<u32>(at, 12) + parity(d, e, a) + rotl(c, 5);
      d = rotl(d, 30);
      a += load<u32>(at, 16) + parity(c, d, e) + rotl(b, 5);
      c = rotl(c, 30);
    }
    h0 += a;
    h1 += b;
    h2 += c;
    h3 += d;
    h4 += e;
  }
  store<u32>(state, h0, 0);
  store<u32>(state, h1, 4);
  store<u32>(state, h2, 8);
  store<u32>(state, h3, 12);
  store<u32>(state, h4, 16);
}

/** The next four words of the message schedule after sixteen. The fourth needs the first: it is added afterwards. */
function nextWords(w0: v128, w4: v128, w8: v128, w12: v128): v128 {
  const near = v128.xor(v128.shuffle<u32>(w12, i32x4.splat(0), 1, 2, 3, 4), w8);
  const far = v128.xor(v128.shuffle<u32>(w0, w4, 2, 3, 4, 5), w0);
  const words = rotateLeft1(v128.xor(near, far));
  return v128.xor(words, v128.shuffle<u32>(i32x4.splat(0), rotateLeft1(words), 0, 1, 2, 4));
}

function rotateLeft1(words: v128): v128 {
  return v128.or(i32x4.shl(words, 1), i32x4.shr_u(words, 31));
}

/** Ch, Parity and Maj of FIPS 180-4 §4.1.1. */
function choose(x: u32, y: u32, z: u32): u32 {
  return (x & (y ^ z)) ^ z;
}

function parity(x: u32, y: u32, z: u32): u32 {
  return x ^ y ^ z;
}

function majority(x: u32, y: u32, z: u32): u32 {
  return (x & y) | (z & (x | y));
}
