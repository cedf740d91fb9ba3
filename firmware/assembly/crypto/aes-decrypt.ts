/**
 * AES decryption (FIPS 197 §5.3.5) of four blocks side by side, one row of the state a register as in `aes-counter.ts`.
 * Constant-time: by vector permute. Sits under `cbc.ts`. Adds no chaining.
 */
import { ROUND_KEYS } from './aes.ts';
import {
  DECRYPT_9_IO,
  DECRYPT_9_JO,
  DECRYPT_11_IO,
  DECRYPT_11_JO,
  DECRYPT_13_IO,
  DECRYPT_13_JO,
  DECRYPT_14_IO,
  DECRYPT_14_JO,
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
} from './aes-tables.ts';
import { combine, highNibbles, invertHalf, linear, lookup, lowNibbles } from './nibble.ts';

/**
 * Decrypts four blocks.
 *
 * @param schedule  of `aesExpandDecrypt`
 * @param blocks    64 octets, read
 * @param out       64 octets, written; may be `blocks`
 * @constantTime
 */
export function aesDecryptFour(schedule: usize, blocks: usize, out: usize): void {
  const mask = v128.load(LOW_NIBBLE);
  const inverse = v128.load(INVERSE);
  const inverseTimesA = v128.load(INVERSE_TIMES_A);
  const rotate1 = v128.load(ROTATE_1);
  const rotate2 = v128.load(ROTATE_2);
  const rotate3 = v128.load(ROTATE_3);
  const rows = v128.load(ROWS);
  let key = schedule + ROUND_KEYS;
  const last = key + 16 * <usize>load<u32>(schedule);

  const block0 = lookup(v128.load(blocks, 0), rows);
  const block1 = lookup(v128.load(blocks, 16), rows);
  const block2 = lookup(v128.load(blocks, 32), rows);
  const block3 = lookup(v128.load(blocks, 48), rows);
  let low01 = v128.shuffle<u32>(block0, block1, 0, 4, 1, 5);
  let low23 = v128.shuffle<u32>(block2, block3, 0, 4, 1, 5);
  let high01 = v128.shuffle<u32>(block0, block1, 2, 6, 3, 7);
  let high23 = v128.shuffle<u32>(block2, block3, 2, 6, 3, 7);
  const inLow = v128.load(DECRYPT_IN_LOW);
  const inHigh = v128.load(DECRYPT_IN_HIGH);
  let x0 = linear(inLow, inHigh, v128.shuffle<u64>(low01, low23, 0, 2), mask);
  let x1 = linear(inLow, inHigh, v128.shuffle<u64>(low01, low23, 1, 3), mask);
  let x2 = linear(inLow, inHigh, v128.shuffle<u64>(high01, high23, 0, 2), mask);
  let x3 = linear(inLow, inHigh, v128.shuffle<u64>(high01, high23, 1, 3), mask);
  x0 = v128.xor(x0, v128.load32_splat(key, 0));
  x1 = lookup(v128.xor(x1, v128.load32_splat(key, 4)), rotate3);
  x2 = lookup(v128.xor(x2, v128.load32_splat(key, 8)), rotate2);
  x3 = lookup(v128.xor(x3, v128.load32_splat(key, 12)), rotate1);

  const nineIo = v128.load(DECRYPT_9_IO);
  const nineJo = v128.load(DECRYPT_9_JO);
  const elevenIo = v128.load(DECRYPT_11_IO);
  const elevenJo = v128.load(DECRYPT_11_JO);
  const thirteenIo = v128.load(DECRYPT_13_IO);
  const thirteenJo = v128.load(DECRYPT_13_JO);
  const fourteenIo = v128.load(DECRYPT_14_IO);
  const fourteenJo = v128.load(DECRYPT_14_JO);
  let k: v128, i: v128, j: v128, aOverK: v128, io: v128, jo: v128;
  for (key += 16; key < last; key += 16) {
    k = lowNibbles(x0, mask);
    i = highNibbles(x0, mask);
    j = v128.xor(i, k);
    aOverK = lookup(inverseTimesA, k);
    io = invertHalf(inverse, i, j, aOverK);
    jo = invertHalf(inverse, j, i, aOverK);
    let y0 = v128.xor(combine(fourteenIo, fourteenJo, io, jo), v128.load32_splat(key, 0));
    let y3 = v128.xor(combine(elevenIo, elevenJo, io, jo), v128.load32_splat(key, 12));
    let y2 = v128.xor(combine(thirteenIo, thirteenJo, io, jo), v128.load32_splat(key, 8));
    let y1 = v128.xor(combine(nineIo, nineJo, io, jo), v128.load32_splat(key, 4));

    k = lowNibbles(x1, mask);
    i = highNibbles(x1, mask);
    j = v128.xor(i, k);
    aOverK = lookup(inverseTimesA, k);
    io = invertHalf(inverse, i, j, aOverK);
    jo = invertHalf(inverse, j, i, aOverK);
    y1 = v128.xor(y1, combine(fourteenIo, fourteenJo, io, jo));
    y0 = v128.xor(y0, combine(elevenIo, elevenJo, io, jo));
    y3 = v128.xor(y3, combine(thirteenIo, thirteenJo, io, jo));
    y2 = v128.xor(y2, combine(nineIo, nineJo, io, jo));

    k = lowNibbles(x2, mask);
    i = highNibbles(x2, mask);
    j = v128.xor(i, k);
    aOverK = lookup(inverseTimesA, k);
    io = invertHalf(inverse, i, j, aOverK);
    jo = invertHalf(inverse, j, i, aOverK);
    y2 = v128.xor(y2, combine(fourteenIo, fourteenJo, io, jo));
    y1 = v128.xor(y1, combine(elevenIo, elevenJo, io, jo));
    y0 = v128.xor(y0, combine(thirteenIo, thirteenJo, io, jo));
    y3 = v128.xor(y3, combine(nineIo, nineJo, io, jo));

    k = lowNibbles(x3, mask);
    i = highNibbles(x3, mask);
    j = v128.xor(i, k);
    aOverK = lookup(inverseTimesA, k);
    io = invertHalf(inverse, i, j, aOverK);
    jo = invertHalf(inverse, j, i, aOverK);
    y3 = v128.xor(y3, combine(fourteenIo, fourteenJo, io, jo));
    y2 = v128.xor(y2, combine(elevenIo, elevenJo, io, jo));
    y1 = v128.xor(y1, combine(thirteenIo, thirteenJo, io, jo));
    y0 = v128.xor(y0, combine(nineIo, nineJo, io, jo));

    x0 = y0;
    x1 = lookup(y1, rotate3);
    x2 = lookup(y2, rotate2);
    x3 = lookup(y3, rotate1);
  }

  const outIo = v128.load(DECRYPT_OUT_IO);
  const outJo = v128.load(DECRYPT_OUT_JO);
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

  low01 = v128.shuffle<u32>(x0, x1, 0, 4, 1, 5);
  low23 = v128.shuffle<u32>(x2, x3, 0, 4, 1, 5);
  high01 = v128.shuffle<u32>(x0, x1, 2, 6, 3, 7);
  high23 = v128.shuffle<u32>(x2, x3, 2, 6, 3, 7);
  v128.store(out, lookup(v128.shuffle<u64>(low01, low23, 0, 2), rows), 0);
  v128.store(out, lookup(v128.shuffle<u64>(low01, low23, 1, 3), rows), 16);
  v128.store(out, lookup(v128.shuffle<u64>(high01, high23, 0, 2), rows), 32);
  v128.store(out, lookup(v128.shuffle<u64>(high01, high23, 1, 3), rows), 48);
}
