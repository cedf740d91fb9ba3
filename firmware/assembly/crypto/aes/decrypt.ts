/**
 * AES decryption (FIPS 197 §5.3.5) of eight blocks side by side, four times two in registers of one row each as in `counter.ts`.
 * Constant-time: by vector permute. Sits under `aes-modes/cbc.ts`. Adds no chaining.
 *
 * InvMixColumns (FIPS 197 §5.3.3) goes by way of v_r = 3 a_r + 2 a_r+1, of which the rows that it gives are
 *
 *   v_r + 5 (v_0 + v_2) + (v_1 + v_3)   for r = 0, 2        v_r + 5 (v_1 + v_3) + (v_0 + v_2)   for r = 1, 3
 *
 * so that each inverse is looked up times 2 and 3, not times 9, 11, 13 and 14: 43 lookups a round and group, not 55.
 */

import { combine, invertIo, invertJo, linear, lookup } from '../nibble.ts';
import { ROUND_KEYS } from './aes.ts';
import {
  DECRYPT_2_IO,
  DECRYPT_2_JO,
  DECRYPT_3_IO,
  DECRYPT_3_JO,
  DECRYPT_5_HIGH,
  DECRYPT_5_LOW,
  DECRYPT_IN_HIGH,
  DECRYPT_IN_LOW,
  DECRYPT_OUT_IO,
  DECRYPT_OUT_JO,
  INVERSE,
  INVERSE_TIMES_A,
  LOW_NIBBLE,
  ROTATE_1,
  ROTATE_2,
  ROTATE_3,
  ROWS,
} from './tables.ts';

/**
 * Decrypts eight blocks.
 *
 * @param schedule  of `aesExpandDecrypt`
 * @param blocks    128 octets, read
 * @param out       128 octets, written; may be `blocks`
 * @constantTime
 */
