/**
 * The compression function of SHA-512 and SHA-384 (FIPS 180-4 §6.4, §6.5), one message at a time. Constant-time. The two
 * differ in where they start and in how much of the end is the digest; padding and digest are `hash.ts`.
 */
// biome-ignore-all lint/correctness/noPrecisionLoss: asc reads literals of 64 bits whole

/** The chaining value before any message (FIPS 180-4 §5.3.5). */
// biome-ignore format: words as the standard has them
export const SHA512_START: usize = memory.data<u64>([
  0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
], 16);

/** The same of SHA-384 (FIPS 180-4 §5.3.4). */
// biome-ignore format: words as the standard has them
export const SHA384_START: usize = memory.data<u64>([
  0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
  0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
], 16);

/** W_t + K_t of one block, 80 words (FIPS 180-4 §6.4.2). Not reentrant. */
const SCHEDULE: usize = memory.data(640, 16);

/** Octets of a word reversed, two words at once: messages are big-endian (FIPS 180-4 §3.1). */
const BIG_ENDIAN: usize = memory.data<u8>([7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8], 16);

/** FIPS 180-4 §4.2.3. */
// biome-ignore format: words as the standard has them
export const SHA512_ROUND_CONSTANTS: usize = memory.data<u64>([
  0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
  0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
  0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
  0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
  0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
  0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
  0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
  0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
  0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
  0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
  0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
  0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
  0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
  0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
  0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
  0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
  0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
  0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
  0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
  0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
], 16);

/**
 * Takes whole blocks into a chaining value, in place. The message schedule goes two words at a time in vectors, sixteen
 * rounds ahead of the rounds, so that a processor does both at once.
 *
 * @param state   8 words, host order
 * @param octets  a multiple of 128
 * @constantTime
 */
export function sha512Compress(state: usize, message: usize, octets: i32): void {
  const bigEndian = v128.load(BIG_ENDIAN);
  for (const end = message + <usize>octets; message < end; message += 128) {
    let w0 = i8x16.relaxed_swizzle(v128.load(message, 0), bigEndian);
    let w1 = i8x16.relaxed_swizzle(v128.load(message, 16), bigEndian);
    let w2 = i8x16.relaxed_swizzle(v128.load(message, 32), bigEndian);
    let w3 = i8x16.relaxed_swizzle(v128.load(message, 48), bigEndian);
    let w4 = i8x16.relaxed_swizzle(v128.load(message, 64), bigEndian);
    let w5 = i8x16.relaxed_swizzle(v128.load(message, 80), bigEndian);
    let w6 = i8x16.relaxed_swizzle(v128.load(message, 96), bigEndian);
    let w7 = i8x16.relaxed_swizzle(v128.load(message, 112), bigEndian);
    v128.store(SCHEDULE, i64x2.add(w0, v128.load(SHA512_ROUND_CONSTANTS, 0)), 0);
    v128.store(SCHEDULE, i64x2.add(w1, v128.load(SHA512_ROUND_CONSTANTS, 16)), 16);
    v128.store(SCHEDULE, i64x2.add(w2, v128.load(SHA512_ROUND_CONSTANTS, 32)), 32);
    v128.store(SCHEDULE, i64x2.add(w3, v128.load(SHA512_ROUND_CONSTANTS, 48)), 48);
    v128.store(SCHEDULE, i64x2.add(w4, v128.load(SHA512_ROUND_CONSTANTS, 64)), 64);
    v128.store(SCHEDULE, i64x2.add(w5, v128.load(SHA512_ROUND_CONSTANTS, 80)), 80);
    v128.store(SCHEDULE, i64x2.add(w6, v128.load(SHA512_ROUND_CONSTANTS, 96)), 96);
    v128.store(SCHEDULE, i64x2.add(w7, v128.load(SHA512_ROUND_CONSTANTS, 112)), 112);
    let a = load<u64>(state, 0);
    let b = load<u64>(state, 8);
    let c = load<u64>(state, 16);
    let d = load<u64>(state, 24);
    let e = load<u64>(state, 32);
    let f = load<u64>(state, 40);
    let g = load<u64>(state, 48);
    let h = load<u64>(state, 56);
    for (let sixteen: usize = 0; sixteen < 640; sixteen += 128) {
      if (sixteen < 512) {
        const next = SCHEDULE + 128 + sixteen;
        const constants = SHA512_ROUND_CONSTANTS + 128 + sixteen;
        w0 = nextWords(w0, w1, w4, w5, w7);
        w1 = nextWords(w1, w2, w5, w6, w0);
        w2 = nextWords(w2, w3, w6, w7, w1);
        w3 = nextWords(w3, w4, w7, w0, w2);
        w4 = nextWords(w4, w5, w0, w1, w3);
        w5 = nextWords(w5, w6, w1, w2, w4);
        w6 = nextWords(w6, w7, w2, w3, w5);
        w7 = nextWords(w7, w0, w3, w4, w6);
        v128.store(next, i64x2.add(w0, v128.load(constants, 0)), 0);
        v128.store(next, i64x2.add(w1, v128.load(constants, 16)), 16);
        v128.store(next, i64x2.add(w2, v128.load(constants, 32)), 32);
        v128.store(next, i64x2.add(w3, v128.load(constants, 48)), 48);
        v128.store(next, i64x2.add(w4, v128.load(constants, 64)), 64);
        v128.store(next, i64x2.add(w5, v128.load(constants, 80)), 80);
        v128.store(next, i64x2.add(w6, v128.load(constants, 96)), 96);
        v128.store(next, i64x2.add(w7, v128.load(constants, 112)), 112);
      }
      for (let at = SCHEDULE + sixteen; at < SCHEDULE + sixteen + 128; at += 64) {
        h += load<u64>(at, 0) + choose(e, f, g) + bigSigma1(e);
        d += h;
        h += majority(a, b, c) + bigSigma0(a);
        g += load<u64>(at, 8) + choose(d, e, f) + bigSigma1(d);
        c += g;
        g += majority(h, a, b) + bigSigma0(h);
        f += load<u64>(at, 16) + choose(c, d, e) + bigSigma1(c);
        b += f;
        f += majority(g, h, a) + bigSigma0(g);
        e += load<u64>(at, 24) + choose(b, c, d) + bigSigma1(b);
        a += e;
        e += majority(f, g, h) + bigSigma0(f);
        d += load<u64>(at, 32) + choose(a, b, c) + bigSigma1(a);
        h += d;
        d += majority(e, f, g) + bigSigma0(e);
        c += load<u64>(at, 40) + choose(h, a, b) + bigSigma1(h);
        g += c;
        c += majority(d, e, f) + bigSigma0(d);
        b += load<u64>(at, 48) + choose(g, h, a) + bigSigma1(g);
        f += b;
        b += majority(c, d, e) + bigSigma0(c);
        a += load<u64>(at, 56) + choose(f, g, h) + bigSigma1(f);
        e += a;
        a += majority(b, c, d) + bigSigma0(b);
      }
    }
    store<u64>(state, load<u64>(state, 0) + a, 0);
    store<u64>(state, load<u64>(state, 8) + b, 8);
    store<u64>(state, load<u64>(state, 16) + c, 16);
    store<u64>(state, load<u64>(state, 24) + d, 24);
    store<u64>(state, load<u64>(state, 32) + e, 32);
    store<u64>(state, load<u64>(state, 40) + f, 40);
    store<u64>(state, load<u64>(state, 48) + g, 48);
    store<u64>(state, load<u64>(state, 56) + h, 56);
  }
}

