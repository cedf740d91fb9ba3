/**
 * Checks and verifies a received AH packet (RFC 4302 section 3.4), which stays as it is.
 * Knows nothing of windows, selectors or lifetimes.
 */
import { DESCRIPTOR_FAMILY } from '../../abi/descriptor.ts';
import { DROP_AH_HEADER, DROP_AH_LENGTH } from '../../abi/drop-code.ts';
import { equal } from '../crypto/equal.ts';
import { icvLength, ivLength } from '../esp/geometry.ts';
import { DIGEST } from '../esp/integrity.ts';
import { carrierHeaderLength } from '../packet/carrier.ts';
import { AH_HEADER, AH_PAYLOAD_LENGTH, PROTOCOL_AH } from '../packet/ip.ts';
import { buildIpv6 } from '../packet/transport-header.ts';
import { isAhLength } from './geometry.ts';
import { computeAhIcv, isCoverable } from './icv.ts';

/** Octets of the AH whose Payload Len is at `ahPtr` (RFC 4302 section 2.2). */
export function receivedAhLength(ahPtr: usize): u32 {
  return (<u32>load<u8>(ahPtr + AH_PAYLOAD_LENGTH) + 2) << 2;
}

/**
 * Whether the packet that `locateIpsec` found can be one of this SA.
 *
 * @param length octets from AH on, AH_HEADER at least
 * @returns 0, or the reason to drop it
 */
export function checkAh(descriptorPtr: usize, slotPtr: usize, ahPtr: usize, length: u32): u32 {
  const ahLength = receivedAhLength(ahPtr);
  const ipv6 = load<u32>(descriptorPtr, DESCRIPTOR_FAMILY) === 6;
  if (!isAhLength(slotPtr, ipv6, ahLength) || ahLength > length) return DROP_AH_LENGTH;
  const bare = carrierHeaderLength === 0;
  return bare || isCoverable(ahPtr - carrierHeaderLength, carrierHeaderLength) ? 0 : DROP_AH_HEADER;
}

/**
 * Verifies the ICV of the packet; `checkAh` has accepted it. A header that a socket kept is built anew before it: over IPv6
 * all that AH covers of it is in the descriptor.
 *
 * @param sequence the full number, as inferred
 * @returns false when the ICV is wrong
 * @constantTime but for lengths and headers, which are public
 */
export function verifyAh(
  descriptorPtr: usize,
  slotPtr: usize,
  cipherPtr: usize,
  ahPtr: usize,
  length: u32,
  sequence: u64,
): bool {
  const headerPtr =
    carrierHeaderLength === 0
      ? buildIpv6(descriptorPtr, ahPtr, length, PROTOCOL_AH)
      : ahPtr - carrierHeaderLength;
  computeAhIcv(slotPtr, cipherPtr, headerPtr, ahPtr, ahPtr + length, sequence);
  return equal(ahPtr + AH_HEADER + ivLength(slotPtr), DIGEST, <i32>icvLength(slotPtr));
}
