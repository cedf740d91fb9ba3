/**
 * The compression function of MD5 (RFC 1321 §3.4), one message at a time. Constant-time. Only for HMAC with peers that
 * have nothing better, where collisions of MD5 do no harm (RFC 6151 §2.3); padding and digest are `hash.ts`.
 */

/** The chaining value before any message (RFC 1321 §3.3), padded to half a block. */
// biome-ignore format: words as the standard has them
export const MD5_START: usize = memory.data<u32>([
  0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0, 0, 0, 0,
], 16);

/** T[1 ... 64] of RFC 1321 §3.4: 2^32 |sin i|. */
// biome-ignore format: eight words a line
const SINES: usize = memory.data<u32>([
  0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
  0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
  0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
  0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
  0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
  0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
  0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
  0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
], 16);

/**
 * Takes whole blocks into a chaining value, in place. MD5 is little-endian, as WebAssembly's memory is: a block is its own
 * message schedule.
 *
 * @param state   4 words
 * @param octets  a multiple of 64
 * @constantTime
 */
export function md5Compress(state: usize, message: usize, octets: i32): void {
  for (const end = message + <usize>octets; message < end; message += 64) {
    let a = load<u32>(state, 0);
    let b = load<u32>(state, 4);
    let c = load<u32>(state, 8);
    let d = load<u32>(state, 12);

    a = b + rotl(a + choose(b, c, d) + load<u32>(message, 0) + load<u32>(SINES, 0), 7);
    d = a + rotl(d + choose(a, b, c) + load<u32>(message, 4) + load<u32>(SINES, 4), 12);
    c = d + rotl(c + choose(d, a, b) + load<u32>(message, 8) + load<u32>(SINES, 8), 17);
    b = c + rotl(b + choose(c, d, a) + load<u32>(message, 12) + load<u32>(SINES, 12), 22);
    a = b + rotl(a + choose(b, c, d) + load<u32>(message, 16) + load<u32>(SINES, 16), 7);
    d = a + rotl(d + choose(a, b, c) + load<u32>(message, 20) + load<u32>(SINES, 20), 12);
    c = d + rotl(c + choose(d, a, b) + load<u32>(message, 24) + load<u32>(SINES, 24), 17);
    b = c + rotl(b + choose(c, d, a) + load<u32>(message, 28) + load<u32>(SINES, 28), 22);
    a = b + rotl(a + choose(b, c, d) + load<u32>(message, 32) + load<u32>(SINES, 32), 7);
    d = a + rotl(d + choose(a, b, c) + load<u32>(message, 36) + load<u32>(SINES, 36), 12);
    c = d + rotl(c + choose(d, a, b) + load<u32>(message, 40) + load<u32>(SINES, 40), 17);
    b = c + rotl(b + choose(c, d, a) + load<u32>(message, 44) + load<u32>(SINES, 44), 22);
    a = b + rotl(a + choose(b, c, d) + load<u32>(message, 48) + load<u32>(SINES, 48), 7);
    d = a + rotl(d + choose(a, b, c) + load<u32>(message, 52) + load<u32>(SINES, 52), 12);
    c = d + rotl(c + choose(d, a, b) + load<u32>(message, 56) + load<u32>(SINES, 56), 17);
    b = c + rotl(b + choose(c, d, a) + load<u32>(message, 60) + load<u32>(SINES, 60), 22);

    a = b + rotl(a + choose(d, b, c) + load<u32>(message, 4) + load<u32>(SINES, 64), 5);
    d = a + rotl(d + choose(c, a, b) + load<u32>(message, 24) + load<u32>(SINES, 68), 9);
    c = d + rotl(c + choose(b, d, a) + load<u32>(message, 44) + load<u32>(SINES, 72), 14);
    b = c + rotl(b + choose(a, c, d) + load<u32>(message, 0) + load<u32>(SINES, 76), 20);
    a = b + rotl(a + choose(d, b, c) + load<u32>(message, 20) + load<u32>(SINES, 80), 5);
    d = a + rotl(d + choose(c, a, b) + load<u32>(message, 40) + load<u32>(SINES, 84), 9);
    c = d + rotl(c + choose(b, d, a) + load<u32>(message, 60) + load<u32>(SINES, 88), 14);
    b = c + rotl(b + choose(a, c, d) + load<u32>(message, 16) + load<u32>(SINES, 92), 20);
    a = b + rotl(a + choose(d, b, c) + load<u32>(message, 36) + load<u32>(SINES, 96), 5);
    d = a + rotl(d + choose(c, a, b) + load<u32>(message, 56) + load<u32>(SINES, 100), 9);
    c = d + rotl(c + choose(b, d, a) + load<u32>(message, 12) + load<u32>(SINES, 104), 14);
    b = c + rotl(b + choose(a, c, d) + load<u32>(message, 32) + load<u32>(SINES, 108), 20);
    a = b + rotl(a + choose(d, b, c) + load<u32>(message, 52) + load<u32>(SINES, 112), 5);
    d = a + rotl(d + choose(c, a, b) + load<u32>(message, 8) + load<u32>(SINES, 116), 9);
    c = d + rotl(c + choose(b, d, a) + load<u32>(message, 28) + load<u32>(SINES, 120), 14);
    b = c + rotl(b + choose(a, c, d) + load<u32>(message, 48) + load<u32>(SINES, 124), 20);

    a = b + rotl(a + parity(b, c, d) + load<u32>(message, 20) + load<u32>(SINES, 128), 4);
    d = a + rotl(d + parity(a, b, c) + load<u32>(message, 32) + load<u32>(SINES, 132), 11);
    c = d + rotl(c + parity(d, a, b) + load<u32>(message, 44) + load<u32>(SINES, 136), 16);
    b = c + rotl(b + parity(c, d, a) + load<u32>(message, 56) + load<u32>(SINES, 140), 23);
    a = b + rotl(a + parity(b, c, d) + load<u32>(message, 4) + load<u32>(SINES, 144), 4);
    d = a + rotl(d + parity(a, b, c) + load<u32>(message, 16) + load<u32>(SINES, 148), 11);
    c = d + rotl(c + parity(d, a, b) + load<u32>(message, 28) + load<u32>(SINES, 152), 16);
    b = c + rotl(b + parity(c, d, a) + load<u32>(message, 40) + load<u32>(SINES, 156), 23);
    a = b + rotl(a + parity(b, c, d) + load<u32>(message, 52) + load<u32>(SINES, 160), 4);
    d = a + rotl(d + parity(a, b, c) + load<u32>(message, 0) + load<u32>(SINES, 164), 11);
    c = d + rotl(c + parity(d, a, b) + load<u32>(message, 12) + load<u32>(SINES, 168), 16);
    b = c + rotl(b + parity(c, d, a) + load<u32>(message, 24) + load<u32>(SINES, 172), 23);
    a = b + rotl(a + parity(b, c, d) + load<u32>(message, 36) + load<u32>(SINES, 176), 4);
    d = a + rotl(d + parity(a, b, c) + load<u32>(message, 48) + load<u32>(SINES, 180), 11);
    c = d + rotl(c + parity(d, a, b) + load<u32>(message, 60) + load<u32>(SINES, 184), 16);
    b = c + rotl(b + parity(c, d, a) + load<u32>(message, 8) + load<u32>(SINES, 188), 23);

    a = b + rotl(a + mix(b, c, d) + load<u32>(message, 0) + load<u32>(SINES, 192), 6);
    d = a + rotl(d + mix(a, b, c) + load<u32>(message, 28) + load<u32>(SINES, 196), 10);
    c = d + rotl(c + mix(d, a, b) + load<u32>(message, 56) + load<u32>(SINES, 200), 15);
    b = c + rotl(b + mix(c, d, a) + load<u32>(message, 20) + load<u32>(SINES, 204), 21);
    a = b + rotl(a + mix(b, c, d) + load<u32>(message, 48) + load<u32>(SINES, 208), 6);
    d = a + rotl(d + mix(a, b, c) + load<u32>(message, 12) + load<u32>(SINES, 212), 10);
    c = d + rotl(c + mix(d, a, b) + load<u32>(message, 40) + load<u32>(SINES, 216), 15);
    b = c + rotl(b + mix(c, d, a) + load<u32>(message, 4) + load<u32>(SINES, 220), 21);
    a = b + rotl(a + mix(b, c, d) + load<u32>(message, 32) + load<u32>(SINES, 224), 6);
    d = a + rotl(d + mix(a, b, c) + load<u32>(message, 60) + load<u32>(SINES, 228), 10);
    c = d + rotl(c + mix(d, a, b) + load<u32>(message, 24) + load<u32>(SINES, 232), 15);
    b = c + rotl(b + mix(c, d, a) + load<u32>(message, 52) + load<u32>(SINES, 236), 21);
    a = b + rotl(a + mix(b, c, d) + load<u32>(message, 16) + load<u32>(SINES, 240), 6);
    d = a + rotl(d + mix(a, b, c) + load<u32>(message, 44) + load<u32>(SINES, 244), 10);
    c = d + rotl(c + mix(d, a, b) + load<u32>(message, 8) + load<u32>(SINES, 248), 15);
    b = c + rotl(b + mix(c, d, a) + load<u32>(message, 36) + load<u32>(SINES, 252), 21);

    store<u32>(state, load<u32>(state, 0) + a, 0);
    store<u32>(state, load<u32>(state, 4) + b, 4);
    store<u32>(state, load<u32>(state, 8) + c, 8);
    store<u32>(state, load<u32>(state, 12) + d, 12);
  }
}

/** F of RFC 1321 §3.4; G(x, y, z) is F(z, x, y). */
function choose(x: u32, y: u32, z: u32): u32 {
  return (x & (y ^ z)) ^ z;
}

/** H. */
function parity(x: u32, y: u32, z: u32): u32 {
  return x ^ y ^ z;
}

/** I. */
function mix(x: u32, y: u32, z: u32): u32 {
  return y ^ (x | ~z);
}
