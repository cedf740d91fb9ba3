/** ChaCha20-Poly1305 (RFC 8439) with the nonce and the ICV of ESP (RFC 7634). */
import {
  CHACHA20_POLY1305_CONTEXT_SIZE,
  CHACHA20_POLY1305_ICV_SIZE,
  CHACHA20_POLY1305_NONCE_SIZE,
} from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { Aead } from './shapes.ts';

export interface ChachaPolyExports {
  primitive_chacha20_two(context: number, nonce: number, counter: number, out: number): void;
  primitive_poly1305(key: number, message: number, length: number, tag: number): void;
  primitive_chacha_poly_setup(context: number, key: number): void;
  primitive_chacha_poly_seal(
    context: number,
    nonce: number,
    aad: number,
    aadLength: number,
    text: number,
    textLength: number,
    icv: number,
  ): void;
  primitive_chacha_poly_open(
    context: number,
    nonce: number,
    aad: number,
    aadLength: number,
    text: number,
    textLength: number,
    icv: number,
  ): number;
}

const chachaPoly = firmwareExports<ChachaPolyExports>(
  'primitive_chacha_poly_setup',
  'primitive_chacha_poly_seal',
  'primitive_chacha_poly_open',
);

export const chacha20Poly1305: Aead = {
  kind: 'aead',
  name: 'ChaCha20-Poly1305',
  keyOctets: [32],
  nonceOctets: CHACHA20_POLY1305_NONCE_SIZE,
  icvOctets: [CHACHA20_POLY1305_ICV_SIZE],
  icvTruncates: true,
  contextOctets: CHACHA20_POLY1305_CONTEXT_SIZE,
  setup: chachaPoly.primitive_chacha_poly_setup,
  seal: chachaPoly.primitive_chacha_poly_seal,
  open: chachaPoly.primitive_chacha_poly_open,
};
