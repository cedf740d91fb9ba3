/**
 * AES in counter mode (SP 800-38A §6.5), eight blocks side by side: fills a buffer with keystream; the mode above adds it to
 * the text. Constant-time: by vector permute. Sits under `aes-modes/gcm.ts`; the first two rounds are in `counter-start.ts`.
 *
 * Four blocks share four registers, one row of the state each:
 *
 *              block 0        block 1        block 2        block 3
 *   row r    | c0 c1 c2 c3 |  c0 c1 c2 c3 |  c0 c1 c2 c3 |  c0 c1 c2 c3 |
 *
 * so MixColumns is additions between registers and a round key's row is one 32-bit splat. Two such groups, a and b, take
 * turns in each round, so that one computes while the other waits for its last row (12 % more than one group alone).
 */

import { combine, invertIo, invertJo, lookup } from '../nibble.ts';
import { ROUND_KEYS } from './aes.ts';
import { aesCounterFirstRounds, aesCounterRow, COLUMN, TIMES_2 } from './counter-start.ts';
import {
  ENCRYPT_1_IO,
  ENCRYPT_1_JO,
  ENCRYPT_2_IO,
  ENCRYPT_2_JO,
  ENCRYPT_OUT_IO,
  ENCRYPT_OUT_JO,
  INVERSE,
  INVERSE_TIMES_A,
  LOW_NIBBLE,
  ROTATE_1,
  ROTATE_2,
  ROTATE_3,
  ROWS,
} from './tables.ts';

/** Octets of keystream that one call fills at most. */
export const KEYSTREAM_SIZE: i32 = 256;

/**
 * Writes the keystream of the blocks whose last counter octets are 16 * group, 16 * group + 1, ...
 *
 * @param schedule  encrypting schedule, the one of the last `aesCounterPrepare`
 * @param group     0..15
 * @param blocks    1..16; rounded up to 8 or 16
 * @param out       room for KEYSTREAM_SIZE octets
 * @constantTime in the key and the nonce; group and number of blocks are public
 */
export function aesKeystream(schedule: usize, group: i32, blocks: i32, out: usize): void {
  aesCounterFirstRounds(schedule, group);
  laterRounds(schedule, COLUMN, out);
  if (blocks > 8) laterRounds(schedule, COLUMN + 32, out + 128);
}

