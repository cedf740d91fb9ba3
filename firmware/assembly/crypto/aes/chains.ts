/**
 * Eight chains of CBC encryption (SP 800-38A §6.2) side by side, or four: the blocks of one chain wait for each other, those
 * of different chains do not. Constant-time: by vector permute. Sits under `aes-modes/cbc-lanes.ts`, which decides what runs beside
 * what; the registers are laid out as in `counter.ts`, group a for the first four chains, group b for the others.
 */
import { CBC_JOB_IV, CBC_JOB_SCHEDULE, CBC_JOB_SIZE, CBC_JOB_TEXT } from '../../../abi/crypto-context.ts';
import { combine, invertIo, invertJo, linear, lookup } from '../nibble.ts';
import { ROUND_KEYS } from './aes.ts';
import { row0, row1, row2, row3 } from './rows.ts';
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
} from './tables.ts';

/** Round keys of a group's four chains, laid out as the blocks are: four rows of 16 octets a round. Not reentrant. */
const ROUND_KEY_ROWS: usize = 64;
const KEY_ROWS_SIZE: i32 = 960;
const KEYS_A: usize = memory.data(KEY_ROWS_SIZE, 16);
const KEYS_B: usize = memory.data(KEY_ROWS_SIZE, 16);

/**
 * Encrypts the first `octets` of each chain's text in place, each under its own key. A lane may be the repetition of another one:
 * a step loads the blocks of all lanes before it stores any.
 *
 * @param lanes     eight records, or four when not `eight`, in the form of jobs: the length is not read, schedules are encrypting ones
 *                  for keys of one length
 * @param octets    a multiple of 16, at least 16; no text is shorter
 * @constantTime in all but `octets`, `eight` and the length of the keys
 */
