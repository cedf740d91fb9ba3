/** AES-CMAC (SP 800-38B, RFC 4493). */
import { CMAC_CONTEXT_SIZE, CMAC_SIZE } from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { Mac } from './shapes.ts';

export interface CmacExports {
  primitive_cmac_setup(context: number, key: number, keyLength: number): void;
  primitive_cmac(context: number, message: number, length: number, out: number): void;
}

const cmac = firmwareExports<CmacExports>('primitive_cmac_setup', 'primitive_cmac');

export const aesCmac: Mac = {
  kind: 'mac',
  name: 'AES-CMAC',
  keyOctets: [16, 24, 32],
  macOctets: CMAC_SIZE,
  contextOctets: CMAC_CONTEXT_SIZE,
  setup: cmac.primitive_cmac_setup,
  compute: cmac.primitive_cmac,
};
