/**
 * GHASH (SP 800-38D §6.4): eight blocks times H^8 ... H^1, summed, reduced once. Constant-time: nibble rows in registers,
 * no secret indexes memory or branches. Sits under `gcm.ts`, which pads and orders the blocks.
 *
 * An octet of a block times a power H^k is a polynomial of 17 octets, and linear in both nibbles. A power's rows are
 *
 *   0                 272                544
 *   | L_0 ... L_16    | U_0 ... U_16     |      L_j[n]: octet j of (low nibble n) * H^k; U_j: of the high nibble
 *
 * so L_j and U_j looked up for sixteen octets at once give octet j of sixteen products, in lane i that of octet i, whose
 * place in the sum is i + j. The 17 sums v_j collect all blocks of a group before they are moved to their places.
 *
 * Eight powers: moving the sums and reducing takes about 110 vector instructions a group, beside 72 for each block's products.
 * Sixteen powers would save 8 % of GHASH, 3 % of GCM, for another 4.3 KiB of every SA, which each packet would pull through
 * the first-level cache beside its text.
 *
 * GCM counts bits from the left: the top bit of octet 0 is the coefficient of x^0 (SP 800-38D §6.3).
 */
import { GHASH_POWER_SIZE, GHASH_POWERS } from '../../../abi/crypto-context.ts';
import { LOW_NIBBLE } from '../aes/tables.ts';
import { highNibbles, lookup, lowNibbles } from '../nibble.ts';

/** Octets of a group. */
const GROUP: usize = 16 * GHASH_POWERS;
const HIGH_ROWS: usize = 272;

/** Scratch of the set-up: H^k times x^0 ... x^7, 17 octets each at a distance of 32. Wiped after use. */
const SHIFTED: usize = memory.data(256, 16);

/** For bit 0 ... 3 of a nibble, the nibbles that have it. */
// biome-ignore format: one bit a line
const WITH_BIT: usize = memory.data<u8>([
  0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255,
  0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255,
  0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255,
  0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
], 16);

/** Octet n * x^128 modulo x^128 + x^7 + x^2 + x + 1: first octet and second one, by low and by high nibble of n. */
// biome-ignore format: one table a line
const REDUCTION: usize = memory.data<u8>([
  0x00, 0x01, 0x03, 0x02, 0x07, 0x06, 0x04, 0x05, 0x0e, 0x0f, 0x0d, 0x0c, 0x09, 0x08, 0x0a, 0x0b,
  0x00, 0x1c, 0x38, 0x24, 0x70, 0x6c, 0x48, 0x54, 0xe1, 0xfd, 0xd9, 0xc5, 0x91, 0x8d, 0xa9, 0xb5,
  0x00, 0xc2, 0x84, 0x46, 0x08, 0xca, 0x8c, 0x4e, 0x10, 0xd2, 0x94, 0x56, 0x18, 0xda, 0x9c, 0x5e,
  0x00, 0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0, 0x00, 0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0,
], 16);

/**
 * Writes the rows of H^8 ... H^1, in this order.
 *
 * @param rows  GHASH_POWERS * GHASH_POWER_SIZE octets, written whole
 * @param h     the hash key, as read from memory
 * @constantTime
 * @wipes its scratch
 */
export function ghashSetup(rows: usize, h: v128): void {
  const first = rows + (GHASH_POWERS - 1) * GHASH_POWER_SIZE;
  let power = h;
  for (let at = first; ; at -= GHASH_POWER_SIZE) {
    writeRows(at, power);
    if (at === rows) break;
    v128.store(SHIFTED, power);
    power = ghash(rows, i8x16.splat(0), SHIFTED, 1);
  }
  memory.fill(SHIFTED, 0, 256);
}

/** Writes the 34 rows of one power. */
function writeRows(rows: usize, power: v128): void {
  const zero = i8x16.splat(0);
  const before = upOctet(zero, power);
  for (let shift: i32 = 0; shift < 8; shift++) {
    const at = SHIFTED + 32 * <usize>shift;
    // A shift by 8 would be one by 0 (WebAssembly takes counts modulo the lane's width), hence in two steps.
    const carried = i8x16.shl(i8x16.shl(before, 7 - shift), 1);
    v128.store(at, v128.or(i8x16.shr_u(power, shift), carried));
    store<u8>(at, (u32(i8x16.extract_lane_u(power, 15)) << (8 - shift)) & 0xff, 16);
  }
  for (let j: usize = 0; j < 17; j++) {
    // Bit 3 of the high nibble is the octet's coefficient of x^0, bit 0 of the low one that of x^7.
    let low = zero;
    let high = zero;
    for (let bit: usize = 0; bit < 4; bit++) {
      const mask = v128.load(WITH_BIT + 16 * bit);
      low = v128.xor(low, v128.and(mask, v128.load8_splat(SHIFTED + 32 * (7 - bit) + j)));
      high = v128.xor(high, v128.and(mask, v128.load8_splat(SHIFTED + 32 * (3 - bit) + j)));
    }
    v128.store(rows + 16 * j, low);
    v128.store(rows + HIGH_ROWS + 16 * j, high);
  }
}