export function aesDecryptEight(schedule: usize, blocks: usize, out: usize): void {
  const mask = v128.load(LOW_NIBBLE);
  const inverse = v128.load(INVERSE);
  const inverseTimesA = v128.load(INVERSE_TIMES_A);
  const rotate1 = v128.load(ROTATE_1);
  const rotate2 = v128.load(ROTATE_2);
  const rotate3 = v128.load(ROTATE_3);
  const rows = v128.load(ROWS);
  const inLow = v128.load(DECRYPT_IN_LOW);
  const inHigh = v128.load(DECRYPT_IN_HIGH);
  let key = schedule + ROUND_KEYS;
  const last = key + 16 * <usize>load<u32>(schedule);
  let low01: v128, low23: v128, high01: v128, high23: v128;

  let a0 = lookup(v128.load(blocks, 0), rows);
  let a1 = lookup(v128.load(blocks, 16), rows);
  let a2 = lookup(v128.load(blocks, 32), rows);
  let a3 = lookup(v128.load(blocks, 48), rows);
  low01 = v128.shuffle<u32>(a0, a1, 0, 4, 1, 5);
  low23 = v128.shuffle<u32>(a2, a3, 0, 4, 1, 5);
  high01 = v128.shuffle<u32>(a0, a1, 2, 6, 3, 7);
  high23 = v128.shuffle<u32>(a2, a3, 2, 6, 3, 7);
  a0 = linear(inLow, inHigh, v128.shuffle<u64>(low01, low23, 0, 2), mask);
  a1 = linear(inLow, inHigh, v128.shuffle<u64>(low01, low23, 1, 3), mask);
  a2 = linear(inLow, inHigh, v128.shuffle<u64>(high01, high23, 0, 2), mask);
  a3 = linear(inLow, inHigh, v128.shuffle<u64>(high01, high23, 1, 3), mask);
  a0 = v128.xor(a0, v128.load32_splat(key, 0));
  a1 = lookup(v128.xor(a1, v128.load32_splat(key, 4)), rotate3);
  a2 = lookup(v128.xor(a2, v128.load32_splat(key, 8)), rotate2);
  a3 = lookup(v128.xor(a3, v128.load32_splat(key, 12)), rotate1);

  let b0 = lookup(v128.load(blocks, 64), rows);
  let b1 = lookup(v128.load(blocks, 80), rows);
  let b2 = lookup(v128.load(blocks, 96), rows);
  let b3 = lookup(v128.load(blocks, 112), rows);
  low01 = v128.shuffle<u32>(b0, b1, 0, 4, 1, 5);
  low23 = v128.shuffle<u32>(b2, b3, 0, 4, 1, 5);
  high01 = v128.shuffle<u32>(b0, b1, 2, 6, 3, 7);
  high23 = v128.shuffle<u32>(b2, b3, 2, 6, 3, 7);
  b0 = linear(inLow, inHigh, v128.shuffle<u64>(low01, low23, 0, 2), mask);
  b1 = linear(inLow, inHigh, v128.shuffle<u64>(low01, low23, 1, 3), mask);
  b2 = linear(inLow, inHigh, v128.shuffle<u64>(high01, high23, 0, 2), mask);
  b3 = linear(inLow, inHigh, v128.shuffle<u64>(high01, high23, 1, 3), mask);
  b0 = v128.xor(b0, v128.load32_splat(key, 0));
  b1 = lookup(v128.xor(b1, v128.load32_splat(key, 4)), rotate3);
  b2 = lookup(v128.xor(b2, v128.load32_splat(key, 8)), rotate2);
  b3 = lookup(v128.xor(b3, v128.load32_splat(key, 12)), rotate1);

  const twoIo = v128.load(DECRYPT_2_IO);
  const twoJo = v128.load(DECRYPT_2_JO);
  const threeIo = v128.load(DECRYPT_3_IO);
  const threeJo = v128.load(DECRYPT_3_JO);
  const fiveLow = v128.load(DECRYPT_5_LOW);
  const fiveHigh = v128.load(DECRYPT_5_HIGH);
  let io: v128, jo: v128;
  let y0: v128, y1: v128, y2: v128, y3: v128;
  let even: v128, odd: v128, rest: v128;
  for (key += 16; key < last; key += 16) {
    io = invertIo(a0, inverse, inverseTimesA, mask);
    jo = invertJo(a0, inverse, inverseTimesA, mask);
    y0 = combine(threeIo, threeJo, io, jo);
    y3 = combine(twoIo, twoJo, io, jo);
    io = invertIo(a1, inverse, inverseTimesA, mask);
    jo = invertJo(a1, inverse, inverseTimesA, mask);
    y1 = combine(threeIo, threeJo, io, jo);
    y0 = v128.xor(y0, combine(twoIo, twoJo, io, jo));
    io = invertIo(a2, inverse, inverseTimesA, mask);
    jo = invertJo(a2, inverse, inverseTimesA, mask);
    y2 = combine(threeIo, threeJo, io, jo);
    y1 = v128.xor(y1, combine(twoIo, twoJo, io, jo));
    io = invertIo(a3, inverse, inverseTimesA, mask);
    jo = invertJo(a3, inverse, inverseTimesA, mask);
    y3 = v128.xor(y3, combine(threeIo, threeJo, io, jo));
    y2 = v128.xor(y2, combine(twoIo, twoJo, io, jo));
    even = v128.xor(y0, y2);
    odd = v128.xor(y1, y3);
    rest = v128.xor(odd, linear(fiveLow, fiveHigh, even, mask));
    a0 = v128.xor(v128.xor(y0, v128.load32_splat(key, 0)), rest);
    a2 = lookup(v128.xor(v128.xor(y2, v128.load32_splat(key, 8)), rest), rotate2);
    rest = v128.xor(even, linear(fiveLow, fiveHigh, odd, mask));
    a1 = lookup(v128.xor(v128.xor(y1, v128.load32_splat(key, 4)), rest), rotate3);
    a3 = lookup(v128.xor(v128.xor(y3, v128.load32_splat(key, 12)), rest), rotate1);

    io = invertIo(b0, inverse, inverseTimesA, mask);
    jo = invertJo(b0, inverse, inverseTimesA, mask);
    y0 = combine(threeIo, threeJo, io, jo);
    y3 = combine(twoIo, twoJo, io, jo);
    io = invertIo(b1, inverse, inverseTimesA, mask);
    jo = invertJo(b1, inverse, inverseTimesA, mask);
    y1 = combine(threeIo, threeJo, io, jo);
    y0 = v128.xor(y0, combine(twoIo, twoJo, io, jo));
    io = invertIo(b2, inverse, inverseTimesA, mask);
    jo = invertJo(b2, inverse, inverseTimesA, mask);
    y2 = combine(threeIo, threeJo, io, jo);
    y1 = v128.xor(y1, combine(twoIo, twoJo, io, jo));
    io = invertIo(b3, inverse, inverseTimesA, mask);
    jo = invertJo(b3, inverse, inverseTimesA, mask);
    y3 = v128.xor(y3, combine(threeIo, threeJo, io, jo));
    y2 = v128.xor(y2, combine(twoIo, twoJo, io, jo));
    even = v128.xor(y0, y2);
    odd = v128.xor(y1, y3);
    rest = v128.xor(odd, linear(fiveLow, fiveHigh, even, mask));
    b0 = v128.xor(v128.xor(y0, v128.load32_splat(key, 0)), rest);
    b2 = lookup(v128.xor(v128.xor(y2, v128.load32_splat(key, 8)), rest), rotate2);
    rest = v128.xor(even, linear(fiveLow, fiveHigh, odd, mask));
    b1 = lookup(v128.xor(v128.xor(y1, v128.load32_splat(key, 4)), rest), rotate3);
    b3 = lookup(v128.xor(v128.xor(y3, v128.load32_splat(key, 12)), rest), rotate1);
  }

  const outIo = v128.load(DECRYPT_OUT_IO);
  const outJo = v128.load(DECRYPT_OUT_JO);
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

  low01 = v128.shuffle<u32>(a0, a1, 0, 4, 1, 5);
  low23 = v128.shuffle<u32>(a2, a3, 0, 4, 1, 5);
  high01 = v128.shuffle<u32>(a0, a1, 2, 6, 3, 7);
  high23 = v128.shuffle<u32>(a2, a3, 2, 6, 3, 7);
  v128.store(out, lookup(v128.shuffle<u64>(low01, low23, 0, 2), rows), 0);
  v128.store(out, lookup(v128.shuffle<u64>(low01, low23, 1, 3), rows), 16);
  v128.store(out, lookup(v128.shuffle<u64>(high01, high23, 0, 2), rows), 32);
  v128.store(out, lookup(v128.shuffle<u64>(high01, high23, 1, 3), rows), 48);
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

  low01 = v128.shuffle<u32>(b0, b1, 0, 4, 1, 5);
  low23 = v128.shuffle<u32>(b2, b3, 0, 4, 1, 5);
  high01 = v128.shuffle<u32>(b0, b1, 2, 6, 3, 7);
  high23 = v128.shuffle<u32>(b2, b3, 2, 6, 3, 7);
  v128.store(out, lookup(v128.shuffle<u64>(low01, low23, 0, 2), rows), 64);
  v128.store(out, lookup(v128.shuffle<u64>(low01, low23, 1, 3), rows), 80);
  v128.store(out, lookup(v128.shuffle<u64>(high01, high23, 0, 2), rows), 96);
  v128.store(out, lookup(v128.shuffle<u64>(high01, high23, 1, 3), rows), 112);
}
