/** What the plain scalar module exports: the same ciphers, MACs and hashes as the firmware, with the same parameters. */
import { aesExpand, aesTables } from './aes.ts';

aesTables();

export { cbcDecrypt, cbcEncrypt, cbcSetup, cmac, cmacSetup, ctrEncrypt } from './aes-modes';
export { ccmOpen, ccmSeal } from './ccm';
export { chachaPolyOpen, chachaPolySeal } from './chacha20-poly1305';
export { gcmOpen, gcmSeal, gcmSetup, gmac } from './gcm';
export { hash, hmac, hmacSetup } from './hmac';
export { aesExpand };

/** The key of ChaCha20-Poly1305 is its context. */
export function chachaPolySetup(context: usize, key: usize): void {
  memory.copy(context, key, 32);
}
