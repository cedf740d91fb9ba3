/**
 * The shipped module's ciphers, callable from tests, over the memory of tools/primitives. One instance a test file; the
 * tests lay out its memory themselves, above the module's own constants. No packet engine here.
 */
import type { AesExports } from '../../../tools/primitives/aes.ts';
import type { CbcExports } from '../../../tools/primitives/aes-cbc.ts';
import type { CcmExports } from '../../../tools/primitives/aes-ccm.ts';
import type { CmacExports } from '../../../tools/primitives/aes-cmac.ts';
import type { CtrExports } from '../../../tools/primitives/aes-ctr.ts';
import type { GcmExports } from '../../../tools/primitives/aes-gcm.ts';
import type { GmacExports } from '../../../tools/primitives/aes-gmac.ts';
import type { ChachaPolyExports } from '../../../tools/primitives/chacha20-poly1305.ts';
import type { DesExports } from '../../../tools/primitives/des-cbc.ts';
import type { CheckExports } from '../../../tools/primitives/equal.ts';
import { firmwareExports, octets } from '../../../tools/primitives/firmware.ts';
import type { HashExports } from '../../../tools/primitives/hash.ts';
import type { HmacExports } from '../../../tools/primitives/hmac.ts';

export { Field, Layout } from '../../../tools/primitives/fields.ts';

type Primitives = AesExports &
  CbcExports &
  CcmExports &
  CmacExports &
  CtrExports &
  GcmExports &
  GmacExports &
  ChachaPolyExports &
  DesExports &
  CheckExports &
  HashExports &
  HmacExports;

export const primitives = firmwareExports<Primitives>();

/** Octets at an address of the module's own, such as its tables; live, not a copy. */
export function octetsAt(address: number, length: number): Uint8Array {
  return octets.subarray(address, address + length);
}

export const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
export const fromHex = (digits: string): Uint8Array =>
  Uint8Array.from(Buffer.from(digits.replace(/\s/g, ''), 'hex'));
export const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

/** `length` octets that depend on `seed` alone, so that a failure repeats (splitmix32). */
export function sampleOctets(length: number, seed: number): Uint8Array {
  let state = seed | 0;
  return Uint8Array.from({ length }, () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) & 0xff;
  });
}
