/** AES-CBC (SP 800-38A section 6.2) as ESP uses it (RFC 3602): whole blocks, no padding. */
import { AES_BLOCK_SIZE, CBC_CONTEXT_SIZE } from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { BlockMode } from './shapes.ts';

export interface CbcExports {
  primitive_cbc_setup(context: number, key: number, keyLength: number): void;
  primitive_cbc_encrypt(context: number, iv: number, text: number, textLength: number): void;
  primitive_cbc_decrypt(context: number, iv: number, text: number, textLength: number): void;
  primitive_cbc_encrypt_lanes(jobs: number, count: number): void;
}

const cbc = firmwareExports<CbcExports>(
  'primitive_cbc_setup',
  'primitive_cbc_encrypt',
  'primitive_cbc_decrypt',
  'primitive_cbc_encrypt_lanes',
);

export const aesCbc: BlockMode = {
  kind: 'block-mode',
  name: 'AES-CBC',
  keyOctets: [16, 24, 32],
  ivOctets: AES_BLOCK_SIZE,
  blockOctets: AES_BLOCK_SIZE,
  contextOctets: CBC_CONTEXT_SIZE,
  setup: cbc.primitive_cbc_setup,
  encrypt: cbc.primitive_cbc_encrypt,
  decrypt: cbc.primitive_cbc_decrypt,
};

/** Encrypts the texts of up to eight jobs (jobs.ts) under contexts of `aesCbc` side by side. */
export const aesCbcEncryptLanes = cbc.primitive_cbc_encrypt_lanes;
