/**
 * Turns a payload in place into an ESP packet: trailer, encryption, ICV (RFC 4303 sections 2 and 3.3). Decides no sequence
 * number and no lifetime; outbound.ts has done that. Constant-time in everything but lengths.
 *
 *   |<- 8 ->|<- iv ->|<------- a multiple of the alignment ------->|<- icv ->|
 *   | SPI,  | IV     | payload | 1, 2, 3, ... | pad length, next   | ICV     |
 *   | seq.  |        |         |              | header             |         |
 *                    ^ payloadPtr
 */
import { ENCRYPTION_AES_CBC } from '../../abi/algorithm.ts';
import { SA_ENCRYPTION, SA_FLAG_ESN, SA_FLAGS, SA_INTEGRITY, SA_SPI } from '../../abi/sa-slot.ts';
import { ESP_HEADER, ESP_SEQUENCE, ESP_TRAILER, storeNetwork32 } from '../packet/ip.ts';
import { isCombined } from '../sad/algorithms.ts';
import { sealCombined } from './combined.ts';
import { encrypt, writeIv } from './encryption.ts';
import { icvLength, ivLength, paddedLength, sealedLength } from './geometry.ts';
import { hasLanes } from './icv-lanes.ts';
import { computeIcv, DIGEST } from './integrity.ts';
import { writeCounterIv } from './nonce.ts';
import { queue, queueNone } from './seal-queue.ts';

/**
 * Seals `payloadLength` octets at `payloadPtr`, at once or, where it goes faster with others, at the next `sealQueued`.
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
  const encryption = load<u32>(slotPtr, SA_ENCRYPTION);
  const ivPtr = payloadPtr - ivLength(slotPtr);
  const espPtr = ivPtr - ESP_HEADER;
  const textLength = paddedLength(slotPtr, payloadLength);
  const extended = (load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_ESN) !== 0;
  writeTrailer(payloadPtr + payloadLength, textLength - payloadLength - ESP_TRAILER, nextHeader);
  storeNetwork32(espPtr, load<u32>(slotPtr, SA_SPI));
  storeNetwork32(espPtr + ESP_SEQUENCE, <u32>sequence);
  const integrity = load<u32>(slotPtr, SA_INTEGRITY);
  queueNone();
  if (isCombined(encryption)) {
    writeCounterIv(ivPtr, sequence);
    sealCombined(slotPtr, encryption, cipherPtr, espPtr, payloadPtr, textLength, sequence, extended);
  } else if (encryption === ENCRYPTION_AES_CBC) {
    queue(slotPtr, cipherPtr, espPtr, payloadPtr, textLength, sequence);
  } else {
    writeIv(encryption, cipherPtr, ivPtr, sequence);
    encrypt(slotPtr, encryption, cipherPtr, ivPtr, payloadPtr, textLength);
    if (hasLanes(integrity)) {
      queue(slotPtr, cipherPtr, espPtr, payloadPtr, textLength, sequence);
    } else {
      const icvPtr = payloadPtr + textLength;
      computeIcv(integrity, cipherPtr, espPtr, icvPtr, sequence, extended);
      memory.copy(icvPtr, DIGEST, icvLength(slotPtr));
    }
  }
  return sealedLength(slotPtr, payloadLength);
}

/** RFC 4303 section 2.4: pad octets are 1, 2, 3, ... */
function writeTrailer(trailerPtr: usize, padLength: u32, nextHeader: u32): void {
  for (let index: u32 = 0; index < padLength; index++) store<u8>(trailerPtr + index, <u8>(index + 1));
  store<u8>(trailerPtr + padLength, <u8>padLength);
  store<u8>(trailerPtr + padLength + 1, <u8>nextHeader);
}
