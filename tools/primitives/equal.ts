/** The firmware's only comparison of ICVs, and its own test of its ciphers. */
import { firmwareExports } from './firmware.ts';

export interface CheckExports {
  primitive_equal(a: number, b: number, length: number): number;
  primitive_self_test(): number;
}

const checks = firmwareExports<CheckExports>('primitive_equal', 'primitive_self_test');

/** 1 when `length` octets at both addresses are the same. */
export const equal = checks.primitive_equal;
