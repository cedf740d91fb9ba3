/** DES-CBC (RFC 2405) and triple DES in outer CBC mode (RFC 2451), whole blocks, no padding: one cipher, told by its key. */
import { DES_CBC_CONTEXT_SIZE } from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { BlockMode } from './shapes.ts';

export interface DesExports {
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

const des = firmwareExports<DesExports>(
  'primitive_des_cbc_setup',
  'primitive_des_cbc_encrypt',
  'primitive_des_cbc_decrypt',
);

const block = 8;

export const desCbc: BlockMode = {
  kind: 'block-mode',
  name: 'DES-CBC',
  keyOctets: [8],
  ivOctets: block,
  blockOctets: block,
  contextOctets: DES_CBC_CONTEXT_SIZE,
  setup: des.primitive_des_cbc_setup,
  encrypt: des.primitive_des_cbc_encrypt,
  decrypt: des.primitive_des_cbc_decrypt,
};

export const tripleDesCbc: BlockMode = { ...desCbc, name: '3DES-CBC', keyOctets: [24] };
