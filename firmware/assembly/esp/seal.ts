/**
 * Turns a payload in place into an ESP packet: trailer, encryption, ICV (RFC 4303 sections 2 and 3.3). Decides no sequence
 * number and no lifetime; outbound.ts has done that. Constant-time in everything but lengths.
 *
 *   |<- 8 ->|<- iv ->|<------- a multiple of the alignment ------->|<- icv ->|
 *   | SPI,  | IV     | payload | 1, 2, 3, ... | pad length, next   | ICV     |
 *   | seq.  |        |         |              | header             |         |
 *                    ^ payloadPtr
 */
import { SA_FLAG_ESN, SA_FLAGS, SA_SPI, SA_SUITE } from '../../abi/sa-slot.ts';
import { GCM_ICV_LENGTH, SUITE_AES_GCM_16 } from '../../abi/suite.ts';
import { cbcEncrypt, cbcUnpredictableIv } from '../crypto/cbc.ts';
import { gcmSeal } from '../crypto/gcm.ts';
import { ESP_HEADER, ESP_SEQUENCE, ESP_TRAILER, storeNetwork32 } from '../packet/ip.ts';
import { CIPHER_IV } from '../sad/slot.ts';
import { AAD, computeIcv, DIGEST, NONCE, writeAad, writeNonce } from './integrity.ts';
import { alignment, icvLength, ivLength } from './suite.ts';

/** Octets of an ESP packet with a payload of `payloadLength`, from SPI to ICV. */
export function sealedLength(suite: u32, payloadLength: u32): u32 {
  return ESP_HEADER + ivLength(suite) + paddedLength(suite, payloadLength) + icvLength(suite);
}

/** The largest payload whose ESP packet has at most `espLength` octets. */
export function largestPayload(suite: u32, espLength: u32): u32 {
  const overhead = ESP_HEADER + ivLength(suite) + icvLength(suite);
  if (espLength < overhead + alignment(suite)) return 0;
  return ((espLength - overhead) & ~(alignment(suite) - 1)) - ESP_TRAILER;
}

function paddedLength(suite: u32, payloadLength: u32): u32 {
  return (payloadLength + ESP_TRAILER + alignment(suite) - 1) & ~(alignment(suite) - 1);
}

/**
 * Seals `payloadLength` octets at `payloadPtr`.
 *
 * @param slotPtr    outbound SA
 * @param cipherPtr  its expanded keys
 * @param payloadPtr header and IV go before it, trailer and ICV behind it: the room must be there
 * @param sequence   never used before with this SA
 * @returns octets from SPI to ICV; the SPI is ESP_HEADER and the IV before `payloadPtr`
 */
export function seal(
  slotPtr: usize,
  cipherPtr: usize,
  payloadPtr: usize,
  payloadLength: u32,
  nextHeader: u32,
  sequence: u64,
): u32 {
  const suite = load<u32>(slotPtr, SA_SUITE);
  const ivPtr = payloadPtr - ivLength(suite);
  const espPtr = ivPtr - ESP_HEADER;
  const textLength = paddedLength(suite, payloadLength);
  writeTrailer(payloadPtr + payloadLength, textLength - payloadLength - ESP_TRAILER, nextHeader);
  storeNetwork32(espPtr, load<u32>(slotPtr, SA_SPI));
  storeNetwork32(espPtr + ESP_SEQUENCE, <u32>sequence);
  const extended = (load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_ESN) !== 0;
  if (suite === SUITE_AES_GCM_16) {
    // RFC 4106 section 3.1: the IV may be a counter; ours is the sequence number, which never repeats.
    store<u64>(ivPtr, bswap<u64>(sequence));
    const aadLength = writeAad(espPtr, sequence, extended);
    writeNonce(slotPtr, ivPtr);
    const icvPtr = payloadPtr + textLength;
    gcmSeal(cipherPtr, NONCE, AAD, aadLength, payloadPtr, <i32>textLength, icvPtr, GCM_ICV_LENGTH);
  } else {
    cbcUnpredictableIv(cipherPtr + CIPHER_IV, <u32>sequence, <u32>(sequence >> 32), ivPtr);
    cbcEncrypt(cipherPtr, ivPtr, payloadPtr, <i32>textLength);
    const icvPtr = payloadPtr + textLength;
    computeIcv(suite, cipherPtr, espPtr, icvPtr, sequence, extended);
    memory.copy(icvPtr, DIGEST, icvLength(suite));
  }
  return sealedLength(suite, payloadLength);
}

/** RFC 4303 section 2.4: pad octets are 1, 2, 3, ... */
function writeTrailer(trailerPtr: usize, padLength: u32, nextHeader: u32): void {
  for (let index: u32 = 0; index < padLength; index++) store<u8>(trailerPtr + index, <u8>(index + 1));
  store<u8>(trailerPtr + padLength, <u8>padLength);
  store<u8>(trailerPtr + padLength + 1, <u8>nextHeader);
}
