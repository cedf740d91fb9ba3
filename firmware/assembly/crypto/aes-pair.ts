/**
 * AES encryption of two blocks at once: for CCM, whose MAC is one chain of blocks, each of which leaves room in the processor
 * for a block of keystream. Constant-time: by vector permute, as in `aes.ts`, which explains the round.
 */
import { ROUND_KEYS } from './aes.ts';
import {
  ENCRYPT_1_IO,
  ENCRYPT_1_JO,
  ENCRYPT_2_IO,
  ENCRYPT_2_JO,
  ENCRYPT_3_IO,
  ENCRYPT_3_JO,
  ENCRYPT_IN_HIGH,
  ENCRYPT_IN_LOW,
  ENCRYPT_OUT_IO,
  ENCRYPT_OUT_JO,
  INVERSE,
  INVERSE_TIMES_A,
  LOW_NIBBLE,
  ROWS,
  SHIFT_0,
  SHIFT_1,
  SHIFT_2,
  SHIFT_3,
} from './aes-tables.ts';
import { combine, invertIo, invertJo, linear, lookup } from './nibble.ts';

/**
 * Encrypts two blocks in place.
 *
 * @param schedule  encrypting schedule
 * @param blocks    32 octets, a multiple of 16
 * @constantTime
 */
export function aesEncryptPair(schedule: usize, blocks: usize): void {
  const mask = v128.load(LOW_NIBBLE);
  const inverse = v128.load(INVERSE);
  const inverseTimesA = v128.load(INVERSE_TIMES_A);
  const oneIo = v128.load(ENCRYPT_1_IO);
  const oneJo = v128.load(ENCRYPT_1_JO);
  const twoIo = v128.load(ENCRYPT_2_IO);
  const twoJo = v128.load(ENCRYPT_2_JO);
  const threeIo = v128.load(ENCRYPT_3_IO);
  const threeJo = v128.load(ENCRYPT_3_JO);
  const inLow = v128.load(ENCRYPT_IN_LOW);
  const inHigh = v128.load(ENCRYPT_IN_HIGH);
  const last = schedule + ROUND_KEYS + 16 * <usize>load<u32>(schedule);
  let key = schedule + ROUND_KEYS;
  let x = linear(inLow, inHigh, lookup(v128.load(blocks, 0), v128.load(ROWS)), mask);
  let y = linear(inLow, inHigh, lookup(v128.load(blocks, 16), v128.load(ROWS)), mask);
  x = v128.xor(x, v128.load(key));
  y = v128.xor(y, v128.load(key));
  for (key += 16; key < last; key += 16) {
    const xIo = invertIo(x, inverse, inverseTimesA, mask);
    const xJo = invertJo(x, inverse, inverseTimesA, mask);
    const yIo = invertIo(y, inverse, inverseTimesA, mask);
    const yJo = invertJo(y, inverse, inverseTimesA, mask);
    x = mixed(
      combine(oneIo, oneJo, xIo, xJo),
      combine(twoIo, twoJo, xIo, xJo),
      combine(threeIo, threeJo, xIo, xJo),
    );
    y = mixed(
      combine(oneIo, oneJo, yIo, yJo),
      combine(twoIo, twoJo, yIo, yJo),
      combine(threeIo, threeJo, yIo, yJo),
    );
    x = v128.xor(x, v128.load(key));
    y = v128.xor(y, v128.load(key));
  }
  v128.store(blocks, finished(x, last), 0);
  v128.store(blocks, finished(y, last), 16);
}

/** ShiftRows and MixColumns of a block after SubBytes, given times 1, 2 and 3. */
function mixed(one: v128, two: v128, three: v128): v128 {
  return v128.xor(
    v128.xor(lookup(two, v128.load(SHIFT_0)), lookup(three, v128.load(SHIFT_1))),
    v128.xor(lookup(one, v128.load(SHIFT_2)), lookup(one, v128.load(SHIFT_3))),
  );
}

/** The last round of a block, whose key is at `last`. */
function finished(x: v128, last: usize): v128 {
  const io = invertIo(x, v128.load(INVERSE), v128.load(INVERSE_TIMES_A), v128.load(LOW_NIBBLE));
  const jo = invertJo(x, v128.load(INVERSE), v128.load(INVERSE_TIMES_A), v128.load(LOW_NIBBLE));
  const out = combine(v128.load(ENCRYPT_OUT_IO), v128.load(ENCRYPT_OUT_JO), io, jo);
  return lookup(v128.xor(lookup(out, v128.load(SHIFT_0)), v128.load(last)), v128.load(ROWS));
}
