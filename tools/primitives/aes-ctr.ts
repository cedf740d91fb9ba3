/** AES-CTR (SP 800-38A section 6.5) as ESP uses it (RFC 3686): a counter of 32 bits that starts at 1 behind the nonce. */
import { CTR_CONTEXT_SIZE, CTR_NONCE_SIZE } from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { BlockMode } from './shapes.ts';

export interface CtrExports {
  primitive_ctr_setup(context: number, key: number, keyLength: number): void;
  primitive_ctr_encrypt(context: number, nonce: number, text: number, textLength: number): void;
}

const ctr = firmwareExports<CtrExports>('primitive_ctr_setup', 'primitive_ctr_encrypt');

export const aesCtr: BlockMode = {
  kind: 'block-mode',
  name: 'AES-CTR',
  keyOctets: [16, 24, 32],
  ivOctets: CTR_NONCE_SIZE,
  blockOctets: 1,
  contextOctets: CTR_CONTEXT_SIZE,
  setup: ctr.primitive_ctr_setup,
  encrypt: ctr.primitive_ctr_encrypt,
  decrypt: ctr.primitive_ctr_encrypt,
};
