/**
 * The first two rounds of AES for blocks whose counters differ in the last octet only: they share most of them (Bernstein and
 * Schwabe, "New AES software speed records", 2008). Octet 15 meets column 0 in round 1, and column 0 meets each column once
 * in round 2. What is shared is computed once for 256 blocks; the rest of both rounds of sixteen blocks costs about as much
 * as one round of four. Constant-time: by vector permute. Sits under `counter.ts`, which does the later rounds.
 */

import { combine, invertIo, invertJo, linear, lookup } from '../nibble.ts';
import { aesPartialRound, ROUND_KEYS } from './aes.ts';
import {
  ENCRYPT_1_IO,
  ENCRYPT_1_JO,
  ENCRYPT_2_IO,
  ENCRYPT_2_JO,
  ENCRYPT_IN_HIGH,
  ENCRYPT_IN_LOW,
  INVERSE,
  INVERSE_TIMES_A,
  LOW_NIBBLE,
  ROWS,
} from './tables.ts';

/** What 256 blocks share: the state after round 1, of which column 0 counts, and after round 2. Not reentrant. */
const SHARED: usize = memory.data(32, 16);
const AFTER_ROUND_1: usize = SHARED;
const AFTER_ROUND_2: usize = SHARED + 16;

/** Column 0 after round 2's SubBytes, block by block: sixteen words in the order of ShiftRows' columns; then times 2. */
export const COLUMN: usize = memory.data(128, 16);
export const TIMES_2: usize = 64;

/** All octets but the one that holds the counter's last; all but column 0 (row order). */
// biome-ignore format: one row of the state a group
const KEEP: usize = memory.data<u8>([
  255, 255, 255, 255,  255, 255, 255, 255,  255, 255, 255, 255,  255, 255, 255, 0,
  0, 255, 255, 255,  0, 255, 255, 255,  0, 255, 255, 255,  0, 255, 255, 255,
], 16);

/**
 * For row r of round 2's MixColumns, by column: where the octet of column 0 that ShiftRows brought there counts 1 or 3
 * times, then where 2 or 3 times. Row 0 came to column 0, row 3 to 1, row 2 to 2, row 1 to 3.
 */
const ODD: usize = memory.data<u32>([0xffffff00, 0x00ffffff, 0xff00ffff, 0xffff00ff], 16);
const TWICE: usize = memory.data<u32>([0xff0000ff, 0xffff0000, 0x00ffff00, 0x0000ffff], 16);

/**
 * Computes what the 256 blocks share whose counter block is `block` with any last octet. Call before `aesKeystream`, and
 * again when the counter's upper 24 bits change.
 *
 * @param schedule  encrypting schedule
 * @param block     counter block as read from memory; its last octet is ignored
 * @constantTime
 */
export function aesCounterPrepare(schedule: usize, block: v128): void {
  const keys = schedule + ROUND_KEYS;
  let x = lookup(block, v128.load(ROWS));
  x = linear(v128.load(ENCRYPT_IN_LOW), v128.load(ENCRYPT_IN_HIGH), x, v128.load(LOW_NIBBLE));
  x = v128.xor(x, v128.load(keys));
  x = v128.xor(aesPartialRound(x, v128.load(KEEP)), v128.load(keys, 16));
  v128.store(AFTER_ROUND_1, x);
  x = v128.xor(aesPartialRound(x, v128.load(KEEP, 16)), v128.load(keys, 32));
  v128.store(AFTER_ROUND_2, x);
}

/**
 * Computes rounds 1 and 2 of sixteen blocks as far as the counter's last octet reaches, into COLUMN.
 *
 * @param schedule  encrypting schedule, the one of the last `aesCounterPrepare`
 * @param group     0..15: the blocks whose last counter octets are 16 * group ... 16 * group + 15
 * @constantTime in the key and the nonce; the group is public
 */
