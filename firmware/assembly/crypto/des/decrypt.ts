/**
 * Decryption with DES and triple DES (FIPS 46-3) of sixteen blocks side by side. Constant-time: S-boxes are swizzles.
 * Sits under `cbc.ts`. Adds no chaining.
 *
 * A register holds the inner input of one S-box for sixteen blocks, so one swizzle looks all of them up. The outer inputs
 * are tested where they lie, in the registers of the neighbours. Halves are in memory while a round runs:
 *
 *   0                16                32               48
 *   | lane 0 of left | lane 0 of right | lane 1 of left | lane 1 of right | ...
 */

import { lookup } from '../nibble.ts';
import { DES_ROUND_KEYS, desBlock, desHalves } from './des.ts';
import { INPUTS, ROW_PAIRS } from './tables.ts';

/** Halves of sixteen blocks, and room to transpose them; not reentrant. */
const HALVES: usize = memory.data(256, 16);
const TRANSPOSED: usize = memory.data(256, 16);

/**
 * Decrypts sixteen blocks.
 *
 * @param schedule  of `desExpand`, read backwards
 * @param blocks    128 octets, read
 * @param out       128 octets, written; may be `blocks`
 * @constantTime
 */
export function desDecryptSixteen(schedule: usize, blocks: usize, out: usize): void {
  for (let block: usize = 0; block < 16; block++) {
    v128.store(HALVES + 16 * block, desHalves(v128.load64_zero(blocks + 8 * block)));
  }
  transpose();
  const first = schedule + DES_ROUND_KEYS;
  const rounds = load<u32>(schedule);
  let key = first + 16 * <usize>rounds;
  let left = HALVES;
  let right = HALVES + 16;
  for (let pass: u32 = 0; pass < rounds; pass += 16) {
    for (let round = 0; round < 16; round += 2) {
      decryptRound(left, right, key - 16);
      decryptRound(right, left, key - 32);
      key -= 32;
    }
    const swapped = left;
    left = right;
    right = swapped;
  }
  // One pass or three: the halves have changed places an odd number of times.
  for (let lane: usize = 0; lane < 256; lane += 32) {
    const swapped = v128.load(HALVES + lane, 0);
    v128.store(HALVES + lane, v128.load(HALVES + lane, 16), 0);
    v128.store(HALVES + lane, swapped, 16);
  }
  transpose();
  for (let block: usize = 0; block < 16; block++) {
    store<u64>(out + 8 * block, desBlock(v128.load(HALVES + 16 * block)));
  }
}

/** Adds to `left` what the S-boxes and P make of `right` and a round key. */
function decryptRound(left: usize, right: usize, key: usize): void {
  const s0 = substitute(0, 5, 4, right, key);
  const s1 = substitute(1, 6, 5, right, key);
  const s2 = substitute(2, 7, 6, right, key);
  const s3 = substitute(3, 4, 7, right, key);
  const s4 = substitute(4, 0, 3, right, key);
  const s5 = substitute(5, 1, 0, right, key);
  const s6 = substitute(6, 2, 1, right, key);
  const s7 = substitute(7, 3, 2, right, key);
  permute(left + 0, s1, s4, s6, s7);
  permute(left + 32, s7, s5, s3, s6);
  permute(left + 64, s3, s6, s5, s0);
  permute(left + 96, s6, s7, s1, s5);
  permute(left + 128, s5, s0, s2, s3);
  permute(left + 160, s0, s3, s4, s2);
  permute(left + 192, s2, s1, s7, s4);
  permute(left + 224, s4, s2, s0, s1);
}

/** The nibbles that the S-box of a lane gives; the high halves of the octets are not for use. */
function substitute(lane: usize, before: usize, behind: usize, right: usize, key: usize): v128 {
  const inner = v128.xor(v128.load(right + 32 * lane), v128.load8_splat(key + 2 * lane));
  const outerKey = v128.load8_splat(key + 2 * lane, 1);
  const lowerRows = hasBit(v128.xor(v128.load(right + 32 * before), outerKey), INPUTS + 2 * lane + 1);
  const oddRow = hasBit(v128.xor(v128.load(right + 32 * behind), outerKey), INPUTS + 80 + 2 * lane + 1);
  const pair = ROW_PAIRS + 32 * lane;
  const rows = i8x16.relaxed_laneselect(
    lookup(v128.load(pair, 16), inner),
    lookup(v128.load(pair, 0), inner),
    lowerRows,
  );
  return i8x16.relaxed_laneselect(i16x8.shr_u(rows, 4), rows, oddRow);
}

/** All ones in each octet that has the bit at address `place`, 0 in the others. */
function hasBit(x: v128, place: usize): v128 {
  const bit = v128.load8_splat(place);
  return i8x16.eq(v128.and(x, bit), bit);
}

/** P: adds to the octets at `lane` bit 0 of `s0` to bit 3 of `s3` (GATHER in `tables.ts`). */
function permute(lane: usize, s0: v128, s1: v128, s2: v128, s3: v128): void {
  const low = v128.or(v128.and(s0, i8x16.splat(1)), v128.and(s1, i8x16.splat(2)));
  const high = v128.or(v128.and(s2, i8x16.splat(4)), v128.and(s3, i8x16.splat(8)));
  v128.store(lane, v128.xor(v128.load(lane), v128.or(low, high)));
}

/** Transposes the sixteen rows of HALVES: four perfect shuffles of 256 octets. */
function transpose(): void {
  interleave(HALVES, TRANSPOSED);
  interleave(TRANSPOSED, HALVES);
  interleave(HALVES, TRANSPOSED);
  interleave(TRANSPOSED, HALVES);
}

/** Writes the first and the second 128 octets at `from` by turns. */
function interleave(from: usize, to: usize): void {
  for (let row: usize = 0; row < 128; row += 16) {
    const a = v128.load(from + row, 0);
    const b = v128.load(from + row, 128);
    const at = to + 2 * row;
    v128.store(at, v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), 0);
    v128.store(at, v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
  }
}
