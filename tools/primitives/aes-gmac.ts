/** AES-GMAC (SP 800-38D section 3) with the nonce of ESP and AH (RFC 4543): GCM without a text. */
import { GCM_CONTEXT_SIZE, GCM_ICV_SIZE, GCM_NONCE_SIZE } from '../../firmware/abi/crypto-context.ts';
import { aesGcm } from './aes-gcm.ts';
import { firmwareExports } from './firmware.ts';
import type { NonceMac } from './shapes.ts';

export interface GmacExports {
  primitive_gmac(context: number, nonce: number, message: number, length: number, icv: number): void;
  primitive_gmac_begin(nonce: number): void;
  primitive_gmac_add(context: number, piece: number, length: number): void;
  primitive_gmac_end(context: number, icv: number): void;
}

const gmac = firmwareExports<GmacExports>('primitive_gmac');

export const aesGmac: NonceMac = {
  kind: 'nonce-mac',
  name: 'AES-GMAC',
  keyOctets: [16, 24, 32],
  nonceOctets: GCM_NONCE_SIZE,
  macOctets: GCM_ICV_SIZE,
  contextOctets: GCM_CONTEXT_SIZE,
  setup: aesGcm.setup,
  compute: gmac.primitive_gmac,
};
