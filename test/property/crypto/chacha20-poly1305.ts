/** ChaCha20-Poly1305 of the shipped module, callable from tests; memory and fields are those of `primitives.ts`. */
import { primitives } from './primitives.ts';

/** Signatures as in firmware/assembly/crypto/primitives/chacha20-poly1305.ts: addresses and lengths. */
export interface ChachaPolyPrimitives {
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

// The same instance: its exports hold these beside those that `Primitives` names.
export const chachaPoly = primitives as unknown as ChachaPolyPrimitives;