/**
 * Carries on a GHASH over whole blocks.
 *
 * @param rows   of `ghashSetup`
 * @param y      the value so far; 0 at the start
 * @param text   16 * `blocks` octets
 * @returns the value after them
 * @constantTime in key and text; the number of blocks is public
 */
export function ghash(rows: usize, y: v128, text: usize, blocks: i32): v128 {
  let left: usize = 16 * <usize>blocks;
  while (left >= GROUP) {
    y = ghashGroup(rows, y, text, GROUP);
    text += GROUP;
    left -= GROUP;
  }
  if (left > 0) {
    const skipped = ((GROUP - left) >> 4) * GHASH_POWER_SIZE;
    y = ghashGroup(rows + skipped, y, text, left);
  }
  return y;
}

/** One group of 16 ... GROUP octets; `rows` are those of the first block's power. */
function ghashGroup(rows: usize, y: v128, text: usize, octets: usize): v128 {
  const mask = v128.load(LOW_NIBBLE);
  const zero = i8x16.splat(0);
  const end = text + octets;

  // Octets 9 ... 16 of the products, then 0 ... 8: the sums of one pass stay in registers.
  let v9 = zero;
  let v10 = zero;
  let v11 = zero;
  let v12 = zero;
  let v13 = zero;
  let v14 = zero;
  let v15 = zero;
  let v16 = zero;
  let row = rows;
  let add = y;
  for (let at = text; at < end; at += 16, row += GHASH_POWER_SIZE) {
    const x = v128.xor(v128.load(at), add);
    add = zero;
    const low = lowNibbles(x, mask);
    const high = highNibbles(x, mask);
    v9 = v128.xor(v9, v128.xor(lookup(v128.load(row, 144), low), lookup(v128.load(row, 416), high)));
    v10 = v128.xor(v10, v128.xor(lookup(v128.load(row, 160), low), lookup(v128.load(row, 432), high)));
    v11 = v128.xor(v11, v128.xor(lookup(v128.load(row, 176), low), lookup(v128.load(row, 448), high)));
    v12 = v128.xor(v12, v128.xor(lookup(v128.load(row, 192), low), lookup(v128.load(row, 464), high)));
    v13 = v128.xor(v13, v128.xor(lookup(v128.load(row, 208), low), lookup(v128.load(row, 480), high)));
    v14 = v128.xor(v14, v128.xor(lookup(v128.load(row, 224), low), lookup(v128.load(row, 496), high)));
    v15 = v128.xor(v15, v128.xor(lookup(v128.load(row, 240), low), lookup(v128.load(row, 512), high)));
    v16 = v128.xor(v16, v128.xor(lookup(v128.load(row, 256), low), lookup(v128.load(row, 528), high)));
  }
  let upperLow = v16;
  let upperHigh = zero;
  upperHigh = upOctet(upperLow, upperHigh);
  upperLow = v128.xor(upOctet(zero, upperLow), v15);
  upperHigh = upOctet(upperLow, upperHigh);
  upperLow = v128.xor(upOctet(zero, upperLow), v14);
  upperHigh = upOctet(upperLow, upperHigh);
  upperLow = v128.xor(upOctet(zero, upperLow), v13);
  upperHigh = upOctet(upperLow, upperHigh);
  upperLow = v128.xor(upOctet(zero, upperLow), v12);
  upperHigh = upOctet(upperLow, upperHigh);
  upperLow = v128.xor(upOctet(zero, upperLow), v11);
  upperHigh = upOctet(upperLow, upperHigh);
  upperLow = v128.xor(upOctet(zero, upperLow), v10);
  upperHigh = upOctet(upperLow, upperHigh);
  upperLow = v128.xor(upOctet(zero, upperLow), v9);

  let v0 = zero;
  let v1 = zero;
  let v2 = zero;
  let v3 = zero;
  let v4 = zero;
  let v5 = zero;
  let v6 = zero;
  let v7 = zero;
  let v8 = zero;
  row = rows;
  add = y;
  for (let at = text; at < end; at += 16, row += GHASH_POWER_SIZE) {
    const x = v128.xor(v128.load(at), add);
    add = zero;
    const low = lowNibbles(x, mask);
    const high = highNibbles(x, mask);
    v0 = v128.xor(v0, v128.xor(lookup(v128.load(row, 0), low), lookup(v128.load(row, 272), high)));
    v1 = v128.xor(v1, v128.xor(lookup(v128.load(row, 16), low), lookup(v128.load(row, 288), high)));
    v2 = v128.xor(v2, v128.xor(lookup(v128.load(row, 32), low), lookup(v128.load(row, 304), high)));
    v3 = v128.xor(v3, v128.xor(lookup(v128.load(row, 48), low), lookup(v128.load(row, 320), high)));
    v4 = v128.xor(v4, v128.xor(lookup(v128.load(row, 64), low), lookup(v128.load(row, 336), high)));
    v5 = v128.xor(v5, v128.xor(lookup(v128.load(row, 80), low), lookup(v128.load(row, 352), high)));
    v6 = v128.xor(v6, v128.xor(lookup(v128.load(row, 96), low), lookup(v128.load(row, 368), high)));
    v7 = v128.xor(v7, v128.xor(lookup(v128.load(row, 112), low), lookup(v128.load(row, 384), high)));
    v8 = v128.xor(v8, v128.xor(lookup(v128.load(row, 128), low), lookup(v128.load(row, 400), high)));
  }
  let lowerLow = v8;
  let lowerHigh = zero;
  lowerHigh = upOctet(lowerLow, lowerHigh);
  lowerLow = v128.xor(upOctet(zero, lowerLow), v7);
  lowerHigh = upOctet(lowerLow, lowerHigh);
  lowerLow = v128.xor(upOctet(zero, lowerLow), v6);
  lowerHigh = upOctet(lowerLow, lowerHigh);
  lowerLow = v128.xor(upOctet(zero, lowerLow), v5);
  lowerHigh = upOctet(lowerLow, lowerHigh);
  lowerLow = v128.xor(upOctet(zero, lowerLow), v4);
  lowerHigh = upOctet(lowerLow, lowerHigh);
  lowerLow = v128.xor(upOctet(zero, lowerLow), v3);
  lowerHigh = upOctet(lowerLow, lowerHigh);
  lowerLow = v128.xor(upOctet(zero, lowerLow), v2);
  lowerHigh = upOctet(lowerLow, lowerHigh);
  lowerLow = v128.xor(upOctet(zero, lowerLow), v1);
  lowerHigh = upOctet(lowerLow, lowerHigh);
  lowerLow = v128.xor(upOctet(zero, lowerLow), v0);

  // The upper sum stands nine octets further up.
  const low = v128.xor(
    lowerLow,
    v128.shuffle<u8>(zero, upperLow, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22),
  );
  const over = v128.shuffle<u8>(
    upperLow,
    upperHigh,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
  );
  return reduce(low, v128.xor(lowerHigh, over), mask);
}

