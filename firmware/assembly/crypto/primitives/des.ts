/**
 * DES and triple DES as exports of the module, for tests, vectors and measurements, as `aes.ts`. Decides nothing.
 */

import { desCbcDecrypt, desCbcEncrypt, desCbcSetup, desCbcUnpredictableIv } from '../des/cbc.ts';
import { desExpand } from '../des/des.ts';
import { DES_TABLES } from '../des/tables.ts';

/** Where the constants of `des/tables.ts` lie, for the test that derives them. */
export function primitive_des_tables(): usize {
  return DES_TABLES;
}

export function primitive_des_expand(key: usize, keyLength: i32, schedule: usize): void {
  desExpand(key, keyLength, schedule);
}

export function primitive_des_cbc_setup(context: usize, key: usize, keyLength: i32): void {
  desCbcSetup(context, key, keyLength);
}

export function primitive_des_cbc_encrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  desCbcEncrypt(context, iv, text, textLength);
}

export function primitive_des_cbc_decrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  desCbcDecrypt(context, iv, text, textLength);
}

export function primitive_des_cbc_unpredictable_iv(
  schedule: usize,
  sequenceLow: u32,
  sequenceHigh: u32,
  out: usize,
): void {
  desCbcUnpredictableIv(schedule, sequenceLow, sequenceHigh, out);
}
