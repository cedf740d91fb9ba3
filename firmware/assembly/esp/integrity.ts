/**
 * Separate integrity: the ICV over a whole ESP packet, with the unsent half of an extended sequence number (RFC 4303 section
 * 2.2.1), by the SA's algorithm.
 */
import {
  INTEGRITY_AES_CMAC_96,
  INTEGRITY_HMAC_SHA1_96,
  INTEGRITY_HMAC_SHA256_128,
  INTEGRITY_HMAC_SHA384_192,
  INTEGRITY_HMAC_SHA512_256,
} from '../../abi/algorithm.ts';
import { CIPHER_INTEGRITY } from '../../abi/crypto-context.ts';
import { cmac } from '../crypto/aes-modes/cmac.ts';
import { hmacMd5, hmacSha1, hmacSha256, hmacSha384, hmacSha512 } from '../crypto/hash/hmac.ts';
import { storeNetwork32 } from '../packet/ip.ts';

/** What `computeIcv` left, whole; the ICV is its beginning. Valid until the next packet. */
export const DIGEST: usize = memory.data(64, 16);

/**
 * Octets from `espPtr` on that the ICV covers. With extended sequence numbers the high half is covered too and not sent: it is
 * written where the ICV belongs, which the caller writes afterwards.
 */
export function completeForIcv(espPtr: usize, icvPtr: usize, sequence: u64, extended: bool): u32 {
  const length = <u32>(icvPtr - espPtr);
  if (!extended) return length;
  storeNetwork32(icvPtr, <u32>(sequence >> 32));
  return length + 4;
}

/** Computes the ICV over everything from `espPtr` to `icvPtr`, where four octets may change, leaving it in DIGEST. */
export function computeIcv(
  integrity: u32,
  cipherPtr: usize,
  espPtr: usize,
  icvPtr: usize,
  sequence: u64,
  extended: bool,
): void {
  const context = cipherPtr + CIPHER_INTEGRITY;
  const length = <i32>completeForIcv(espPtr, icvPtr, sequence, extended);
  if (integrity === INTEGRITY_HMAC_SHA256_128) hmacSha256(context, espPtr, length, DIGEST);
  else if (integrity === INTEGRITY_HMAC_SHA1_96) hmacSha1(context, espPtr, length, DIGEST);
  else if (integrity === INTEGRITY_HMAC_SHA384_192) hmacSha384(context, espPtr, length, DIGEST);
  else if (integrity === INTEGRITY_HMAC_SHA512_256) hmacSha512(context, espPtr, length, DIGEST);
  else if (integrity === INTEGRITY_AES_CMAC_96) cmac(context, espPtr, length, DIGEST);
  else hmacMd5(context, espPtr, length, DIGEST);
}
