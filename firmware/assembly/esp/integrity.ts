/**
 * What an ESP packet's integrity covers besides its text, the same for sealing and opening: AAD and nonce of combined modes
 * (RFC 4106), the HMAC with the unsent half of an extended sequence number (RFC 4303 section 2.2.1).
 */
import { SA_SALT } from '../../abi/sa-slot.ts';
import { GCM_IV_LENGTH, SUITE_AES_CBC_HMAC_SHA1_96 } from '../../abi/suite.ts';
import { hmacSha1, hmacSha256 } from '../crypto/hmac.ts';
import { ESP_SEQUENCE, storeNetwork32 } from '../packet/ip.ts';
import { CIPHER_HMAC } from '../sad/slot.ts';

/** Filled by the functions below; valid until the next packet. */
export const NONCE: usize = memory.data(16, 16);
export const AAD: usize = memory.data(16, 16);
export const DIGEST: usize = memory.data(32, 16);

/** RFC 4106 section 5: SPI and sequence number, the extended one in 64 bits. Returns its length. */
export function writeAad(espPtr: usize, sequence: u64, extended: bool): i32 {
  store<u32>(AAD, load<u32>(espPtr));
  if (!extended) {
    store<u32>(AAD, load<u32>(espPtr + ESP_SEQUENCE), 4);
    return 8;
  }
  store<u64>(AAD + 4, bswap<u64>(sequence));
  return 12;
}

/** RFC 4106 section 4: salt, then the IV. */
export function writeNonce(slotPtr: usize, ivPtr: usize): void {
  store<u32>(NONCE, load<u32>(slotPtr, SA_SALT));
  memory.copy(NONCE + 4, ivPtr, GCM_IV_LENGTH);
}

/**
 * Computes the HMAC over everything from `espPtr` to `icvPtr`, leaving it in DIGEST. With extended sequence numbers
 * the high half is covered too and not sent (RFC 4303 section 2.2.1): it is written where the ICV belongs, which the caller
 * writes afterwards.
 */
export function computeIcv(
  suite: u32,
  cipherPtr: usize,
  espPtr: usize,
  icvPtr: usize,
  sequence: u64,
  extended: bool,
): void {
  let length = <i32>(icvPtr - espPtr);
  if (extended) {
    storeNetwork32(icvPtr, <u32>(sequence >> 32));
    length += 4;
  }
  if (suite === SUITE_AES_CBC_HMAC_SHA1_96) hmacSha1(cipherPtr + CIPHER_HMAC, espPtr, length, DIGEST);
  else hmacSha256(cipherPtr + CIPHER_HMAC, espPtr, length, DIGEST);
}
