/**
 * SHA-1 (FIPS 180-4 §6.1), one message at a time. Constant-time but for the length. Sits under `hmac.ts`, where collisions
 * of SHA-1 do no harm (RFC 6194 §3.3); signs and identifies nothing.
 */

/** The chaining value before any message (FIPS 180-4 §5.3.1). */
// biome-ignore format: words as the standard has them
export const SHA1_START: usize = memory.data<u32>([
  0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0,
], 16);

/** Scratch; not reentrant. */
const STATE: usize = memory.data(32, 16);
const TAIL: usize = memory.data(128, 16);
/** Message schedule of one block, 80 words. */
const SCHEDULE: usize = memory.data(320, 16);

/** Writes the 20-octet digest of a message. */
export function sha1(message: usize, length: i32, out: usize): void {
  sha1Continue(SHA1_START, 0, message, length, out);
}

/**
 * Writes the digest of a message that continues after a chaining value.
 *
 * @param start     5 words, host order, the value after `before` octets; read only
 * @param before    octets already taken in, a multiple of 64
 * @param out       20 octets, written; may overlap the message
 */
export function sha1Continue(start: usize, before: i32, message: usize, length: i32, out: usize): void {
  memory.copy(STATE, start, 20);
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
  for (let word: usize = 0; word < 20; word += 4) {
    store<u32>(out + word, bswap(load<u32>(STATE + word)));
  }
}

/** Takes one 64-octet block into the chaining value at `state`, in place. For HMAC's keys. */
export function sha1Block(state: usize, block: usize): void {
  compress(state, block, 64);
}

/** FIPS 180-4 §6.1.2 over `octets`, a multiple of 64. */
function compress(state: usize, message: usize, octets: i32): void {
  let h0 = load<u32>(state, 0);
  let h1 = load<u32>(state, 4);
  let h2 = load<u32>(state, 8);
  let h3 = load<u32>(state, 12);
  let h4 = load<u32>(state, 16);
  for (const end = message + <usize>octets; message < end; message += 64) {
    for (let at: usize = 0; at < 64; at += 4) {
      store<u32>(SCHEDULE + at, bswap(load<u32>(message + at)));
    }
    for (let at: usize = SCHEDULE + 64; at < SCHEDULE + 320; at += 4) {
      const near = load<u32>(at - 12) ^ load<u32>(at - 32);
      const far = load<u32>(at - 56) ^ load<u32>(at - 64);
      store<u32>(at, rotl(near ^ far, 1));
    }
    let a = h0;
    let b = h1;
    let c = h2;
    let d = h3;
    let e = h4;
    let at = SCHEDULE;
    for (; at < SCHEDULE + 80; at += 20) {
      e += rotl(a, 5) + choose(b, c, d) + 0x5a827999 + load<u32>(at, 0);
      b = rotl(b, 30);
      d += rotl(e, 5) + choose(a, b, c) + 0x5a827999 + load<u32>(at, 4);
      a = rotl(a, 30);
      c += rotl(d, 5) + choose(e, a, b) + 0x5a827999 + load<u32>(at, 8);
      e = rotl(e, 30);
      b += rotl(c, 5) + choose(d, e, a) + 0x5a827999 + load<u32>(at, 12);
      d = rotl(d, 30);
      a += rotl(b, 5) + choose(c, d, e) + 0x5a827999 + load<u32>(at, 16);
      c = rotl(c, 30);
    }
    for (; at < SCHEDULE + 160; at += 20) {
      e += rotl(a, 5) + parity(b, c, d) + 0x6ed9eba1 + load<u32>(at, 0);
      b = rotl(b, 30);
      d += rotl(e, 5) + parity(a, b, c) + 0x6ed9eba1 + load<u32>(at, 4);
      a = rotl(a, 30);
      c += rotl(d, 5) + parity(e, a, b) + 0x6ed9eba1 + load<u32>(at, 8);
      e = rotl(e, 30);
      b += rotl(c, 5) + parity(d, e, a) + 0x6ed9eba1 + load<u32>(at, 12);
      d = rotl(d, 30);
      a += rotl(b, 5) + parity(c, d, e) + 0x6ed9eba1 + load<u32>(at, 16);
      c = rotl(c, 30);
    }
    for (; at < SCHEDULE + 240; at += 20) {
      e += rotl(a, 5) + majority(b, c, d) + 0x8f1bbcdc + load<u32>(at, 0);
      b = rotl(b, 30);
      d += rotl(e, 5) + majority(a, b, c) + 0x8f1bbcdc + load<u32>(at, 4);
      a = rotl(a, 30);
      c += rotl(d, 5) + majority(e, a, b) + 0x8f1bbcdc + load<u32>(at, 8);
      e = rotl(e, 30);
      b += rotl(c, 5) + majority(d, e, a) + 0x8f1bbcdc + load<u32>(at, 12);
      d = rotl(d, 30);
      a += rotl(b, 5) + majority(c, d, e) + 0x8f1bbcdc + load<u32>(at, 16);
      c = rotl(c, 30);
    }
    for (; at < SCHEDULE + 320; at += 20) {
      e += rotl(a, 5) + parity(b, c, d) + 0xca62c1d6 + load<u32>(at, 0);
      b = rotl(b, 30);
      d += rotl(e, 5) + parity(a, b, c) + 0xca62c1d6 + load<u32>(at, 4);
      a = rotl(a, 30);
      c += rotl(d, 5) + parity(e, a, b) + 0xca62c1d6 + load<u32>(at, 8);
      e = rotl(e, 30);
      b += rotl(c, 5) + parity(d, e, a) + 0xca62c1d6 + load<u32>(at, 12);
      d = rotl(d, 30);
      a += rotl(b, 5) + parity(c, d, e) + 0xca62c1d6 + load<u32>(at, 16);
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
