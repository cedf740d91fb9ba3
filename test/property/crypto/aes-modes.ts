/** The exports of firmware/assembly/crypto/primitives/aes-modes.ts, callable from tests: addresses and lengths. */
import { primitives } from './primitives.ts';

interface AesModes {
  primitive_cbc_encrypt_lanes(context: number, jobs: number, count: number): void;
  primitive_cbc_unpredictable_iv_lanes(
    schedule: number,
    sequenceLow: number,
    sequenceHigh: number,
    jobs: number,
    count: number,
  ): void;
  primitive_ctr_setup(context: number, key: number, keyLength: number): void;
  primitive_ctr_encrypt(context: number, nonce: number, text: number, textLength: number): void;
  primitive_ccm_setup(context: number, key: number, keyLength: number): void;
  primitive_ccm_seal(...packet: CcmPacket): void;
  primitive_ccm_open(...packet: CcmPacket): number;
  primitive_gmac(context: number, nonce: number, message: number, length: number, icv: number): void;
  primitive_gmac_begin(nonce: number): void;
  primitive_gmac_add(context: number, piece: number, length: number): void;
  primitive_gmac_end(context: number, icv: number): void;
  primitive_cmac_setup(context: number, key: number, keyLength: number): void;
  primitive_cmac(context: number, message: number, length: number, out: number): void;
}

export type CcmPacket = readonly [
  context: number,
  nonce: number,
  aad: number,
  aadLength: number,
  text: number,
  textLength: number,
  icv: number,
  icvLength: number,
];

// The same instance: its exports are all of the module's, of which each wrapper names those it needs.
export const aesModes = primitives as unknown as AesModes;
