/** What the algorithms of an SA add to a packet, in octets, as `sad/keys.ts` noted it in the slot. Decides nothing. */
import { SA_ALIGNMENT, SA_ICV_LENGTH, SA_IV_LENGTH } from '../../abi/sa-slot.ts';
import { ESP_HEADER, ESP_TRAILER } from '../packet/ip.ts';

export function ivLength(slotPtr: usize): u32 {
  return load<u32>(slotPtr, SA_IV_LENGTH);
}

/** Octets of the packet before its payload: SPI, sequence number, IV. */
export function payloadOffset(slotPtr: usize): u32 {
  return ESP_HEADER + load<u32>(slotPtr, SA_IV_LENGTH);
}

export function icvLength(slotPtr: usize): u32 {
  return load<u32>(slotPtr, SA_ICV_LENGTH);
}

/** What the encrypted part, trailer included, is a multiple of; a power of two. */
export function alignment(slotPtr: usize): u32 {
  return load<u32>(slotPtr, SA_ALIGNMENT);
}

/** Octets of an ESP packet without its encrypted part. */
export function overhead(slotPtr: usize): u32 {
  return payloadOffset(slotPtr) + icvLength(slotPtr);
}

/** Octets of the encrypted part: payload, padding, trailer. */
export function paddedLength(slotPtr: usize, payloadLength: u32): u32 {
  const unit = alignment(slotPtr);
  return (payloadLength + ESP_TRAILER + unit - 1) & ~(unit - 1);
}

/** Octets of an ESP packet with a payload of `payloadLength`, from SPI to ICV. */
export function sealedLength(slotPtr: usize, payloadLength: u32): u32 {
  return overhead(slotPtr) + paddedLength(slotPtr, payloadLength);
}

/** The largest payload whose ESP packet has at most `espLength` octets. */
export function largestPayload(slotPtr: usize, espLength: u32): u32 {
  const unit = alignment(slotPtr);
  const around = overhead(slotPtr);
  if (espLength < around + unit) return 0;
  return ((espLength - around) & ~(unit - 1)) - ESP_TRAILER;
}
