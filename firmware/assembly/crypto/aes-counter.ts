/**
 * AES in counter mode (SP 800-38A §6.5), sixteen blocks at a time: fills a buffer with keystream; the mode above adds it to
 * the text. Constant-time: by vector permute. Sits under `gcm.ts`.
 *
 * Four blocks go side by side, one row of the state a register:
 *
 *              block 0        block 1        block 2        block 3
 *   row r    | c0 c1 c2 c3 |  c0 c1 c2 c3 |  c0 c1 c2 c3 |  c0 c1 c2 c3 |
 *
 * so MixColumns is additions between registers and a round key's row is one 32-bit splat.
 *
 * Blocks whose counters differ in the last octet only share most of their first two rounds (Bernstein and Schwabe, "New AES
 * software speed records", 2008): octet 15 meets column 0 in round 1, and column 0 meets each column once in round 2. What
 * is shared is computed once for 256 blocks, by `aesCounterPrepare`; the rest of both rounds for sixteen blocks costs about
 * as much as one round of four.
 */
import { aesPartialRound, ROUND_KEYS } from './aes.ts';
import {
  ENCRYPT_1_IO,
  ENCRYPT_1_JO,
  ENCRYPT_2_IO,
  ENCRYPT_2_JO,
  ENCRYPT_IN_HIGH,
  ENCRYPT_IN_LOW,
  ENCRYPT_OUT_IO,
  ENCRYPT_OUT_JO,
  INVERSE,
  INVERSE_TIMES_A,
  LOW_NIBBLE,
  ROTATE_1,
  ROTATE_2,
  ROTATE_3,
  ROWS,
} from './aes-tables.ts';
import { combine, highNibbles, invertHalf, linear, lookup, lowNibbles } from './nibble.ts';

/** Octets of keystream that one call fills at most. */
export const KEYSTREAM_SIZE: i32 = 256;

/** What 256 blocks share: the state after round 1, of which column 0 counts, and after round 2. Not reentrant. */
const SHARED: usize = memory.data(32, 16);
const AFTER_ROUND_1: usize = SHARED;
const AFTER_ROUND_2: usize = SHARED + 16;

/** Rows of column 0 after the two rounds, sixteen blocks wide, sorted by block: four octets a block, times 1 and times 2. */
const COLUMN: usize = memory.data(128, 16);
const COLUMN_TIMES_2: usize = COLUMN + 64;

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
 * Writes the keystream of the blocks whose last counter octets are 16 * group, 16 * group + 1, ...
 *
 * @param schedule  encrypting schedule, the one of the last `aesCounterPrepare`
 * @param group     0..15
 * @param blocks    1..16; rounded up to a multiple of four
 * @param out       room for KEYSTREAM_SIZE octets
 * @constantTime in key and counter block; the group is public
 */
export function aesKeystream(schedule: usize, group: i32, blocks: i32, out: usize): void {
  firstRounds(schedule, group);
  const end = out + 16 * <usize>blocks;
  for (let column = COLUMN; out < end; out += 64, column += 16) {
    laterRounds(schedule, column, out);
  }
}