/** `x` one octet further up, with the top octet of `below` moving in. */
function upOctet(below: v128, x: v128): v128 {
  return v128.shuffle<u8>(below, x, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}

/** low + high * x^128 modulo the field's polynomial. */
function reduce(low: v128, high: v128, mask: v128): v128 {
  const zero = i8x16.splat(0);
  const low0 = v128.load(REDUCTION, 0);
  const high0 = v128.load(REDUCTION, 16);
  const low1 = v128.load(REDUCTION, 32);
  const high1 = v128.load(REDUCTION, 48);
  let lowN = lowNibbles(high, mask);
  let highN = highNibbles(high, mask);
  low = v128.xor(low, v128.xor(lookup(low0, lowN), lookup(high0, highN)));
  const second = v128.xor(lookup(low1, lowN), lookup(high1, highN));
  low = v128.xor(low, upOctet(zero, second));
  // The second octet of lane 15 stands at x^128 again.
  const again = upOctet(second, zero);
  lowN = lowNibbles(again, mask);
  highN = highNibbles(again, mask);
  low = v128.xor(low, v128.xor(lookup(low0, lowN), lookup(high0, highN)));
  const secondAgain = v128.xor(lookup(low1, lowN), lookup(high1, highN));
  return v128.xor(low, upOctet(zero, secondAgain));
}
