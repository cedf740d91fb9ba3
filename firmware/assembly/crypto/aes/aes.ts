/**
 * AES (FIPS 197) for one block, and the key schedules for any number of them. Constant-time: by vector permute, no secret
 * indexes memory or branches. Sits under `aes-modes/gcm.ts` and `aes-modes/cbc.ts`; blocks side by side are in `counter.ts` and
 * `decrypt.ts`. Decides no mode and no padding.
 *
 * A schedule (AES_SCHEDULE_SIZE octets):
 *
 *   0        4             16            32
 *   | rounds | unused, 0   | round key 0 | round key 1 | ...
 *
 * Round keys lie in row order and in register form (aes-tables.ts), the last one as plain octets; all but the first carry
 * the S-box's constant 0x63.
 */
import { AES_SCHEDULE_SIZE } from '../../../abi/crypto-context.ts';
import { combine, invertIo, invertJo, linear, lookup } from '../nibble.ts';
import {
  DECRYPT_CONSTANT,
  DECRYPT_IN_HIGH,
  DECRYPT_IN_LOW,
  ENCRYPT_1_IO,
  ENCRYPT_1_JO,
  ENCRYPT_2_IO,
  ENCRYPT_2_JO,
  ENCRYPT_3_IO,
  ENCRYPT_3_JO,
  ENCRYPT_CONSTANT,
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
  UNSHIFT_0,
} from './tables.ts';

/** Where the first round key lies in a schedule. */
export const ROUND_KEYS: usize = 16;

/**
 * Writes the encrypting schedule of a key. Traps on a key length that is not AES: the host's door refuses it first.
 *
 * @param key       `keyLength` octets: 16, 24 or 32; may not overlap the schedule
 * @param schedule  AES_SCHEDULE_SIZE octets, written whole
 * @constantTime
 * @rfc FIPS 197 §5.2
 */
export function aesExpand(key: usize, keyLength: i32, schedule: usize): void {
  const rounds = expandWords(key, keyLength, schedule);
  const keys = schedule + ROUND_KEYS;
  const constant = i8x16.splat(ENCRYPT_CONSTANT);
  toRegisterForm(keys, ENCRYPT_IN_LOW, ENCRYPT_IN_HIGH, i8x16.splat(0));
  for (let round = 1; round < rounds; round++) {
    toRegisterForm(keys + 16 * <usize>round, ENCRYPT_IN_LOW, ENCRYPT_IN_HIGH, constant);
  }
  const last = keys + 16 * <usize>rounds;
  v128.store(last, v128.xor(inRows(last), i8x16.splat(0x63)));
}

/**
 * Writes the schedule of the equivalent inverse cipher. Otherwise as `aesExpand`.
 *
 * @rfc FIPS 197 §5.3.5
 */
export function aesExpandDecrypt(key: usize, keyLength: i32, schedule: usize): void {
  const rounds = expandWords(key, keyLength, schedule);
  const constant = i8x16.splat(DECRYPT_CONSTANT);
  let front = schedule + ROUND_KEYS;
  let back = front + 16 * <usize>rounds;
  for (; front < back; front += 16, back -= 16) {
    const swapped = v128.load(front);
    v128.store(front, v128.load(back));
    v128.store(back, swapped);
  }
  const keys = schedule + ROUND_KEYS;
  toRegisterForm(keys, DECRYPT_IN_LOW, DECRYPT_IN_HIGH, constant);
  for (let round = 1; round < rounds; round++) {
    const at = keys + 16 * <usize>round;
    v128.store(at, inverseMixColumns(v128.load(at)));
    toRegisterForm(at, DECRYPT_IN_LOW, DECRYPT_IN_HIGH, constant);
  }
  const last = keys + 16 * <usize>rounds;
  v128.store(last, inRows(last));
}

/** Encrypts one block held in a register, as read from memory. @constantTime @rfc FIPS 197 §5.1 */
export function aesEncryptBlock(schedule: usize, block: v128): v128 {
  const mask = v128.load(LOW_NIBBLE);
  const inverse = v128.load(INVERSE);
  const inverseTimesA = v128.load(INVERSE_TIMES_A);
  const oneIo = v128.load(ENCRYPT_1_IO);
  const oneJo = v128.load(ENCRYPT_1_JO);
  const twoIo = v128.load(ENCRYPT_2_IO);
  const twoJo = v128.load(ENCRYPT_2_JO);
  const threeIo = v128.load(ENCRYPT_3_IO);
  const threeJo = v128.load(ENCRYPT_3_JO);
  const last = schedule + ROUND_KEYS + 16 * <usize>load<u32>(schedule);
  let key = schedule + ROUND_KEYS;
  let x = lookup(block, v128.load(ROWS));
  x = linear(v128.load(ENCRYPT_IN_LOW), v128.load(ENCRYPT_IN_HIGH), x, mask);
  x = v128.xor(x, v128.load(key));
  for (;;) {
    const io = invertIo(x, inverse, inverseTimesA, mask);
    const jo = invertJo(x, inverse, inverseTimesA, mask);
    key += 16;
    if (key === last) {
      x = combine(v128.load(ENCRYPT_OUT_IO), v128.load(ENCRYPT_OUT_JO), io, jo);
      break;
    }
    // The way from block to block of CBC is what counts here: the three multiples come from tables of their own, and the
    // key, turned back by ShiftRows, joins the half that is there first.
    const one = combine(oneIo, oneJo, io, jo);
    const keyed = v128.xor(lookup(twoIo, io), lookup(v128.load(key), v128.load(UNSHIFT_0)));
    const two = v128.xor(keyed, lookup(twoJo, jo));
    const three = combine(threeIo, threeJo, io, jo);
    x = v128.xor(
      v128.xor(lookup(two, v128.load(SHIFT_0)), lookup(three, v128.load(SHIFT_1))),
      v128.xor(lookup(one, v128.load(SHIFT_2)), lookup(one, v128.load(SHIFT_3))),
    );
  }
  x = v128.xor(lookup(x, v128.load(SHIFT_0)), v128.load(last));
  return lookup(x, v128.load(ROWS));
}

