/**
 * ChaCha20-Poly1305 (RFC 8439 §2.8) in 32-bit and 64-bit words, Poly1305 in limbs of 26 bits, one block after the other. A
 * yardstick for measurements that ships nowhere.
 */
// biome-ignore-all lint/correctness/noPrecisionLoss: asc reads literals of 64 bits whole
import { chacha20, chacha20Block } from './chacha20.ts';

const ONE_TIME_KEY: usize = memory.data(64, 16);
/** What the last block of a part is padded in, and what the lengths are written in. */
const BLOCK: usize = memory.data(16, 16);
const ICV: usize = memory.data(16, 16);
const LIMB: u64 = 0x3ffffff;

let h0: u64 = 0;
let h1: u64 = 0;
let h2: u64 = 0;
let h3: u64 = 0;
let h4: u64 = 0;

export function chachaPolySeal(
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
): void {
  chacha20(key, nonce, 1, text, textLength);
  authenticate(key, nonce, aad, aadLength, text, textLength);
  memory.copy(icv, ICV, 16);
}

export function chachaPolyOpen(
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
): bool {
  authenticate(key, nonce, aad, aadLength, text, textLength);
  if (memory.compare(ICV, icv, 16) !== 0) return false;
  chacha20(key, nonce, 1, text, textLength);
  return true;
}

function authenticate(
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
): void {
  chacha20Block(key, nonce, 0, ONE_TIME_KEY);
  // RFC 8439 §2.5.1: bits of r that are zero.
  store<u64>(ONE_TIME_KEY, load<u64>(ONE_TIME_KEY, 0) & 0x0ffffffc0fffffff, 0);
  store<u64>(ONE_TIME_KEY, load<u64>(ONE_TIME_KEY, 8) & 0x0ffffffc0ffffffc, 8);
  h0 = h1 = h2 = h3 = h4 = 0;
  part(aad, aadLength);
  part(text, textLength);
  store<u64>(BLOCK, aadLength, 0);
  store<u64>(BLOCK, textLength, 8);
  absorb(BLOCK, 1);
  finish();
}

/** Absorbs a part of the message, padded with zeros to whole blocks. */
function part(message: usize, length: i32): void {
  absorb(message, length >> 4);
  if ((length & 15) === 0) return;
  memory.fill(BLOCK, 0, 16);
  memory.copy(BLOCK, message + <usize>(length & ~15), length & 15);
  absorb(BLOCK, 1);
}

/** h = (h + block + 2^128) r mod 2^130 - 5, for each block. */
function absorb(message: usize, blocks: i32): void {
  const low = load<u64>(ONE_TIME_KEY, 0);
  const high = load<u64>(ONE_TIME_KEY, 8);
  const r0 = low & LIMB;
  const r1 = (low >> 26) & LIMB;
  const r2 = ((low >> 52) | (high << 12)) & LIMB;
  const r3 = (high >> 14) & LIMB;
  const r4 = high >> 40;
  const s1 = 5 * r1;
  const s2 = 5 * r2;
  const s3 = 5 * r3;
  const s4 = 5 * r4;
  let a0 = h0;
  let a1 = h1;
  let a2 = h2;
  let a3 = h3;
  let a4 = h4;
  for (const end = message + ((<usize>blocks) << 4); message < end; message += 16) {
    const m0 = load<u64>(message, 0);
    const m1 = load<u64>(message, 8);
    a0 += m0 & LIMB;
    a1 += (m0 >> 26) & LIMB;
    a2 += ((m0 >> 52) | (m1 << 12)) & LIMB;
    a3 += (m1 >> 14) & LIMB;
    a4 += (m1 >> 40) | (1 << 24);
    const d0 = a0 * r0 + a1 * s4 + a2 * s3 + a3 * s2 + a4 * s1;
    const d1 = a0 * r1 + a1 * r0 + a2 * s4 + a3 * s3 + a4 * s2 + (d0 >> 26);
    const d2 = a0 * r2 + a1 * r1 + a2 * r0 + a3 * s4 + a4 * s3 + (d1 >> 26);
    const d3 = a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0 + a4 * s4 + (d2 >> 26);
    const d4 = a0 * r4 + a1 * r3 + a2 * r2 + a3 * r1 + a4 * r0 + (d3 >> 26);
    a0 = (d0 & LIMB) + 5 * (d4 >> 26);
    a1 = (d1 & LIMB) + (a0 >> 26);
    a0 &= LIMB;
    a2 = d2 & LIMB;
    a3 = d3 & LIMB;
    a4 = d4 & LIMB;
  }
  h0 = a0;
  h1 = a1;
  h2 = a2;
  h3 = a3;
  h4 = a4;
}

/** Writes the ICV: h mod 2^130 - 5, plus the second half of the one-time key. */
function finish(): void {
  carry();
  // h is the modulus or more exactly when adding 5 carries out of 130 bits; then that sum without the carry is h less the modulus.
  const g0 = h0 + 5;
  const g1 = h1 + (g0 >> 26);
  const g2 = h2 + (g1 >> 26);
  const g3 = h3 + (g2 >> 26);
  const g4 = h4 + (g3 >> 26);
  if (g4 >> 26 !== 0) {
    h0 = g0 & LIMB;
    h1 = g1 & LIMB;
    h2 = g2 & LIMB;
    h3 = g3 & LIMB;
    h4 = g4 & LIMB;
  }
  const low = h0 | (h1 << 26) | (h2 << 52);
  const high = (h2 >> 12) | (h3 << 14) | (h4 << 40);
  const sum = low + load<u64>(ONE_TIME_KEY, 16);
  store<u64>(ICV, sum, 0);
  store<u64>(ICV, high + load<u64>(ONE_TIME_KEY, 24) + (sum < low ? 1 : 0), 8);
}

/** Brings all limbs under 2^26; what the first pass carries round is small, so two are enough. */
function carry(): void {
  for (let pass = 0; pass < 2; pass++) {
    h1 += h0 >> 26;
    h2 += h1 >> 26;
    h3 += h2 >> 26;
    h4 += h3 >> 26;
    h1 &= LIMB;
    h2 &= LIMB;
    h3 &= LIMB;
    h0 = (h0 & LIMB) + 5 * (h4 >> 26);
    h4 &= LIMB;
  }
}
