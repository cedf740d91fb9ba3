/**
 * ChaCha20 (RFC 8439 §2.3) of two blocks, a row of each block's state in one register: for packets so short that four blocks side
 * by side (`stitched.ts`) would be computed in vain. Constant-time. Counters and nonces are the caller's.
 */

/** "expand 32-byte k" (RFC 8439 §2.3). */
export const CONSTANTS: usize = memory.data<u32>([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574], 16);
/** Octets of each word rotated left by 16 and by 8 bits. */
// biome-ignore format: a word a group
export const ROTATE_16: usize = memory.data<u8>([2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13], 16);
// biome-ignore format: a word a group
export const ROTATE_8: usize = memory.data<u8>([3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14], 16);

/**
 * Writes the keystream of the blocks `counter` and `counter` + 1.
 *
 * @param context  the key, 32 octets
 * @param nonce    12 octets
 * @param out      128 octets, written
 * @constantTime
 */
export function chacha20Two(context: usize, nonce: usize, counter: u32, out: usize): void {
  const by16 = v128.load(ROTATE_16);
  const by8 = v128.load(ROTATE_8);
  const constants = v128.load(CONSTANTS);
  const keyLow = v128.load(context, 0);
  const keyHigh = v128.load(context, 16);
  const last = i32x4.replace_lane(v128.load64_lane(nonce + 4, v128.load32_splat(nonce), 1), 0, counter);
  const next = i32x4.replace_lane(last, 0, counter + 1);
  let a = constants;
  let b = keyLow;
  let c = keyHigh;
  let d = last;
  let e = constants;
  let f = keyLow;
  let g = keyHigh;
  let h = next;
  for (let doubleRound = 0; doubleRound < 10; doubleRound++) {
    a = i32x4.add(a, b);
    e = i32x4.add(e, f);
    d = rotate(v128.xor(d, a), by16);
    h = rotate(v128.xor(h, e), by16);
    c = i32x4.add(c, d);
    g = i32x4.add(g, h);
    b = rotate12(v128.xor(b, c));
    f = rotate12(v128.xor(f, g));
    a = i32x4.add(a, b);
    e = i32x4.add(e, f);
    d = rotate(v128.xor(d, a), by8);
    h = rotate(v128.xor(h, e), by8);
    c = i32x4.add(c, d);
    g = i32x4.add(g, h);
    b = rotate7(v128.xor(b, c));
    f = rotate7(v128.xor(f, g));
    // The diagonals become columns (RFC 8439 §2.3: the second four quarter rounds).
    b = v128.shuffle<u32>(b, b, 1, 2, 3, 0);
    f = v128.shuffle<u32>(f, f, 1, 2, 3, 0);
    c = v128.shuffle<u32>(c, c, 2, 3, 0, 1);
    g = v128.shuffle<u32>(g, g, 2, 3, 0, 1);
    d = v128.shuffle<u32>(d, d, 3, 0, 1, 2);
    h = v128.shuffle<u32>(h, h, 3, 0, 1, 2);
    a = i32x4.add(a, b);
    e = i32x4.add(e, f);
    d = rotate(v128.xor(d, a), by16);
    h = rotate(v128.xor(h, e), by16);
    c = i32x4.add(c, d);
    g = i32x4.add(g, h);
    b = rotate12(v128.xor(b, c));
    f = rotate12(v128.xor(f, g));
    a = i32x4.add(a, b);
    e = i32x4.add(e, f);
    d = rotate(v128.xor(d, a), by8);
    h = rotate(v128.xor(h, e), by8);
    c = i32x4.add(c, d);
    g = i32x4.add(g, h);
    b = rotate7(v128.xor(b, c));
    f = rotate7(v128.xor(f, g));
    b = v128.shuffle<u32>(b, b, 3, 0, 1, 2);
    f = v128.shuffle<u32>(f, f, 3, 0, 1, 2);
    c = v128.shuffle<u32>(c, c, 2, 3, 0, 1);
    g = v128.shuffle<u32>(g, g, 2, 3, 0, 1);
    d = v128.shuffle<u32>(d, d, 1, 2, 3, 0);
    h = v128.shuffle<u32>(h, h, 1, 2, 3, 0);
  }
  v128.store(out, i32x4.add(a, constants), 0);
  v128.store(out, i32x4.add(b, keyLow), 16);
  v128.store(out, i32x4.add(c, keyHigh), 32);
  v128.store(out, i32x4.add(d, last), 48);
  v128.store(out, i32x4.add(e, constants), 64);
  v128.store(out, i32x4.add(f, keyLow), 80);
  v128.store(out, i32x4.add(g, keyHigh), 96);
  v128.store(out, i32x4.add(h, next), 112);
}

/** Each word rotated by whole octets; `places` is ROTATE_16 or ROTATE_8. */
export function rotate(words: v128, places: v128): v128 {
  return i8x16.relaxed_swizzle(words, places);
}

export function rotate12(words: v128): v128 {
  return v128.or(i32x4.shl(words, 12), i32x4.shr_u(words, 20));
}

export function rotate7(words: v128): v128 {
  return v128.or(i32x4.shl(words, 7), i32x4.shr_u(words, 25));
}
