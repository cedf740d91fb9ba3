/** AES-CCM (SP 800-38C) with the nonce and the ICVs of ESP (RFC 4309). */
import { CCM_CONTEXT_SIZE, CCM_NONCE_SIZE } from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { Aead } from './shapes.ts';

export interface CcmExports {
  primitive_ccm_setup(context: number, key: number, keyLength: number): void;
  primitive_ccm_seal(
    context: number,
    nonce: number,
    aad: number,
    aadLength: number,
    text: number,
    textLength: number,
    icv: number,
    icvLength: number,
  ): void;
  primitive_ccm_open(
    context: number,
    nonce: number,
    aad: number,
    aadLength: number,
    text: number,
    textLength: number,
    icv: number,
    icvLength: number,
  ): number;
}

const ccm = firmwareExports<CcmExports>('primitive_ccm_setup', 'primitive_ccm_seal', 'primitive_ccm_open');

export const aesCcm: Aead = {
  kind: 'aead',
  name: 'AES-CCM',
  keyOctets: [16, 24, 32],
  nonceOctets: CCM_NONCE_SIZE,
  icvOctets: [8, 12, 16],
  // The length of the ICV is part of what it covers (SP 800-38C appendix A.2.1).
  icvTruncates: false,
  contextOctets: CCM_CONTEXT_SIZE,
  setup: ccm.primitive_ccm_setup,
  seal: ccm.primitive_ccm_seal,
  open: ccm.primitive_ccm_open,
};
