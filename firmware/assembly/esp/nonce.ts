/**
 * What a cipher takes beside key and text: explicit IVs that count, nonces, and the additional data of combined modes. Counting
 * IVs are sequence numbers, which never repeat under a key (RFC 4106 section 3.1, RFC 3686 section 2.1, RFC 4309 section 3.1).
 */
import { SA_SALT } from '../../abi/sa-slot.ts';
import { ESP_SEQUENCE } from '../packet/ip.ts';

/** Filled for each packet; not reentrant. */
export const NONCE: usize = memory.data(16, 16);
export const AAD: usize = memory.data(16, 16);

export function writeCounterIv(ivPtr: usize, sequence: u64): void {
  store<u64>(ivPtr, bswap<u64>(sequence));
}

/** Fills NONCE with the SA's four octets, then the IV (RFC 4106 section 4, RFC 7634 section 2, RFC 3686 section 4). */
export function writeNonce(slotPtr: usize, ivPtr: usize): void {
  store<u32>(NONCE, load<u32>(slotPtr, SA_SALT));
  store<u64>(NONCE, load<u64>(ivPtr), 4);
}

/** Fills NONCE as CCM wants it: three octets of the SA, then the IV (RFC 4309 section 4). */
export function writeCcmNonce(slotPtr: usize, ivPtr: usize): void {
  store<u32>(NONCE, load<u32>(slotPtr, SA_SALT));
  store<u64>(NONCE, load<u64>(ivPtr), 3);
}

/** Fills AAD with SPI and sequence number, the extended one in 64 bits. Returns the octets of both. */
export function writeAad(espPtr: usize, sequence: u64, extended: bool): i32 {
  store<u32>(AAD, load<u32>(espPtr));
  if (!extended) {
    store<u32>(AAD, load<u32>(espPtr + ESP_SEQUENCE), 4);
    return 8;
  }
  store<u64>(AAD + 4, bswap<u64>(sequence));
  return 12;
}
