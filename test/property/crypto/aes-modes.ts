/** The exports of firmware/assembly/crypto/primitives-aes-modes.ts, callable from tests: addresses and lengths. */
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
}

// The same instance: its exports are all of the module's, of which each wrapper names those it needs.
export const aesModes = primitives as unknown as AesModes;
