/**
 * The ciphers as exports of the module, for tests, vectors and measurements: one `primitive_` function for each. The packet
 * path calls the functions themselves. Decides nothing.
 */
import { aesEncryptBlock, aesExpand, aesExpandDecrypt } from '../aes/aes.ts';
import { aesDecryptEight } from '../aes/decrypt.ts';
import { AES_TABLES } from '../aes/tables.ts';
import { cbcDecrypt, cbcEncrypt, cbcSetup } from '../aes-modes/cbc.ts';
import { gcmOpen, gcmSeal, gcmSetup } from '../aes-modes/gcm.ts';
import { equal } from '../equal.ts';
import { cryptoSelfTest } from '../self-test/self-test.ts';

/** Where the constants of `aes/tables.ts` lie, for the test that derives them. */
export function primitive_aes_tables(): usize {
  return AES_TABLES;
}

export function primitive_aes_expand(key: usize, keyLength: i32, schedule: usize): void {
  aesExpand(key, keyLength, schedule);
}

/** Encrypts one block in place. */
export function primitive_aes_encrypt(schedule: usize, block: usize): void {
  v128.store(block, aesEncryptBlock(schedule, v128.load(block)));
}

export function primitive_aes_expand_decrypt(key: usize, keyLength: i32, schedule: usize): void {
  aesExpandDecrypt(key, keyLength, schedule);
}

/** Decrypts eight blocks in place. */
export function primitive_aes_decrypt_eight(schedule: usize, blocks: usize): void {
  aesDecryptEight(schedule, blocks, blocks);
}

export function primitive_gcm_setup(context: usize, key: usize, keyLength: i32): void {
  gcmSetup(context, key, keyLength);
}

export function primitive_gcm_seal(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
  icvLength: i32,
): void {
  gcmSeal(context, nonce, aad, aadLength, text, textLength, icv, icvLength);
}

export function primitive_gcm_open(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
  icvLength: i32,
): bool {
  return gcmOpen(context, nonce, aad, aadLength, text, textLength, icv, icvLength);
}

export function primitive_cbc_setup(context: usize, key: usize, keyLength: i32): void {
  cbcSetup(context, key, keyLength);
}

export function primitive_cbc_encrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  cbcEncrypt(context, iv, text, textLength);
}

export function primitive_cbc_decrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  cbcDecrypt(context, iv, text, textLength);
}

export function primitive_equal(a: usize, b: usize, length: i32): bool {
  return equal(a, b, length);
}

export function primitive_self_test(): i32 {
  return cryptoSelfTest();
}