/**
 * SubBytes, ShiftRows and MixColumns on one block in row order and register form, without the octets that `keep` masks
 * out, whose share of the sum stays open. Adds no key. For `counter.ts`.
 */
export function aesPartialRound(x: v128, keep: v128): v128 {
  const mask = v128.load(LOW_NIBBLE);
  const inverse = v128.load(INVERSE);
  const io = invertIo(x, inverse, v128.load(INVERSE_TIMES_A), mask);
  const jo = invertJo(x, inverse, v128.load(INVERSE_TIMES_A), mask);
  const one = v128.and(keep, combine(v128.load(ENCRYPT_1_IO), v128.load(ENCRYPT_1_JO), io, jo));
  const two = v128.and(keep, combine(v128.load(ENCRYPT_2_IO), v128.load(ENCRYPT_2_JO), io, jo));
  return v128.xor(
    v128.xor(lookup(two, v128.load(SHIFT_0)), lookup(v128.xor(one, two), v128.load(SHIFT_1))),
    v128.xor(lookup(one, v128.load(SHIFT_2)), lookup(one, v128.load(SHIFT_3))),
  );
}

/** Writes the round count and the plain round keys, in the order of FIPS 197; returns the count. */
function expandWords(key: usize, keyLength: i32, schedule: usize): i32 {
  if (keyLength !== 16 && keyLength !== 24 && keyLength !== 32) unreachable();
  const rounds = (keyLength >> 2) + 6;
  const words = schedule + ROUND_KEYS;
  const end = words + 16 * <usize>(rounds + 1);
  memory.fill(schedule, 0, AES_SCHEDULE_SIZE);
  store<u32>(schedule, rounds);
  memory.copy(words, key, keyLength);
  let roundConstant: u32 = 1;
  let previous = load<u32>(words + keyLength - 4);
  let position = 0;
  for (let at = words + keyLength; at < end; at += 4) {
    if (position === 0) {
      previous = substituteWord(rotr(previous, 8)) ^ roundConstant;
      roundConstant = (roundConstant << 1) ^ (roundConstant >> 7 ? 0x11b : 0);
    } else if (keyLength === 32 && position === 16) {
      previous = substituteWord(previous);
    }
    previous ^= load<u32>(at - keyLength);
    store<u32>(at, previous);
    position += 4;
    if (position === keyLength) position = 0;
  }
  return rounds;
}

/** SubWord (FIPS 197 §5.2) by the same permutes as the cipher. */
function substituteWord(word: u32): u32 {
  const mask = v128.load(LOW_NIBBLE);
  const inverse = v128.load(INVERSE);
  const x = linear(v128.load(ENCRYPT_IN_LOW), v128.load(ENCRYPT_IN_HIGH), i32x4.splat(word), mask);
  const io = invertIo(x, inverse, v128.load(INVERSE_TIMES_A), mask);
  const jo = invertJo(x, inverse, v128.load(INVERSE_TIMES_A), mask);
  return (
    i32x4.extract_lane(combine(v128.load(ENCRYPT_OUT_IO), v128.load(ENCRYPT_OUT_JO), io, jo), 0) ^ 0x63636363
  );
}

/** The block at `at` in row order. */
function inRows(at: usize): v128 {
  return lookup(v128.load(at), v128.load(ROWS));
}

/** Puts the plain round key at `at` into row order and register form, plus `constant`. */
function toRegisterForm(at: usize, tableLow: usize, tableHigh: usize, constant: v128): void {
  const x = linear(v128.load(tableLow), v128.load(tableHigh), inRows(at), v128.load(LOW_NIBBLE));
  v128.store(at, v128.xor(x, constant));
}

/** InvMixColumns (FIPS 197 §5.3.3) of a plain block in column order; only for key schedules. */
function inverseMixColumns(x: v128): v128 {
  const x2 = double(x);
  const x4 = double(x2);
  const x8 = double(x4);
  const x9 = v128.xor(x8, x);
  const x11 = v128.xor(x9, x2);
  const x13 = v128.xor(x9, x4);
  const x14 = v128.xor(v128.xor(x8, x4), x2);
  return v128.xor(
    v128.xor(x14, v128.shuffle<u8>(x11, x11, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)),
    v128.xor(
      v128.shuffle<u8>(x13, x13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13),
      v128.shuffle<u8>(x9, x9, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14),
    ),
  );
}

/** Each octet times 2 (FIPS 197 §4.2.1), without a branch on its top bit. */
function double(x: v128): v128 {
  return v128.xor(i8x16.shl(x, 1), v128.and(i8x16.shr_s(x, 7), i8x16.splat(0x1b)));
}