/** The next two words of the message schedule after sixteen: W_t from the pairs at t - 16, t - 14, t - 8, t - 6 and t - 2. */
function nextWords(w0: v128, w2: v128, w8: v128, w10: v128, w14: v128): v128 {
  const w1 = v128.shuffle<u64>(w0, w2, 1, 2);
  const w9 = v128.shuffle<u64>(w8, w10, 1, 2);
  return i64x2.add(i64x2.add(w0, smallSigma0(w1)), i64x2.add(w9, smallSigma1(w14)));
}

/** Ch, Maj and the sigmas of FIPS 180-4 §4.1.3; the small ones on two words. */
function choose(x: u64, y: u64, z: u64): u64 {
  return (x & (y ^ z)) ^ z;
}

function majority(x: u64, y: u64, z: u64): u64 {
  return (x & y) | (z & (x | y));
}

function bigSigma0(x: u64): u64 {
  return rotr(x, 28) ^ rotr(x, 34) ^ rotr(x, 39);
}

function bigSigma1(x: u64): u64 {
  return rotr(x, 14) ^ rotr(x, 18) ^ rotr(x, 41);
}

function smallSigma0(x: v128): v128 {
  const one = v128.or(i64x2.shr_u(x, 1), i64x2.shl(x, 63));
  const eight = v128.or(i64x2.shr_u(x, 8), i64x2.shl(x, 56));
  return v128.xor(v128.xor(one, eight), i64x2.shr_u(x, 7));
}

function smallSigma1(x: v128): v128 {
  const nineteen = v128.or(i64x2.shr_u(x, 19), i64x2.shl(x, 45));
  const sixtyOne = v128.or(i64x2.shr_u(x, 61), i64x2.shl(x, 3));
  return v128.xor(v128.xor(nineteen, sixtyOne), i64x2.shr_u(x, 6));
}
