/**
 * The modes of AES beside GCM and plain CBC as exports of the module, for tests, vectors and measurements: one `primitive_`
 * function for each. Decides nothing.
 */

import { cbcEncryptLanes } from '../aes-modes/cbc-lanes.ts';
import { ccmOpen, ccmSeal, ccmSetup } from '../aes-modes/ccm.ts';
import { cmac, cmacSetup } from '../aes-modes/cmac.ts';
import { ctrEncrypt, ctrSetup } from '../aes-modes/ctr.ts';
import { gmac, gmacAdd, gmacBegin, gmacEnd } from '../aes-modes/gmac.ts';

export function primitive_cbc_encrypt_lanes(jobs: usize, count: u32): void {
  cbcEncryptLanes(jobs, count);
}

export function primitive_ctr_setup(context: usize, key: usize, keyLength: i32): void {
  ctrSetup(context, key, keyLength);
}

export function primitive_ctr_encrypt(context: usize, nonce: usize, text: usize, textLength: i32): void {
  ctrEncrypt(context, nonce, text, textLength);
}

export function primitive_ccm_setup(context: usize, key: usize, keyLength: i32): void {
  ccmSetup(context, key, keyLength);
}

export function primitive_ccm_seal(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
  icvLength: i32,
): void {
  ccmSeal(context, nonce, aad, aadLength, text, textLength, icv, icvLength);
}

export function primitive_ccm_open(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
  icvLength: i32,
): bool {
  return ccmOpen(context, nonce, aad, aadLength, text, textLength, icv, icvLength);
}

export function primitive_gmac(context: usize, nonce: usize, message: usize, length: i32, icv: usize): void {
  gmac(context, nonce, message, length, icv);
}

export function primitive_gmac_begin(nonce: usize): void {
  gmacBegin(nonce);
}

export function primitive_gmac_add(context: usize, piece: usize, length: i32): void {
  gmacAdd(context, piece, length);
}

export function primitive_gmac_end(context: usize, icv: usize): void {
  gmacEnd(context, icv);
}

export function primitive_cmac_setup(context: usize, key: usize, keyLength: i32): void {
  cmacSetup(context, key, keyLength);
}

export function primitive_cmac(context: usize, message: usize, length: i32, out: usize): void {
  cmac(context, message, length, out);
}
