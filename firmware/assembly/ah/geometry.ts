/**
 * What AH adds to a packet, in octets. Its ICV field holds the ICV, with GMAC the IV before it (RFC 4543 section 4); padding makes
 * the whole header a multiple of 4 octets over IPv4 and of 8 over IPv6 (RFC 4302 sections 2.2 and 3.3.3.2.1).
 *
 *   0             1          2        4     8          12
 *   | next header | length   | zero   | SPI | sequence | IV (GMAC) | ICV | padding |
 */
import { SA_ICV_LENGTH, SA_IV_LENGTH } from '../../abi/sa-slot.ts';
import { AH_HEADER } from '../packet/ip.ts';

const IPV4_ALIGNMENT: u32 = 4;
const IPV6_ALIGNMENT: u32 = 8;

/** Octets of the ICV field without padding. */
export function icvFieldLength(slotPtr: usize): u32 {
  return load<u32>(slotPtr, SA_IV_LENGTH) + load<u32>(slotPtr, SA_ICV_LENGTH);
}

/** Octets of AH as we send it. */
export function ahLength(slotPtr: usize, ipv6: bool): u32 {
  const unit = ipv6 ? IPV6_ALIGNMENT : IPV4_ALIGNMENT;
  return (AH_HEADER + icvFieldLength(slotPtr) + unit - 1) & ~(unit - 1);
}

/** True for a length that AH of a peer may have: Linux pads to 8 octets over IPv4 too, unless told otherwise (XFRM_STATE_ALIGN4). */
export function isAhLength(slotPtr: usize, ipv6: bool, length: u32): bool {
  return length === ahLength(slotPtr, ipv6) || length === ahLength(slotPtr, true);
}
