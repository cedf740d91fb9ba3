/** What the plain scalar module exports: the same ciphers, MACs and hashes as the firmware, with the same parameters. */
import { aesExpand, aesTables } from './aes.ts';
import { cbcDecrypt, cbcEncrypt, cbcSetup, cmac, cmacSetup, ctrEncrypt } from './aes-modes.ts';
import { ccmOpen, ccmSeal } from './ccm.ts';
import { chachaPolyOpen, chachaPolySeal } from './chacha20-poly1305.ts';
import { desCbcDecrypt, desCbcEncrypt, desSetup, desTables } from './des.ts';
import { gcmOpen, gcmSeal, gcmSetup, gmac } from './gcm.ts';
import { hash, hmac, hmacSetup } from './hmac.ts';

aesTables();
desTables();

export {
  aesExpand,
  cbcDecrypt,
  cbcEncrypt,
  cbcSetup,
  ccmOpen,
  ccmSeal,
  chachaPolyOpen,
  chachaPolySeal,
  cmac,
  cmacSetup,
  ctrEncrypt,
  desCbcDecrypt,
  desCbcEncrypt,
  desSetup,
  gcmOpen,
  gcmSeal,
  gcmSetup,
  gmac,
  hash,
  hmac,
  hmacSetup,
};

/** The key of ChaCha20-Poly1305 is its context. */
export function chachaPolySetup(context: usize, key: usize): void {
  memory.copy(context, key, 32);
}