export function aesEncryptChains(lanes: usize, octets: usize, eight: bool): void {
  const rounds = <usize>load<u32>(scheduleOf(lanes, 0));
  spreadKeys(lanes, 0, rounds, KEYS_A);
  if (eight) spreadKeys(lanes, 4, rounds, KEYS_B);
  const mask = v128.load(LOW_NIBBLE);
  const inverse = v128.load(INVERSE);
  const inverseTimesA = v128.load(INVERSE_TIMES_A);
  const oneIo = v128.load(ENCRYPT_1_IO);
  const oneJo = v128.load(ENCRYPT_1_JO);
  const twoIo = v128.load(ENCRYPT_2_IO);
  const twoJo = v128.load(ENCRYPT_2_JO);
  const inLow = v128.load(ENCRYPT_IN_LOW);
  const inHigh = v128.load(ENCRYPT_IN_HIGH);
  const outIo = v128.load(ENCRYPT_OUT_IO);
  const outJo = v128.load(ENCRYPT_OUT_JO);
  const rotate1 = v128.load(ROTATE_1);
  const rotate2 = v128.load(ROTATE_2);
  const rotate3 = v128.load(ROTATE_3);
  const rows = v128.load(ROWS);
  const last = rounds * ROUND_KEY_ROWS;
  const text0 = textOf(lanes, 0);
  const text1 = textOf(lanes, 1);
  const text2 = textOf(lanes, 2);
  const text3 = textOf(lanes, 3);
  const text4 = textOf(lanes, 4);
  const text5 = textOf(lanes, 5);
  const text6 = textOf(lanes, 6);
  const text7 = textOf(lanes, 7);
  let a0 = lookup(chainedOf(lanes, 0), rows);
  let a1 = lookup(chainedOf(lanes, 1), rows);
  let a2 = lookup(chainedOf(lanes, 2), rows);
  let a3 = lookup(chainedOf(lanes, 3), rows);
  let b0 = lookup(chainedOf(lanes, 4), rows);
  let b1 = lookup(chainedOf(lanes, 5), rows);
  let b2 = lookup(chainedOf(lanes, 6), rows);
  let b3 = lookup(chainedOf(lanes, 7), rows);
  let x0 = row0(a0, a1, a2, a3);
  let x1 = row1(a0, a1, a2, a3);
  let x2 = row2(a0, a1, a2, a3);
  a3 = row3(a0, a1, a2, a3);
  a0 = x0;
  a1 = x1;
  a2 = x2;
  x0 = row0(b0, b1, b2, b3);
  x1 = row1(b0, b1, b2, b3);
  x2 = row2(b0, b1, b2, b3);
  b3 = row3(b0, b1, b2, b3);
  b0 = x0;
  b1 = x1;
  b2 = x2;
  let io: v128;
  let jo: v128;
  for (let at: usize = 0; at < octets; at += 16) {
    const t0 = lookup(v128.load(text0 + at), rows);
    const t1 = lookup(v128.load(text1 + at), rows);
    const t2 = lookup(v128.load(text2 + at), rows);
    const t3 = lookup(v128.load(text3 + at), rows);
    a0 = linear(inLow, inHigh, v128.xor(a0, row0(t0, t1, t2, t3)), mask);
    a1 = linear(inLow, inHigh, v128.xor(a1, row1(t0, t1, t2, t3)), mask);
    a2 = linear(inLow, inHigh, v128.xor(a2, row2(t0, t1, t2, t3)), mask);
    a3 = linear(inLow, inHigh, v128.xor(a3, row3(t0, t1, t2, t3)), mask);
    a0 = v128.xor(a0, v128.load(KEYS_A, 0));
    a1 = lookup(v128.xor(a1, v128.load(KEYS_A, 16)), rotate1);
    a2 = lookup(v128.xor(a2, v128.load(KEYS_A, 32)), rotate2);
    a3 = lookup(v128.xor(a3, v128.load(KEYS_A, 48)), rotate3);
    if (eight) {
      const t4 = lookup(v128.load(text4 + at), rows);
      const t5 = lookup(v128.load(text5 + at), rows);
      const t6 = lookup(v128.load(text6 + at), rows);
      const t7 = lookup(v128.load(text7 + at), rows);
      b0 = linear(inLow, inHigh, v128.xor(b0, row0(t4, t5, t6, t7)), mask);
      b1 = linear(inLow, inHigh, v128.xor(b1, row1(t4, t5, t6, t7)), mask);
      b2 = linear(inLow, inHigh, v128.xor(b2, row2(t4, t5, t6, t7)), mask);
      b3 = linear(inLow, inHigh, v128.xor(b3, row3(t4, t5, t6, t7)), mask);
      b0 = v128.xor(b0, v128.load(KEYS_B, 0));
      b1 = lookup(v128.xor(b1, v128.load(KEYS_B, 16)), rotate1);
      b2 = lookup(v128.xor(b2, v128.load(KEYS_B, 32)), rotate2);
      b3 = lookup(v128.xor(b3, v128.load(KEYS_B, 48)), rotate3);
    }
    for (let key = ROUND_KEY_ROWS; key < last; key += ROUND_KEY_ROWS) {
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
        a0 = v128.xor(v128.xor(v128.xor(two0, two1), v128.load(KEYS_A + key, 0)), v128.xor(one1, sum23));
        a1 = v128.xor(v128.xor(v128.xor(two1, two2), v128.load(KEYS_A + key, 16)), v128.xor(one0, sum23));
        a2 = v128.xor(v128.xor(v128.xor(two2, two3), v128.load(KEYS_A + key, 32)), v128.xor(one3, sum01));
        a3 = v128.xor(v128.xor(v128.xor(two3, two0), v128.load(KEYS_A + key, 48)), v128.xor(one2, sum01));
        a1 = lookup(a1, rotate1);
        a2 = lookup(a2, rotate2);
        a3 = lookup(a3, rotate3);
      }
      if (eight) {
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
        b0 = v128.xor(v128.xor(v128.xor(two0, two1), v128.load(KEYS_B + key, 0)), v128.xor(one1, sum23));
        b1 = v128.xor(v128.xor(v128.xor(two1, two2), v128.load(KEYS_B + key, 16)), v128.xor(one0, sum23));
        b2 = v128.xor(v128.xor(v128.xor(two2, two3), v128.load(KEYS_B + key, 32)), v128.xor(one3, sum01));
        b3 = v128.xor(v128.xor(v128.xor(two3, two0), v128.load(KEYS_B + key, 48)), v128.xor(one2, sum01));
        b1 = lookup(b1, rotate1);
        b2 = lookup(b2, rotate2);
        b3 = lookup(b3, rotate3);
      }
    }
    io = invertIo(a0, inverse, inverseTimesA, mask);
    jo = invertJo(a0, inverse, inverseTimesA, mask);
    a0 = v128.xor(combine(outIo, outJo, io, jo), v128.load(KEYS_A + last, 0));
    io = invertIo(a1, inverse, inverseTimesA, mask);
    jo = invertJo(a1, inverse, inverseTimesA, mask);
    a1 = v128.xor(combine(outIo, outJo, io, jo), v128.load(KEYS_A + last, 16));
    io = invertIo(a2, inverse, inverseTimesA, mask);
    jo = invertJo(a2, inverse, inverseTimesA, mask);
    a2 = v128.xor(combine(outIo, outJo, io, jo), v128.load(KEYS_A + last, 32));
    io = invertIo(a3, inverse, inverseTimesA, mask);
    jo = invertJo(a3, inverse, inverseTimesA, mask);
    a3 = v128.xor(combine(outIo, outJo, io, jo), v128.load(KEYS_A + last, 48));
    v128.store(text0 + at, lookup(row0(a0, a1, a2, a3), rows));
    v128.store(text1 + at, lookup(row1(a0, a1, a2, a3), rows));
    v128.store(text2 + at, lookup(row2(a0, a1, a2, a3), rows));
    v128.store(text3 + at, lookup(row3(a0, a1, a2, a3), rows));
    if (eight) {
      io = invertIo(b0, inverse, inverseTimesA, mask);
      jo = invertJo(b0, inverse, inverseTimesA, mask);
      b0 = v128.xor(combine(outIo, outJo, io, jo), v128.load(KEYS_B + last, 0));
      io = invertIo(b1, inverse, inverseTimesA, mask);
      jo = invertJo(b1, inverse, inverseTimesA, mask);
      b1 = v128.xor(combine(outIo, outJo, io, jo), v128.load(KEYS_B + last, 16));
      io = invertIo(b2, inverse, inverseTimesA, mask);
      jo = invertJo(b2, inverse, inverseTimesA, mask);
      b2 = v128.xor(combine(outIo, outJo, io, jo), v128.load(KEYS_B + last, 32));
      io = invertIo(b3, inverse, inverseTimesA, mask);
      jo = invertJo(b3, inverse, inverseTimesA, mask);
      b3 = v128.xor(combine(outIo, outJo, io, jo), v128.load(KEYS_B + last, 48));
      v128.store(text4 + at, lookup(row0(b0, b1, b2, b3), rows));
      v128.store(text5 + at, lookup(row1(b0, b1, b2, b3), rows));
      v128.store(text6 + at, lookup(row2(b0, b1, b2, b3), rows));
      v128.store(text7 + at, lookup(row3(b0, b1, b2, b3), rows));
    }
  }
}

