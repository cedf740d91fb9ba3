/**
 * Traffic flow confidentiality (RFC 4303 section 2.7): how long the payload of a tunnel is made to look. Padding stands between
 * the inner packet and the trailer; the receiver takes the inner packet's length from its header. Decides no dummies.
 */
import { DESCRIPTOR_SIZE } from '../../abi/descriptor.ts';
import { PACKET_TAILROOM } from '../../abi/layout.ts';
import { SA_FLAG_OUTER_IPV6, SA_FLAG_UDP, SA_PATH_MTU, SA_TFC_LENGTH } from '../../abi/sa-slot.ts';
import { UDP_HEADER } from '../packet/ip.ts';
import { outerHeaderLength } from '../packet/outer-header.ts';
import { descriptors, packetOctets, packets } from '../regions.ts';
import { hasFlag } from '../sad/slot.ts';
import { largestPayload } from './geometry.ts';

/** Where nothing is known of the path: Ethernet's. */
const PATH_MTU_UNKNOWN: u32 = 1500;

/**
 * Octets of a tunnel's payload with padding: as the SA wants, but no more than the path takes or the packet slot has room for.
 *
 * @param packetPtr the inner packet, of `length` octets, in the slot of the descriptor
 */
export function tfcLength(descriptorPtr: usize, slotPtr: usize, packetPtr: usize, length: u32): u32 {
  const wanted = load<u32>(slotPtr, SA_TFC_LENGTH);
  if (wanted <= length) return length;
  const pathMtu = load<u32>(slotPtr, SA_PATH_MTU);
  const header =
    outerHeaderLength(hasFlag(slotPtr, SA_FLAG_OUTER_IPV6)) +
    (hasFlag(slotPtr, SA_FLAG_UDP) ? UDP_HEADER : 0);
  const limit = max(pathMtu === 0 ? PATH_MTU_UNKNOWN : pathMtu, header) - header;
  const index = <u32>((descriptorPtr - descriptors) / DESCRIPTOR_SIZE);
  const endPtr = packets + <usize>(index + 1) * packetOctets - PACKET_TAILROOM;
  return max(length, min(min(wanted, largestPayload(slotPtr, limit)), <u32>(endPtr - packetPtr)));
}
