/**
 * Poly1305 (RFC 8439 §2.5) in four limbs of 32 bits and a small fifth, each in 64 bits. Constant-time but for the lengths. Knows
 * nothing of AAD, ciphertext and padding: that is `chacha20-poly1305.ts`.
 *
 * r is clamped: its limbs are below 2^28, and those but the first are multiples of 4. Therefore a product that reaches 2^128 and
 * beyond comes back below as exactly 5/4 of it (2^130 = 5), and a limb of the accumulator may stay unreduced up to 2^33.8: the
 * sums of products of one block stay below 2^64.
 *
 *   POLY1305_STATE:  0               40        56        80
 *                    | h0 ... h4     | r0 ... r3 (32) .. | 5/4 r1 ... 5/4 r3 | s (16 octets)      all but s as u64
 */

/** The state of the one message under way; not reentrant. The caller wipes nothing: the next key overwrites it. */
export const POLY1305_STATE: usize = memory.data(112, 16);
const PARTIAL: usize = memory.data(16, 16);

/** Places of POLY1305_STATE, and the mask of a limb. */
export const R: usize = 40;
export const R_FOLDED: usize = 72;
const S: usize = 96;
export const LIMB: u64 = 0xffffffff;

/** RFC 8439 §2.5: the clamp of r, as two halves. */
const CLAMP_LOW: u64 = ((<u64>0x0ffffffc) << 32) | 0x0fffffff;
const CLAMP_HIGH: u64 = ((<u64>0x0ffffffc) << 32) | 0x0ffffffc;

/**
 * Begins a message.
 *
 * @param key  32 octets, r and s, used for one message
 * @constantTime
 */
export function poly1305Begin(key: usize): void {
  const low = load<u64>(key, 0) & CLAMP_LOW;
  const high = load<u64>(key, 8) & CLAMP_HIGH;
  v128.store(POLY1305_STATE, i8x16.splat(0), 0);
  v128.store(POLY1305_STATE, i8x16.splat(0), 16);
  store<u64>(POLY1305_STATE, 0, 32);
  store<u64>(POLY1305_STATE, low & LIMB, R);
  store<u64>(POLY1305_STATE, low >> 32, R + 8);
  store<u64>(POLY1305_STATE, high & LIMB, R + 16);
  store<u64>(POLY1305_STATE, high >> 32, R + 24);
  store<u64>(POLY1305_STATE, fiveQuarters(low >> 32), R_FOLDED);
  store<u64>(POLY1305_STATE, fiveQuarters(high & LIMB), R_FOLDED + 8);
  store<u64>(POLY1305_STATE, fiveQuarters(high >> 32), R_FOLDED + 16);
  v128.store(POLY1305_STATE, v128.load(key, 16), S);
}

function fiveQuarters(limb: u64): u64 {
  return limb + (limb >> 2);
}

/**
 * Takes in `count` whole blocks of 16 octets.
 *
 * @constantTime in the octets
 * @rfc 8439 §2.5.1
 */
export function poly1305Blocks(text: usize, count: i32): void {
  const r0 = load<u64>(POLY1305_STATE, R);
  const r1 = load<u64>(POLY1305_STATE, R + 8);
  const r2 = load<u64>(POLY1305_STATE, R + 16);
  const r3 = load<u64>(POLY1305_STATE, R + 24);
  const f1 = load<u64>(POLY1305_STATE, R_FOLDED);
  const f2 = load<u64>(POLY1305_STATE, R_FOLDED + 8);
  const f3 = load<u64>(POLY1305_STATE, R_FOLDED + 16);
  let h0 = load<u64>(POLY1305_STATE, 0);
  let h1 = load<u64>(POLY1305_STATE, 8);
  let h2 = load<u64>(POLY1305_STATE, 16);
  let h3 = load<u64>(POLY1305_STATE, 24);
  let h4 = load<u64>(POLY1305_STATE, 32);
  for (const end = text + 16 * <usize>count; text < end; text += 16) {
    h0 += <u64>load<u32>(text, 0);
    h1 += <u64>load<u32>(text, 4);
    h2 += <u64>load<u32>(text, 8);
    h3 += <u64>load<u32>(text, 12);
    h4 += 1;
    const d0 = h0 * r0 + h1 * f3 + h2 * f2 + h3 * f1;
    const d1 = h0 * r1 + h1 * r0 + h2 * f3 + h3 * f2 + h4 * f1 + (d0 >> 32);
    const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * f3 + h4 * f2 + (d1 >> 32);
    const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * f3 + (d2 >> 32);
    h4 = h4 * r0 + (d3 >> 32);
    h0 = (d0 & LIMB) + 5 * (h4 >> 2);
    h1 = d1 & LIMB;
    h2 = d2 & LIMB;
    h3 = d3 & LIMB;
    h4 = h4 & 3;
  }
  store<u64>(POLY1305_STATE, h0, 0);
  store<u64>(POLY1305_STATE, h1, 8);
  store<u64>(POLY1305_STATE, h2, 16);
  store<u64>(POLY1305_STATE, h3, 24);
  store<u64>(POLY1305_STATE, h4, 32);
}

/**
 * Takes in the last 1 ... 15 octets of a message that does not end with a whole block; nothing if `length` is 0.
 *
 * @constantTime but for the length
 */
export function poly1305Partial(text: usize, length: i32): void {
  if (length === 0) return;
  // The bit that a whole block has above its 128 stands here right after the last octet (RFC 8439 §2.5.1), so take it back there.
  v128.store(PARTIAL, i8x16.splat(0));
  for (let index: usize = 0; index < <usize>length; index++) {
    store<u8>(PARTIAL + index, load<u8>(text + index));
  }
  store<u8>(PARTIAL + <usize>length, 1);
  store<u64>(POLY1305_STATE, load<u64>(POLY1305_STATE, 32) - 1, 32);
  poly1305Blocks(PARTIAL, 1);
}

/**
 * Writes the tag of the message.
 *
 * @param tag  16 octets, written
 * @constantTime
 */
export function poly1305End(tag: usize): void {
  let h0 = load<u64>(POLY1305_STATE, 0);
  let h1 = load<u64>(POLY1305_STATE, 8) + (h0 >> 32);
  let h2 = load<u64>(POLY1305_STATE, 16) + (h1 >> 32);
  let h3 = load<u64>(POLY1305_STATE, 24) + (h2 >> 32);
  let h4 = load<u64>(POLY1305_STATE, 32) + (h3 >> 32);
  // h is below 2p now: subtract p if h + 5 reaches 2^130, which is adding 5 and dropping what is above 128 bits.
  let sum = (h0 & LIMB) + 5;
  sum = (h1 & LIMB) + (sum >> 32);
  sum = (h2 & LIMB) + (sum >> 32);
  sum = (h3 & LIMB) + (sum >> 32);
  const fiveIfAbove = 5 * ((h4 + (sum >> 32)) >> 2);
  sum = (h0 & LIMB) + fiveIfAbove + <u64>load<u32>(POLY1305_STATE, S);
  store<u32>(tag, <u32>sum, 0);
  sum = (h1 & LIMB) + (sum >> 32) + <u64>load<u32>(POLY1305_STATE, S + 4);
  store<u32>(tag, <u32>sum, 4);
  sum = (h2 & LIMB) + (sum >> 32) + <u64>load<u32>(POLY1305_STATE, S + 8);
  store<u32>(tag, <u32>sum, 8);
  sum = (h3 & LIMB) + (sum >> 32) + <u64>load<u32>(POLY1305_STATE, S + 12);
  store<u32>(tag, <u32>sum, 12);
}
