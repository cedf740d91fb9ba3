/**
 * Verifies and decrypts an ESP packet in place (RFC 4303 section 3.4). `verifyAndDecrypt` leaves the payload where it is;
 * `readTrailer` then says how long it is and what it carries. Knows nothing of windows, selectors or lifetimes. The ICV is
 * verified before the first octet is decrypted, in constant time.
 */
import { DROP_CIPHERTEXT_LENGTH, DROP_ESP_TOO_SHORT, DROP_PADDING } from '../../abi/drop-code.ts';
import { SA_FLAG_ESN, SA_FLAGS, SA_SUITE } from '../../abi/sa-slot.ts';
import { GCM_ICV_LENGTH, SUITE_AES_GCM_16 } from '../../abi/suite.ts';
import { cbcDecrypt } from '../crypto/cbc.ts';
import { equal } from '../crypto/equal.ts';
import { gcmOpen } from '../crypto/gcm.ts';
import { ESP_HEADER, ESP_TRAILER } from '../packet/ip.ts';
import { AAD, computeIcv, DIGEST, NONCE, writeAad, writeNonce } from './integrity.ts';
import { alignment, icvLength, ivLength, payloadOffset } from './suite.ts';

/** Scratch; not reentrant. */
const RECEIVED_ICV: usize = memory.data(16, 16);

/** Octets of the last packet's payload, after `readTrailer`. */
export let payloadLength: u32 = 0;
export let payloadNextHeader: u32 = 0;

/** 0 when an ESP packet of `espLength` octets can be one of this suite, otherwise the reason to drop it. */
export function checkLength(suite: u32, espLength: u32): u32 {
  const overhead = ESP_HEADER + ivLength(suite) + icvLength(suite);
  if (espLength < overhead + alignment(suite)) return DROP_ESP_TOO_SHORT;
  if (((espLength - overhead) & (alignment(suite) - 1)) !== 0) return DROP_CIPHERTEXT_LENGTH;
  return 0;
}

/**
 * Verifies the ICV of the packet at `espPtr` and decrypts it in place.
 *
 * @param espLength from SPI to ICV; `checkLength` has accepted it
 * @param sequence  the full number, as inferred
 * @returns false when the ICV is wrong; then the octets between header and ICV are as they were
 * @constantTime but for lengths
 */
export function verifyAndDecrypt(
  slotPtr: usize,
  cipherPtr: usize,
  espPtr: usize,
  espLength: u32,
  sequence: u64,
): bool {
  const suite = load<u32>(slotPtr, SA_SUITE);
  const extended = (load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_ESN) !== 0;
  const ivPtr = espPtr + ESP_HEADER;
  const textPtr = ivPtr + ivLength(suite);
  const icvPtr = espPtr + espLength - icvLength(suite);
  const textLength = <i32>(icvPtr - textPtr);
  if (suite === SUITE_AES_GCM_16) {
    const aadLength = writeAad(espPtr, sequence, extended);
    writeNonce(slotPtr, ivPtr);
    return gcmOpen(cipherPtr, NONCE, AAD, aadLength, textPtr, textLength, icvPtr, GCM_ICV_LENGTH);
  }
  memory.copy(RECEIVED_ICV, icvPtr, icvLength(suite));
  computeIcv(suite, cipherPtr, espPtr, icvPtr, sequence, extended);
  if (!equal(RECEIVED_ICV, DIGEST, <i32>icvLength(suite))) return false;
  cbcDecrypt(cipherPtr, ivPtr, textPtr, textLength);
  return true;
}

/**
 * Reads padding and trailer of the decrypted packet at `espPtr`; leaves payloadLength and payloadNextHeader.
 *
 * @returns 0, or DROP_PADDING
 * @rfc 4303 section 2.4
 */
export function readTrailer(suite: u32, espPtr: usize, espLength: u32): u32 {
  const textPtr = espPtr + payloadOffset(suite);
  const textLength = espLength - payloadOffset(suite) - icvLength(suite);
  const endPtr = textPtr + textLength;
  const padLength = <u32>load<u8>(endPtr - 2);
  if (padLength + ESP_TRAILER > textLength) return DROP_PADDING;
  const padPtr = endPtr - ESP_TRAILER - padLength;
  for (let index: u32 = 0; index < padLength; index++) {
    if (<u32>load<u8>(padPtr + index) !== index + 1) return DROP_PADDING;
  }
  payloadLength = textLength - ESP_TRAILER - padLength;
  payloadNextHeader = load<u8>(endPtr - 1);
  return 0;
}
