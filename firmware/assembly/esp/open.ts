/**
 * Verifies and decrypts an ESP packet in place (RFC 4303 section 3.4). `verifyAndDecrypt` leaves the payload where it is;
 * `readTrailer` then says how long it is and what it carries. Knows nothing of windows, selectors or lifetimes. The ICV is
 * verified before the first octet is decrypted, in constant time; so is the padding, which only a peer can have made wrong.
 */
import { ICV_MAXIMUM } from '../../abi/algorithm.ts';
import { DROP_CIPHERTEXT_LENGTH, DROP_ESP_TOO_SHORT, DROP_PADDING } from '../../abi/drop-code.ts';
import { SA_ENCRYPTION, SA_FLAG_ESN, SA_FLAGS, SA_INTEGRITY } from '../../abi/sa-slot.ts';
import { equal } from '../crypto/equal.ts';
import { ESP_HEADER, ESP_TRAILER } from '../packet/ip.ts';
import { isCombined } from '../sad/algorithms.ts';
import { openCombined } from './combined.ts';
import { decrypt } from './encryption.ts';
import { alignment, icvLength, overhead, payloadOffset } from './geometry.ts';
import { computeIcv, DIGEST } from './integrity.ts';

/** Scratch; not reentrant. */
const RECEIVED_ICV: usize = memory.data(ICV_MAXIMUM, 16);

/** What an octet can say that padding is long. */
const PADDING_MAXIMUM: u32 = 255;
/** Of sixteen octets in memory, from the end. */
const DISTANCES: usize = memory.data<u8>([15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0], 16);

/** Octets of the last packet's payload, after `readTrailer`. */
export let payloadLength: u32 = 0;
export let payloadNextHeader: u32 = 0;

/** 0 when an ESP packet of `espLength` octets can be one of this SA, otherwise the reason to drop it. */
export function checkLength(slotPtr: usize, espLength: u32): u32 {
  const around = overhead(slotPtr);
  const unit = alignment(slotPtr);
  if (espLength < around + unit) return DROP_ESP_TOO_SHORT;
  return ((espLength - around) & (unit - 1)) === 0 ? 0 : DROP_CIPHERTEXT_LENGTH;
}

/**
 * Verifies the ICV of the packet at `espPtr` and decrypts it in place.
 *
 * @param espLength from SPI to ICV; `checkLength` has accepted it
 * @param sequence  the full number, as inferred
 * @param digest    address of the MAC where it is known already, otherwise 0; nothing with combined modes
 * @returns false when the ICV is wrong; then the packet is as it was
 * @constantTime but for lengths
 */
export function verifyAndDecrypt(
  slotPtr: usize,
  cipherPtr: usize,
  espPtr: usize,
  espLength: u32,
  sequence: u64,
  digest: usize,
): bool {
  const encryption = load<u32>(slotPtr, SA_ENCRYPTION);
  const extended = (load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_ESN) !== 0;
  const textPtr = espPtr + payloadOffset(slotPtr);
  const icvPtr = espPtr + espLength - icvLength(slotPtr);
  const textLength = <u32>(icvPtr - textPtr);
  if (isCombined(encryption))
    return openCombined(slotPtr, encryption, cipherPtr, espPtr, textPtr, textLength, sequence, extended);
  memory.copy(RECEIVED_ICV, icvPtr, icvLength(slotPtr));
  if (digest === 0) {
    computeIcv(load<u32>(slotPtr, SA_INTEGRITY), cipherPtr, espPtr, icvPtr, sequence, extended);
    if (extended) store<u32>(icvPtr, load<u32>(RECEIVED_ICV));
    digest = DIGEST;
  }
  if (!equal(RECEIVED_ICV, digest, <i32>icvLength(slotPtr))) return false;
  decrypt(slotPtr, encryption, cipherPtr, espPtr + ESP_HEADER, textPtr, textLength);
  return true;
}

/**
 * Reads padding and trailer of the decrypted packet at `espPtr`; leaves payloadLength and payloadNextHeader.
 *
 * @returns 0, or DROP_PADDING
 * @constantTime but for lengths and the verdict
 * @rfc 4303 section 2.4
 */
export function readTrailer(slotPtr: usize, espPtr: usize, espLength: u32): u32 {
  const room = espLength - overhead(slotPtr) - ESP_TRAILER;
  const trailerPtr = espPtr + payloadOffset(slotPtr) + room;
  const padLength = <u32>load<u8>(trailerPtr);
  // Both are computed before either is looked at, so that the time does not tell which it was.
  if ((<u32>(padLength > room) | <u32>isPaddingWrong(trailerPtr, room, padLength)) !== 0) return DROP_PADDING;
  payloadLength = room - padLength;
  payloadNextHeader = load<u8>(trailerPtr + 1);
  return 0;
}

/**
 * True unless the `padLength` octets before `trailerPtr` are 1, 2, 3, ... Reads as many as padding can be long, whatever its
 * length is: up to 15 octets from before the text, which are counted only where `padLength` is beyond `room`.
 *
 * @param room octets of payload and padding
 */
function isPaddingWrong(trailerPtr: usize, room: u32, padLength: u32): bool {
  const zero = i8x16.splat(0);
  const sixteen = i8x16.splat(16);
  const length = i8x16.splat(<i8>padLength);
  // From the last octet of padding: of octet n the distance is padLength - n.
  let distance = v128.load(DISTANCES);
  let difference = zero;
  const first = trailerPtr - <usize>min(room, PADDING_MAXIMUM);
  for (let at = trailerPtr; at > first; ) {
    at -= 16;
    const expected = i8x16.sub_sat_u(length, distance);
    const wrong = v128.xor(v128.load(at), expected);
    difference = v128.or(difference, v128.and(wrong, i8x16.ne(expected, zero)));
    distance = i8x16.add(distance, sixteen);
  }
  return v128.any_true(difference);
}