/** Rounds 3 to the last of eight blocks, whose words of COLUMN are at `column`; writes 128 octets of keystream. */
function laterRounds(schedule: usize, column: usize, out: usize): void {
  const mask = v128.load(LOW_NIBBLE);
  const inverse = v128.load(INVERSE);
  const inverseTimesA = v128.load(INVERSE_TIMES_A);
  const oneIo = v128.load(ENCRYPT_1_IO);
  const oneJo = v128.load(ENCRYPT_1_JO);
  const twoIo = v128.load(ENCRYPT_2_IO);
  const twoJo = v128.load(ENCRYPT_2_JO);
  const last = schedule + ROUND_KEYS + 16 * <usize>load<u32>(schedule);
  let once = v128.load(column, 0);
  let twice = v128.load(column, TIMES_2);
  let a0 = aesCounterRow(0, once, twice);
  let a1 = lookup(aesCounterRow(1, once, twice), v128.load(ROTATE_1));
  let a2 = lookup(aesCounterRow(2, once, twice), v128.load(ROTATE_2));
  let a3 = lookup(aesCounterRow(3, once, twice), v128.load(ROTATE_3));
  once = v128.load(column, 16);
  twice = v128.load(column, TIMES_2 + 16);
  let b0 = aesCounterRow(0, once, twice);
  let b1 = lookup(aesCounterRow(1, once, twice), v128.load(ROTATE_1));
  let b2 = lookup(aesCounterRow(2, once, twice), v128.load(ROTATE_2));
  let b3 = lookup(aesCounterRow(3, once, twice), v128.load(ROTATE_3));
  let io: v128;
  let jo: v128;
  for (let key = schedule + ROUND_KEYS + 48; key < last; key += 16) {
    {
      io = invertIo(a0, inverse, inverseTimesA, mask);
      jo = invertJo(a0, inverse, inverseTimesA, mask);
      const one0 = combine(oneIo, oneJo, io, jo);
      const two0 = combine(twoIo, twoJo, io, jo);
      io = invertIo(a1, inverse, inverseTimesA, mask);
      jo = invertJo(a1, inverse, inverseTimesA, mask);
      const one1 = combine(oneIo, oneJo, io, jo);
      const two1 = combine(twoIo, twoJo, io, jo);
      io = invertIo(a2, inverse, inverseTimesA, mask);
      jo = invertJo(a2, inverse, inverseTimesA, mask);
      const one2 = combine(oneIo, oneJo, io, jo);
      const two2 = combine(twoIo, twoJo, io, jo);
      io = invertIo(a3, inverse, inverseTimesA, mask);
      jo = invertJo(a3, inverse, inverseTimesA, mask);
      const one3 = combine(oneIo, oneJo, io, jo);
      const two3 = combine(twoIo, twoJo, io, jo);
      const sum01 = v128.xor(one0, one1);
      const sum23 = v128.xor(one2, one3);
      a0 = v128.xor(v128.xor(v128.xor(two0, two1), v128.load32_splat(key, 0)), v128.xor(one1, sum23));
      a1 = v128.xor(v128.xor(v128.xor(two1, two2), v128.load32_splat(key, 4)), v128.xor(one0, sum23));
      a2 = v128.xor(v128.xor(v128.xor(two2, two3), v128.load32_splat(key, 8)), v128.xor(one3, sum01));
      a3 = v128.xor(v128.xor(v128.xor(two3, two0), v128.load32_splat(key, 12)), v128.xor(one2, sum01));
      a1 = lookup(a1, v128.load(ROTATE_1));
      a2 = lookup(a2, v128.load(ROTATE_2));
      a3 = lookup(a3, v128.load(ROTATE_3));
    }
    {
      io = invertIo(b0, inverse, inverseTimesA, mask);
      jo = invertJo(b0, inverse, inverseTimesA, mask);
      const one0 = combine(oneIo, oneJo, io, jo);
      const two0 = combine(twoIo, twoJo, io, jo);
      io = invertIo(b1, inverse, inverseTimesA, mask);
      jo = invertJo(b1, inverse, inverseTimesA, mask);
      const one1 = combine(oneIo, oneJo, io, jo);
      const two1 = combine(twoIo, twoJo, io, jo);
      io = invertIo(b2, inverse, inverseTimesA, mask);
      jo = invertJo(b2, inverse, inverseTimesA, mask);
      const one2 = combine(oneIo, oneJo, io, jo);
      const two2 = combine(twoIo, twoJo, io, jo);
      io = invertIo(b3, inverse, inverseTimesA, mask);
      jo = invertJo(b3, inverse, inverseTimesA, mask);
      const one3 = combine(oneIo, oneJo, io, jo);
      const two3 = combine(twoIo, twoJo, io, jo);
      const sum01 = v128.xor(one0, one1);
      const sum23 = v128.xor(one2, one3);
      b0 = v128.xor(v128.xor(v128.xor(two0, two1), v128.load32_splat(key, 0)), v128.xor(one1, sum23));
      b1 = v128.xor(v128.xor(v128.xor(two1, two2), v128.load32_splat(key, 4)), v128.xor(one0, sum23));
      b2 = v128.xor(v128.xor(v128.xor(two2, two3), v128.load32_splat(key, 8)), v128.xor(one3, sum01));
      b3 = v128.xor(v128.xor(v128.xor(two3, two0), v128.load32_splat(key, 12)), v128.xor(one2, sum01));
      b1 = lookup(b1, v128.load(ROTATE_1));
      b2 = lookup(b2, v128.load(ROTATE_2));
      b3 = lookup(b3, v128.load(ROTATE_3));
    }
  }

  const outIo = v128.load(ENCRYPT_OUT_IO);
  const outJo = v128.load(ENCRYPT_OUT_JO);
  io = invertIo(a0, inverse, inverseTimesA, mask);
  jo = invertJo(a0, inverse, inverseTimesA, mask);
  a0 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 0));
  io = invertIo(a1, inverse, inverseTimesA, mask);
  jo = invertJo(a1, inverse, inverseTimesA, mask);
  a1 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 4));
  io = invertIo(a2, inverse, inverseTimesA, mask);
  jo = invertJo(a2, inverse, inverseTimesA, mask);
  a2 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 8));
  io = invertIo(a3, inverse, inverseTimesA, mask);
  jo = invertJo(a3, inverse, inverseTimesA, mask);
  a3 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 12));
  storeBlocks(out, a0, a1, a2, a3);
  io = invertIo(b0, inverse, inverseTimesA, mask);
  jo = invertJo(b0, inverse, inverseTimesA, mask);
  b0 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 0));
  io = invertIo(b1, inverse, inverseTimesA, mask);
  jo = invertJo(b1, inverse, inverseTimesA, mask);
  b1 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 4));
  io = invertIo(b2, inverse, inverseTimesA, mask);
  jo = invertJo(b2, inverse, inverseTimesA, mask);
  b2 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 8));
  io = invertIo(b3, inverse, inverseTimesA, mask);
  jo = invertJo(b3, inverse, inverseTimesA, mask);
  b3 = v128.xor(combine(outIo, outJo, io, jo), v128.load32_splat(last, 12));
  storeBlocks(out + 64, b0, b1, b2, b3);
}

/** Stores four blocks, of which a row each is in a register, in the order of memory. */
function storeBlocks(out: usize, row0: v128, row1: v128, row2: v128, row3: v128): void {
  const rows = v128.load(ROWS);
  const low01 = v128.shuffle<u32>(row0, row1, 0, 4, 1, 5);
  const low23 = v128.shuffle<u32>(row2, row3, 0, 4, 1, 5);
  const high01 = v128.shuffle<u32>(row0, row1, 2, 6, 3, 7);
  const high23 = v128.shuffle<u32>(row2, row3, 2, 6, 3, 7);
  v128.store(out, lookup(v128.shuffle<u64>(low01, low23, 0, 2), rows), 0);
  v128.store(out, lookup(v128.shuffle<u64>(low01, low23, 1, 3), rows), 16);
  v128.store(out, lookup(v128.shuffle<u64>(high01, high23, 0, 2), rows), 32);
  v128.store(out, lookup(v128.shuffle<u64>(high01, high23, 1, 3), rows), 48);
}
