/** DES and triple DES of the shipped module, in the instance of `primitives.ts`. */
import { primitives } from './primitives.ts';

/** Signatures as in firmware/assembly/crypto/primitives/des.ts: addresses and lengths. */
export interface DesPrimitives {
  primitive_des_tables(): number;
  primitive_des_expand(key: number, keyLength: number, schedule: number): void;
  primitive_des_cbc_setup(context: number, key: number, keyLength: number): void;
  primitive_des_cbc_encrypt(context: number, iv: number, text: number, textLength: number): void;
  primitive_des_cbc_decrypt(context: number, iv: number, text: number, textLength: number): void;
  primitive_des_cbc_unpredictable_iv(
    schedule: number,
    sequenceLow: number,
    sequenceHigh: number,
    out: number,
  ): void;
}

// The same instance under another view of its exports.
export const desPrimitives = primitives as unknown as DesPrimitives;

/** The key as node:crypto takes it: DES is triple DES with one key three times (FIPS 46-3, keying option 3). */
export const asTripleKey = (key: Uint8Array): Uint8Array =>
  key.length === 8 ? Uint8Array.from([...key, ...key, ...key]) : key;
