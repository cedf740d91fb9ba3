/** AES-GCM (SP 800-38D) with the nonce and the ICVs of ESP (RFC 4106). */
import { GCM_CONTEXT_SIZE, GCM_ICV_SIZE, GCM_NONCE_SIZE } from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { Aead } from './shapes.ts';

export interface GcmExports {
  primitive_gcm_setup(context: number, key: number, keyLength: number): void;
  primitive_gcm_seal(
    context: number,
    nonce: number,
    aad: number,
    aadLength: number,
    text: number,
    textLength: number,
    icv: number,
    icvLength: number,
  ): void;
  primitive_gcm_open(
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

const gcm = firmwareExports<GcmExports>('primitive_gcm_setup', 'primitive_gcm_seal', 'primitive_gcm_open');

export const aesGcm: Aead = {
  kind: 'aead',
  name: 'AES-GCM',
  keyOctets: [16, 24, 32],
  nonceOctets: GCM_NONCE_SIZE,
  icvOctets: [8, 12, GCM_ICV_SIZE],
  icvTruncates: true,
  contextOctets: GCM_CONTEXT_SIZE,
  setup: gcm.primitive_gcm_setup,
  seal: gcm.primitive_gcm_seal,
  open: gcm.primitive_gcm_open,
};
