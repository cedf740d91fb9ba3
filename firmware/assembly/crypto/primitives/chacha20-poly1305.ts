/**
 * ChaCha20-Poly1305 and its halves as exports of the module, for tests, vectors and measurements. Decides nothing.
 */
import { chacha20Two } from '../chacha20-poly1305/chacha20.ts';
import { chachaPolyOpen, chachaPolySeal, chachaPolySetup } from '../chacha20-poly1305/chacha20-poly1305.ts';
import {
  poly1305Begin,
  poly1305Blocks,
  poly1305End,
  poly1305Partial,
} from '../chacha20-poly1305/poly1305.ts';

/** Writes 128 octets of keystream. */
export function primitive_chacha20_two(context: usize, nonce: usize, counter: u32, out: usize): void {
  chacha20Two(context, nonce, counter, out);
}

export function primitive_poly1305(key: usize, message: usize, length: i32, tag: usize): void {
  poly1305Begin(key);
  poly1305Blocks(message, length >> 4);
  poly1305Partial(message + <usize>(length & ~15), length & 15);
  poly1305End(tag);
}

export function primitive_chacha_poly_setup(context: usize, key: usize): void {
  chachaPolySetup(context, key);
}

export function primitive_chacha_poly_seal(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
): void {
  chachaPolySeal(context, nonce, aad, aadLength, text, textLength, icv);
}

export function primitive_chacha_poly_open(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
): bool {
  return chachaPolyOpen(context, nonce, aad, aadLength, text, textLength, icv);
}
