/**
 * SHA-256 (FIPS 180-4 §6.2), one message at a time. Constant-time but for the length. Sits under `hmac.ts`.
 */

/** The chaining value before any message (FIPS 180-4 §5.3.3). */
// biome-ignore format: words as the standard has them
export const SHA256_START: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
], 16);

/** Scratch; not reentrant. */
const STATE: usize = memory.data(32, 16);
const TAIL: usize = memory.data(128, 16);
/** Message schedule of one block, 64 words. */
const SCHEDULE: usize = memory.data(256, 16);

/** FIPS 180-4 §4.2.2. */
// biome-ignore format: words as the standard has them
const ROUND_CONSTANTS: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
], 16);

/** Writes the 32-octet digest of a message. */
export function sha256(message: usize, length: i32, out: usize): void {
  sha256Continue(SHA256_START, 0, message, length, out);
}

/**
 * Writes the digest of a message that continues after a chaining value.
 *
 * @param start     8 words, host order, the value after `before` octets; read only
 * @param before    octets already taken in, a multiple of 64
 * @param out       32 octets, written; may overlap the message
 */
export function sha256Continue(start: usize, before: i32, message: usize, length: i32, out: usize): void {
  memory.copy(STATE, start, 32);
  const whole = length & ~63;
  const left = length & 63;
  compress(STATE, message, whole);
  // FIPS 180-4 §5.1.1: a one bit, zeros, the length in bits as 64-bit number.
  const padded: usize = left < 56 ? 64 : 128;
  memory.copy(TAIL, message + <usize>whole, left);
  store<u8>(TAIL + <usize>left, 0x80);
  memory.fill(TAIL + <usize>left + 1, 0, padded - <usize>left - 1);
  store<u64>(TAIL + padded - 8, bswap<u64>((<u64>before + <u64>length) << 3));
  compress(STATE, TAIL, <i32>padded);
  for (let word: usize = 0; word < 32; word += 4) {
    store<u32>(out + word, bswap(load<u32>(STATE + word)));
  }
}

/** Takes one 64-octet block into the chaining value at `state`, in place. For HMAC's keys. */
export function sha256Block(state: usize, block: usize): void {
  compress(state, block, 64);
}

/** FIPS 180-4 §6.2.2 over `octets`, a multiple of 64. */
function compress(state: usize, message: usize, octets: i32): void {
  for (const end = message + <usize>octets; message < end; message += 64) {
    for (let at: usize = 0; at < 64; at += 4) {
      store<u32>(SCHEDULE + at, bswap(load<u32>(message + at)));
    }
    for (let at: usize = SCHEDULE + 64; at < SCHEDULE + 256; at += 4) {
      const near = smallSigma1(load<u32>(at - 8)) + load<u32>(at - 28);
      const far = smallSigma0(load<u32>(at - 60)) + load<u32>(at - 64);
      store<u32>(at, near + far);
    }
    let a = load<u32>(state, 0);
    let b = load<u32>(state, 4);
    let c = load<u32>(state, 8);
    let d = load<u32>(state, 12);
    let e = load<u32>(state, 16);
    let f = load<u32>(state, 20);
    let g = load<u32>(state, 24);
    let h = load<u32>(state, 28);
    for (let at: usize = 0; at < 256; at += 32) {
      h += bigSigma1(e) + choose(e, f, g) + load<u32>(ROUND_CONSTANTS + at, 0) + load<u32>(SCHEDULE + at, 0);
      d += h;
      h += bigSigma0(a) + majority(a, b, c);
      g += bigSigma1(d) + choose(d, e, f) + load<u32>(ROUND_CONSTANTS + at, 4) + load<u32>(SCHEDULE + at, 4);
      c += g;
      g += bigSigma0(h) + majority(h, a, b);
      f += bigSigma1(c) + choose(c, d, e) + load<u32>(ROUND_CONSTANTS + at, 8) + load<u32>(SCHEDULE + at, 8);
      b += f;
      f += bigSigma0(g) + majority(g, h, a);
      e +=
        bigSigma1(b) + choose(b, c, d) + load<u32>(ROUND_CONSTANTS + at, 12) + load<u32>(SCHEDULE + at, 12);
      a += e;
      e += bigSigma0(f) + majority(f, g, h);
      d +=
        bigSigma1(a) + choose(a, b, c) + load<u32>(ROUND_CONSTANTS + at, 16) + load<u32>(SCHEDULE + at, 16);
      h += d;
      d += bigSigma0(e) + majority(e, f, g);
      c +=
        bigSigma1(h) + choose(h, a, b) + load<u32>(ROUND_CONSTANTS + at, 20) + load<u32>(SCHEDULE + at, 20);
      g += c;
      c += bigSigma0(d) + majority(d, e, f);
      b +=
        bigSigma1(g) + choose(g, h, a) + load<u32>(ROUND_CONSTANTS + at, 24) + load<u32>(SCHEDULE + at, 24);
      f += b;
      b += bigSigma0(c) + majority(c, d, e);
      a +=
        bigSigma1(f) + choose(f, g, h) + load<u32>(ROUND_CONSTANTS + at, 28) + load<u32>(SCHEDULE + at, 28);
      e += a;
      a += bigSigma0(b) + majority(b, c, d);
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

/** Ch, Maj and the four sigmas of FIPS 180-4 §4.1.2. */
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

function smallSigma0(x: u32): u32 {
  return rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3);
}

function smallSigma1(x: u32): u32 {
  return rotr(x, 17) ^ rotr(x, 19) ^ (x >> 10);
}