export function aesCounterFirstRounds(schedule: usize, group: i32): void {
  const mask = v128.load(LOW_NIBBLE);
  const inverse = v128.load(INVERSE);
  const inverseTimesA = v128.load(INVERSE_TIMES_A);
  const oneIo = v128.load(ENCRYPT_1_IO);
  const oneJo = v128.load(ENCRYPT_1_JO);
  const twoIo = v128.load(ENCRYPT_2_IO);
  const twoJo = v128.load(ENCRYPT_2_JO);

  // The last counter octet of block n is 16 * group + n, and the table for low nibbles is just that for n = 0..15.
  let x = v128.xor(v128.load(ENCRYPT_IN_LOW), v128.load8_splat(ENCRYPT_IN_HIGH + <usize>group));
  x = v128.xor(x, v128.load8_splat(schedule + ROUND_KEYS, 15));
  let io = invertIo(x, inverse, inverseTimesA, mask);
  let jo = invertJo(x, inverse, inverseTimesA, mask);
  const one = combine(oneIo, oneJo, io, jo);
  const two = combine(twoIo, twoJo, io, jo);

  // MixColumns of a column that holds only its row 3: 1, 1, 3, 2 times.
  x = v128.xor(v128.load8_splat(AFTER_ROUND_1, 0), one);
  io = invertIo(x, inverse, inverseTimesA, mask);
  jo = invertJo(x, inverse, inverseTimesA, mask);
  const one0 = combine(oneIo, oneJo, io, jo);
  const two0 = combine(twoIo, twoJo, io, jo);

  x = v128.xor(v128.load8_splat(AFTER_ROUND_1, 4), one);
  io = invertIo(x, inverse, inverseTimesA, mask);
  jo = invertJo(x, inverse, inverseTimesA, mask);
  const one1 = combine(oneIo, oneJo, io, jo);
  const two1 = combine(twoIo, twoJo, io, jo);

  x = v128.xor(v128.load8_splat(AFTER_ROUND_1, 8), v128.xor(one, two));
  io = invertIo(x, inverse, inverseTimesA, mask);
  jo = invertJo(x, inverse, inverseTimesA, mask);
  const one2 = combine(oneIo, oneJo, io, jo);
  const two2 = combine(twoIo, twoJo, io, jo);

  x = v128.xor(v128.load8_splat(AFTER_ROUND_1, 12), two);
  io = invertIo(x, inverse, inverseTimesA, mask);
  jo = invertJo(x, inverse, inverseTimesA, mask);
  const one3 = combine(oneIo, oneJo, io, jo);
  const two3 = combine(twoIo, twoJo, io, jo);

  // ShiftRows of column 0 alone: its rows 0, 3, 2, 1 come to columns 0, 1, 2, 3.
  storeInterleaved(COLUMN, one0, one3, one2, one1);
  storeInterleaved(COLUMN + TIMES_2, two0, two3, two2, two1);
}

/** Stores octet n of each of four registers as word n, for all sixteen n. */
function storeInterleaved(at: usize, c0: v128, c1: v128, c2: v128, c3: v128): void {
  const low01 = v128.shuffle<u8>(c0, c1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const low23 = v128.shuffle<u8>(c2, c3, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const high01 = v128.shuffle<u8>(c0, c1, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const high23 = v128.shuffle<u8>(c2, c3, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  v128.store(at, v128.shuffle<u16>(low01, low23, 0, 8, 1, 9, 2, 10, 3, 11), 0);
  v128.store(at, v128.shuffle<u16>(low01, low23, 4, 12, 5, 13, 6, 14, 7, 15), 16);
  v128.store(at, v128.shuffle<u16>(high01, high23, 0, 8, 1, 9, 2, 10, 3, 11), 32);
  v128.store(at, v128.shuffle<u16>(high01, high23, 4, 12, 5, 13, 6, 14, 7, 15), 48);
}

/**
 * Row `row` of four blocks after round 2.
 *
 * @param column        their words of COLUMN
 * @param columnTimes2  the same words times 2
 */
export function aesCounterRow(row: usize, column: v128, columnTimes2: v128): v128 {
  const shared = v128.load32_splat(AFTER_ROUND_2 + 4 * row);
  const odd = v128.and(column, v128.load32_splat(ODD + 4 * row));
  const twice = v128.and(columnTimes2, v128.load32_splat(TWICE + 4 * row));
  return v128.xor(shared, v128.xor(odd, twice));
}
