/**
 * ChaCha20 (RFC 8439 §2.3) of four blocks side by side, a word of each in one register, stitched with Poly1305 (§2.5) of up to
 * 20 blocks: the cipher keeps the vector units busy and the authenticator the integer units, and a processor that runs
 * instructions out of order does both in little more than the time of the longer. Constant-time. Decides neither which blocks nor
 * in what order: that is `chacha20-poly1305.ts`.
 *
 *              block 0   block 1   block 2   block 3
 *   word i   |  x_i    |  x_i    |  x_i    |  x_i    |
 *
 * The statements of a Poly1305 block are those of `poly1305.ts`, which explains them.
 */
import { CONSTANTS, ROTATE_8, ROTATE_16, rotate, rotate7, rotate12 } from './chacha20.ts';
import { LIMB, POLY1305_STATE, R, R_FOLDED } from './poly1305.ts';

/** Octets of four blocks. */
export const STITCH_SIZE: i32 = 256;
/** Poly1305 blocks that one call takes in at most: two in each of ten double rounds. */
export const STITCH_MAC_BLOCKS: i32 = 20;

/** What each block adds to the counter. */
const LANES: usize = memory.data<u32>([0, 1, 2, 3], 16);

/**
 * Adds the keystream of the blocks `counter` ... `counter` + 3 to a text, and takes other blocks into the Poly1305 message.
 *
 * @param context    the key, 32 octets
 * @param nonce      12 octets
 * @param source     256 octets, read; `target` is written and may be the same
 * @param mac        16 * `macBlocks` octets, read while the target is not yet written
 * @param macBlocks  0 ... STITCH_MAC_BLOCKS
 * @constantTime
 */