/** Rounds 1 and 2 of sixteen blocks as far as the counter's last octet reaches. */
function firstRounds(schedule: usize, group: i32): void {
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
  let k = lowNibbles(x, mask);
  let i = highNibbles(x, mask);
  let j = v128.xor(i, k);
  let aOverK = lookup(inverseTimesA, k);
  let io = invertHalf(inverse, i, j, aOverK);
  let jo = invertHalf(inverse, j, i, aOverK);
  const one = combine(oneIo, oneJo, io, jo);
  const two = combine(twoIo, twoJo, io, jo);

  // MixColumns of a column that holds only its row 3: 1, 1, 3, 2 times.
  x = v128.xor(v128.load8_splat(AFTER_ROUND_1, 0), one);
  k = lowNibbles(x, mask);
  i = highNibbles(x, mask);
  j = v128.xor(i, k);
  aOverK = lookup(inverseTimesA, k);
  io = invertHalf(inverse, i, j, aOverK);
  jo = invertHalf(inverse, j, i, aOverK);
  const one0 = combine(oneIo, oneJo, io, jo);
  const two0 = combine(twoIo, twoJo, io, jo);

  x = v128.xor(v128.load8_splat(AFTER_ROUND_1, 4), one);
  k = lowNibbles(x, mask);
  i = highNibbles(x, mask);
  j = v128.xor(i, k);
  aOverK = lookup(inverseTimesA, k);
  io = invertHalf(inverse, i, j, aOverK);
  jo = invertHalf(inverse, j, i, aOverK);
  const one1 = combine(oneIo, oneJo, io, jo);
  const two1 = combine(twoIo, twoJo, io, jo);

  x = v128.xor(v128.load8_splat(AFTER_ROUND_1, 8), v128.xor(one, two));
  k = lowNibbles(x, mask);
  i = highNibbles(x, mask);
  j = v128.xor(i, k);
  aOverK = lookup(inverseTimesA, k);
  io = invertHalf(inverse, i, j, aOverK);
  jo = invertHalf(inverse, j, i, aOverK);
  const one2 = combine(oneIo, oneJo, io, jo);
  const two2 = combine(twoIo, twoJo, io, jo);

  x = v128.xor(v128.load8_splat(AFTER_ROUND_1, 12), two);
  k = lowNibbles(x, mask);
  i = highNibbles(x, mask);
  j = v128.xor(i, k);
  aOverK = lookup(inverseTimesA, k);
  io = invertHalf(inverse, i, j, aOverK);
  jo = invertHalf(inverse, j, i, aOverK);
  const one3 = combine(oneIo, oneJo, io, jo);
  const two3 = combine(twoIo, twoJo, io, jo);

  // ShiftRows of column 0 alone: its rows 0, 3, 2, 1 come to columns 0, 1, 2, 3.
  storeInterleaved(COLUMN, one0, one3, one2, one1);
  storeInterleaved(COLUMN_TIMES_2, two0, two3, two2, two1);
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

/** Row `row` of four blocks after round 2. */
function secondRoundRow(row: usize, column: v128, columnTimes2: v128): v128 {
  const shared = v128.load32_splat(AFTER_ROUND_2 + 4 * row);
  const odd = v128.and(column, v128.load32_splat(ODD + 4 * row));
  const twice = v128.and(columnTimes2, v128.load32_splat(TWICE + 4 * row));
  return v128.xor(shared, v128.xor(odd, twice));
}

/** Rounds 3 to the last of four blocks, of which `column` holds what differs; writes 64 octets of keystream. */
function laterRounds(schedule: usize, column: usize, out: usize): void {
  const mask = v128.load(LOW_NIBBLE);
  const inverse = v128.load(INVERSE);
  const inverseTimesA = v128.load(INVERSE_TIMES_A);
  const oneIo = v128.load(ENCRYPT_1_IO);
  const oneJo = v128.load(ENCRYPT_1_JO);
  const twoIo = v128.load(ENCRYPT_2_IO);
  const twoJo = v128.load(ENCRYPT_2_JO);
  const rotate1 = v128.load(ROTATE_1);
  const rotate2 = v128.load(ROTATE_2);
  const rotate3 = v128.load(ROTATE_3);
  const once = v128.load(column);
  const twice = v128.load(column, 64);
  let x0 = secondRoundRow(0, once, twice);
  let x1 = lookup(secondRoundRow(1, once, twice), rotate1);
  let x2 = lookup(secondRoundRow(2, once, twice), rotate2);
  let x3 = lookup(secondRoundRow(3, once, twice), rotate3);
  let k: v128, i: v128, j: v128, aOverK: v128, io: v128, jo: v128;
  const last = schedule + ROUND_KEYS + 16 * <usize>load<u32>(schedule);
  for (let key = schedule + ROUND_KEYS + 48; key < last; key += 16) {
    k = lowNibbles(x0, mask);
    i = highNibbles(x0, mask);
    j = v128.xor(i, k);
    aOverK = lookup(inverseTimesA, k);
    io = invertHalf(inverse, i, j, aOverK);
    jo = invertHalf(inverse, j, i, aOverK);
    const one0 = combine(oneIo, oneJo, io, jo);
    const two0 = combine(twoIo, twoJo, io, jo);

    k = lowNibbles(x1, mask);
    i = highNibbles(x1, mask);
    j = v128.xor(i, k);
    aOverK = lookup(inverseTimesA, k);
    io = invertHalf(inverse, i, j, aOverK);
    jo = invertHalf(inverse, j, i, aOverK);
    const one1 = combine(oneIo, oneJo, io, jo);
    const two1 = combine(twoIo, twoJo, io, jo);

    k = lowNibbles(x2, mask);
    i = highNibbles(x2, mask);
    j = v128.xor(i, k);
    aOverK = lookup(inverseTimesA, k);
    io = invertHalf(inverse, i, j, aOverK);
    jo = invertHalf(inverse, j, i, aOverK);
    const one2 = combine(oneIo, oneJo, io, jo);
    const two2 = combine(twoIo, twoJo, io, jo);

    k = lowNibbles(x3, mask);
    i = highNibbles(x3, mask);
    j = v128.xor(i, k);
    aOverK = lookup(inverseTimesA, k);
    io = invertHalf(inverse, i, j, aOverK);
    jo = invertHalf(inverse, j, i, aOverK);
    const one3 = combine(oneIo, oneJo, io, jo);
    const two3 = combine(twoIo, twoJo, io, jo);

    const sum01 = v128.xor(one0, one1);
    const sum23 = v128.xor(one2, one3);
    x0 = v128.xor(v128.xor(v128.xor(two0, two1), v128.load32_splat(key, 0)), v128.xor(one1, sum23));
    x1 = v128.xor(v128.xor(v128.xor(two1, two2), v128.load32_splat(key, 4)), v128.xor(one0, sum23));
    x2 = v128.xor(v128.xor(v128.xor(two2, two3), v128.load32_splat(key, 8)), v128.xor(one3, sum01));
    x3 = v128.xor(v128.xor(v128.xor(two3, two0), v128.load32_splat(key, 12)), v128.xor(one2, sum01));
    x1 = lookup(x1, rotate1);
    x2 = lookup(x2, rotate2);
    x3 = lookup(x3, rotate3);
  }
  const outIo = v128.load(ENCRYPT_OUT_IO);
  const outJo = v128.load(ENCRYPT_OUT_JO);
  k = lowNibbles(x0, mask);
  i = highNibbles(x0, mask);
  j = v128.xor(i, k);
  aOverK = lookup(inverseTimesA, k);
  io = invertHalf(inverse, i, j, aOverK);
  jo = invertHalf(inverse, j, i, aOverK);
  x0 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 0));

  k = lowNibbles(x1, mask);
  i = highNibbles(x1, mask);
  j = v128.xor(i, k);
  aOverK = lookup(inverseTimesA, k);
  io = invertHalf(inverse, i, j, aOverK);
  jo = invertHalf(inverse, j, i, aOverK);
  x1 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 4));

  k = lowNibbles(x2, mask);
  i = highNibbles(x2, mask);
  j = v128.xor(i, k);
  aOverK = lookup(inverseTimesA, k);
  io = invertHalf(inverse, i, j, aOverK);
  jo = invertHalf(inverse, j, i, aOverK);
  x2 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 8));

  k = lowNibbles(x3, mask);
  i = highNibbles(x3, mask);
  j = v128.xor(i, k);
  aOverK = lookup(inverseTimesA, k);
  io = invertHalf(inverse, i, j, aOverK);
  jo = invertHalf(inverse, j, i, aOverK);
  x3 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 12));

  // Rows of four blocks to four blocks in row order, and those to column order.
  const rows = v128.load(ROWS);
  const low01 = v128.shuffle<u32>(x0, x1, 0, 4, 1, 5);
  const low23 = v128.shuffle<u32>(x2, x3, 0, 4, 1, 5);
  const high01 = v128.shuffle<u32>(x0, x1, 2, 6, 3, 7);
  const high23 = v128.shuffle<u32>(x2, x3, 2, 6, 3, 7);
  v128.store(out, lookup(v128.shuffle<u64>(low01, low23, 0, 2), rows), 0);
  v128.store(out, lookup(v128.shuffle<u64>(low01, low23, 1, 3), rows), 16);
  v128.store(out, lookup(v128.shuffle<u64>(high01, high23, 0, 2), rows), 32);
  v128.store(out, lookup(v128.shuffle<u64>(high01, high23, 1, 3), rows), 48);
}
