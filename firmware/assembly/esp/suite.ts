/** What each suite adds to a packet, in octets. Decides nothing; the numbers are in firmware/abi/suite.ts with their RFCs. */
import {
  CBC_ALIGNMENT,
  CBC_IV_LENGTH,
  GCM_ALIGNMENT,
  GCM_ICV_LENGTH,
  GCM_IV_LENGTH,
  HMAC_SHA1_96_ICV_LENGTH,
  HMAC_SHA256_128_ICV_LENGTH,
  SUITE_AES_CBC_HMAC_SHA1_96,
  SUITE_AES_GCM_16,
} from '../../abi/suite.ts';
import { ESP_HEADER } from '../packet/ip.ts';

export function ivLength(suite: u32): u32 {
  return suite === SUITE_AES_GCM_16 ? GCM_IV_LENGTH : CBC_IV_LENGTH;
}

/** Octets of the packet before its payload: SPI, sequence number, IV. */
export function payloadOffset(suite: u32): u32 {
  return ESP_HEADER + ivLength(suite);
}

export function icvLength(suite: u32): u32 {
  if (suite === SUITE_AES_GCM_16) return GCM_ICV_LENGTH;
  return suite === SUITE_AES_CBC_HMAC_SHA1_96 ? HMAC_SHA1_96_ICV_LENGTH : HMAC_SHA256_128_ICV_LENGTH;
}

/** What the encrypted part, trailer included, is a multiple of. */
export function alignment(suite: u32): u32 {
  return suite === SUITE_AES_GCM_16 ? GCM_ALIGNMENT : CBC_ALIGNMENT;
}