export function chacha20FourAndPoly1305(
  context: usize,
  nonce: usize,
  counter: u32,
  source: usize,
  target: usize,
  mac: usize,
  macBlocks: i32,
): void {
  const by16 = v128.load(ROTATE_16);
  const by8 = v128.load(ROTATE_8);
  let x0 = v128.load32_splat(CONSTANTS);
  let x1 = v128.load32_splat(CONSTANTS, 4);
  let x2 = v128.load32_splat(CONSTANTS, 8);
  let x3 = v128.load32_splat(CONSTANTS, 12);
  let x4 = v128.load32_splat(context);
  let x5 = v128.load32_splat(context, 4);
  let x6 = v128.load32_splat(context, 8);
  let x7 = v128.load32_splat(context, 12);
  let x8 = v128.load32_splat(context, 16);
  let x9 = v128.load32_splat(context, 20);
  let x10 = v128.load32_splat(context, 24);
  let x11 = v128.load32_splat(context, 28);
  const counters = i32x4.add(i32x4.splat(counter), v128.load(LANES));
  let x12 = counters;
  let x13 = v128.load32_splat(nonce);
  let x14 = v128.load32_splat(nonce, 4);
  let x15 = v128.load32_splat(nonce, 8);
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
  let at = mac;
  const end = mac + 16 * <usize>macBlocks;
  for (let doubleRound = 0; doubleRound < 10; doubleRound++) {
    x0 = i32x4.add(x0, x4);
    x1 = i32x4.add(x1, x5);
    x12 = rotate(v128.xor(x12, x0), by16);
    x13 = rotate(v128.xor(x13, x1), by16);
    x8 = i32x4.add(x8, x12);
    x9 = i32x4.add(x9, x13);
    x4 = rotate12(v128.xor(x4, x8));
    x5 = rotate12(v128.xor(x5, x9));
    x0 = i32x4.add(x0, x4);
    x1 = i32x4.add(x1, x5);
    x12 = rotate(v128.xor(x12, x0), by8);
    x13 = rotate(v128.xor(x13, x1), by8);
    x8 = i32x4.add(x8, x12);
    x9 = i32x4.add(x9, x13);
    x4 = rotate7(v128.xor(x4, x8));
    x5 = rotate7(v128.xor(x5, x9));
    x2 = i32x4.add(x2, x6);
    x3 = i32x4.add(x3, x7);
    x14 = rotate(v128.xor(x14, x2), by16);
    x15 = rotate(v128.xor(x15, x3), by16);
    x10 = i32x4.add(x10, x14);
    x11 = i32x4.add(x11, x15);
    x6 = rotate12(v128.xor(x6, x10));
    x7 = rotate12(v128.xor(x7, x11));
    x2 = i32x4.add(x2, x6);
    x3 = i32x4.add(x3, x7);
    x14 = rotate(v128.xor(x14, x2), by8);
    x15 = rotate(v128.xor(x15, x3), by8);
    x10 = i32x4.add(x10, x14);
    x11 = i32x4.add(x11, x15);
    x6 = rotate7(v128.xor(x6, x10));
    x7 = rotate7(v128.xor(x7, x11));
    if (at < end) {
      h0 += <u64>load<u32>(at, 0);
      h1 += <u64>load<u32>(at, 4);
      h2 += <u64>load<u32>(at, 8);
      h3 += <u64>load<u32>(at, 12);
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
      h4 &= 3;
      at += 16;
    }
    x0 = i32x4.add(x0, x5);
    x1 = i32x4.add(x1, x6);
    x15 = rotate(v128.xor(x15, x0), by16);
    x12 = rotate(v128.xor(x12, x1), by16);
    x10 = i32x4.add(x10, x15);
    x11 = i32x4.add(x11, x12);
    x5 = rotate12(v128.xor(x5, x10));
    x6 = rotate12(v128.xor(x6, x11));
    x0 = i32x4.add(x0, x5);
    x1 = i32x4.add(x1, x6);
    x15 = rotate(v128.xor(x15, x0), by8);
    x12 = rotate(v128.xor(x12, x1), by8);
    x10 = i32x4.add(x10, x15);
    x11 = i32x4.add(x11, x12);
    x5 = rotate7(v128.xor(x5, x10));
    x6 = rotate7(v128.xor(x6, x11));
    x2 = i32x4.add(x2, x7);
    x3 = i32x4.add(x3, x4);
    x13 = rotate(v128.xor(x13, x2), by16);
    x14 = rotate(v128.xor(x14, x3), by16);
    x8 = i32x4.add(x8, x13);
    x9 = i32x4.add(x9, x14);
    x7 = rotate12(v128.xor(x7, x8));
    x4 = rotate12(v128.xor(x4, x9));
    x2 = i32x4.add(x2, x7);
    x3 = i32x4.add(x3, x4);
    x13 = rotate(v128.xor(x13, x2), by8);
    x14 = rotate(v128.xor(x14, x3), by8);
    x8 = i32x4.add(x8, x13);
    x9 = i32x4.add(x9, x14);
    x7 = rotate7(v128.xor(x7, x8));
    x4 = rotate7(v128.xor(x4, x9));
    if (at < end) {
      h0 += <u64>load<u32>(at, 0);
      h1 += <u64>load<u32>(at, 4);
      h2 += <u64>load<u32>(at, 8);
      h3 += <u64>load<u32>(at, 12);
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
      h4 &= 3;
      at += 16;
    }
  }
  store<u64>(POLY1305_STATE, h0, 0);
  store<u64>(POLY1305_STATE, h1, 8);
  store<u64>(POLY1305_STATE, h2, 16);
  store<u64>(POLY1305_STATE, h3, 24);
  store<u64>(POLY1305_STATE, h4, 32);
  addRows(
    source,
    target,
    i32x4.add(x0, v128.load32_splat(CONSTANTS, 0)),
    i32x4.add(x1, v128.load32_splat(CONSTANTS, 4)),
    i32x4.add(x2, v128.load32_splat(CONSTANTS, 8)),
    i32x4.add(x3, v128.load32_splat(CONSTANTS, 12)),
  );
  addRows(
    source + 16,
    target + 16,
    i32x4.add(x4, v128.load32_splat(context, 0)),
    i32x4.add(x5, v128.load32_splat(context, 4)),
    i32x4.add(x6, v128.load32_splat(context, 8)),
    i32x4.add(x7, v128.load32_splat(context, 12)),
  );
  addRows(
    source + 32,
    target + 32,
    i32x4.add(x8, v128.load32_splat(context, 16)),
    i32x4.add(x9, v128.load32_splat(context, 20)),
    i32x4.add(x10, v128.load32_splat(context, 24)),
    i32x4.add(x11, v128.load32_splat(context, 28)),
  );
  addRows(
    source + 48,
    target + 48,
    i32x4.add(x12, counters),
    i32x4.add(x13, v128.load32_splat(nonce, 0)),
    i32x4.add(x14, v128.load32_splat(nonce, 4)),
    i32x4.add(x15, v128.load32_splat(nonce, 8)),
  );
}

/** Adds the same four words of four blocks, a word of all in one register, to 16 octets of each. */
function addRows(source: usize, target: usize, a: v128, b: v128, c: v128, d: v128): void {
  const lowAB = v128.shuffle<u32>(a, b, 0, 4, 1, 5);
  const lowCD = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
  const highAB = v128.shuffle<u32>(a, b, 2, 6, 3, 7);
  const highCD = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
  v128.store(target, v128.xor(v128.load(source), v128.shuffle<u64>(lowAB, lowCD, 0, 2)));
  v128.store(target, v128.xor(v128.load(source, 64), v128.shuffle<u64>(lowAB, lowCD, 1, 3)), 64);
  v128.store(target, v128.xor(v128.load(source, 128), v128.shuffle<u64>(highAB, highCD, 0, 2)), 128);
  v128.store(target, v128.xor(v128.load(source, 192), v128.shuffle<u64>(highAB, highCD, 1, 3)), 192);
}