/** Overwrites the round keys that the last call left. @wipes */
export function forgetChainKeys(): void {
  memory.fill(KEYS_A, 0, KEY_ROWS_SIZE);
  memory.fill(KEYS_B, 0, KEY_ROWS_SIZE);
}

/** Lays the round keys of four lanes, from `first` on, out in rows. */
function spreadKeys(lanes: usize, first: usize, rounds: usize, rows: usize): void {
  const key0 = scheduleOf(lanes, first) + ROUND_KEYS;
  const key1 = scheduleOf(lanes, first + 1) + ROUND_KEYS;
  const key2 = scheduleOf(lanes, first + 2) + ROUND_KEYS;
  const key3 = scheduleOf(lanes, first + 3) + ROUND_KEYS;
  for (let round: usize = 0; round <= rounds; round++, rows += ROUND_KEY_ROWS) {
    const k0 = v128.load(key0 + 16 * round);
    const k1 = v128.load(key1 + 16 * round);
    const k2 = v128.load(key2 + 16 * round);
    const k3 = v128.load(key3 + 16 * round);
    v128.store(rows, row0(k0, k1, k2, k3), 0);
    v128.store(rows, row1(k0, k1, k2, k3), 16);
    v128.store(rows, row2(k0, k1, k2, k3), 32);
    v128.store(rows, row3(k0, k1, k2, k3), 48);
  }
}

function scheduleOf(lanes: usize, lane: usize): usize {
  return <usize>load<u32>(lanes + lane * CBC_JOB_SIZE, CBC_JOB_SCHEDULE);
}

function textOf(lanes: usize, lane: usize): usize {
  return <usize>load<u32>(lanes + lane * CBC_JOB_SIZE, CBC_JOB_TEXT);
}

/** The block that a lane's first one is added to. */
function chainedOf(lanes: usize, lane: usize): v128 {
  return v128.load(<usize>load<u32>(lanes + lane * CBC_JOB_SIZE, CBC_JOB_IV));
}
