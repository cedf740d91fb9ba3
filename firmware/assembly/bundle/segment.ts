/**
 * Cuts what the kernel hands over as one packet into the packets that it stands for: TCP segments, UDP datagrams, or the packet
 * itself with its checksum made. Each lands in a packet slot of its own, with a descriptor as if the kernel had sent it alone.
 * Decides nothing about them; what makes no sense comes out as one packet, for the inspection to refuse.
 *
 * Header by header as Linux does it (net/ipv4/tcp_offload.c, udp_offload.c): identifications count up, FIN and PSH stay with the
 * last segment, CWR with the first (RFC 3168 section 6.1.2).
 */
import {
  BUNDLE_OCTETS,
  GSO_ECN,
  GSO_NONE,
  GSO_TCP_IPV4,
  GSO_TCP_IPV6,
  GSO_UDP,
  VNET_CHECKSUM_OFFSET,
  VNET_CHECKSUM_START,
  VNET_FLAGS,
  VNET_GSO_TYPE,
  VNET_HEADER,
  VNET_NEEDS_CHECKSUM,
  VNET_SEGMENT_SIZE,
} from '../../abi/bundle.ts';
import {
  DESCRIPTOR_INPUT,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_SIZE,
  DESCRIPTOR_START,
} from '../../abi/descriptor.ts';
import { PACKET_HEADROOM, PACKET_TAILROOM } from '../../abi/layout.ts';
import { checksum, checksumAdd, checksumFold } from '../packet/checksum.ts';
import {
  IPV4_CHECKSUM,
  IPV4_HEADER,
  IPV4_IDENTIFICATION,
  IPV4_LENGTH,
  IPV6_HEADER,
  IPV6_LENGTH,
  loadNetwork16,
  loadNetwork32,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  storeNetwork16,
  storeNetwork32,
  TCP_CHECKSUM,
  TCP_CWR,
  TCP_FIN,
  TCP_FLAGS,
  TCP_HEADER,
  TCP_OFFSET,
  TCP_PSH,
  TCP_SEQUENCE,
  UDP_CHECKSUM,
  UDP_HEADER,
  UDP_LENGTH,
} from '../packet/ip.ts';
import { pseudoHeaderSum } from '../packet/pseudo-header.ts';
import { bundlePlaces, bundles, descriptors, packetOctets, packetSlots, packets } from '../regions.ts';

/** The bundle that is open: its packet, octets of it, octets of its headers, where the upper layer starts, segments. */
let bundlePtr: usize = 0;
let bundleLength: u32 = 0;
let headerLength: u32 = 0;
let upper: u32 = 0;
let upperProtocol: u32 = 0;
let segmentSize: u32 = 0;
let segmentCount: u32 = 0;

/**
 * Opens the bundle of `length` octets, virtio_net_hdr included, in bundle place `index`, until the next call.
 *
 * @returns how many packets it stands for; 0 if there is no such place or not even a header
 */
export function openBundle(index: u32, length: u32): u32 {
  segmentCount = 0;
  if (index >= bundlePlaces || length <= <u32>VNET_HEADER || length > <u32>BUNDLE_OCTETS) return 0;
  const vnetPtr = bundles + <usize>index * BUNDLE_OCTETS;
  bundlePtr = vnetPtr + VNET_HEADER;
  bundleLength = length - VNET_HEADER;
  segmentCount = 1;
  if (readSegmentation(vnetPtr)) {
    segmentCount = (bundleLength - headerLength + segmentSize - 1) / segmentSize;
  } else {
    upperProtocol = 0;
    if ((load<u8>(vnetPtr, VNET_FLAGS) & VNET_NEEDS_CHECKSUM) !== 0) completeChecksum(vnetPtr);
  }
  return segmentCount;
}

/**
 * Copies segments `first` to `first + count - 1` of the open bundle into the packet slots from `slot` on.
 *
 * @param input INPUT_* for their descriptors
 * @returns how many were written: fewer where the bundle or the slots end
 */
export function takeSegments(first: u32, count: u32, slot: u32, input: u32): u32 {
  if (first >= segmentCount || slot >= packetSlots) return 0;
  const end = first + min(count, min(segmentCount - first, packetSlots - slot));
  for (let segment = first; segment < end; segment++) {
    const index = slot + segment - first;
    const packetPtr = packets + <usize>index * packetOctets + PACKET_HEADROOM;
    const length = upperProtocol === 0 ? copyWhole(packetPtr) : copySegment(packetPtr, segment);
    const descriptorPtr = descriptors + <usize>index * DESCRIPTOR_SIZE;
    store<u32>(descriptorPtr, <u32>packetPtr, DESCRIPTOR_START);
    store<u32>(descriptorPtr, length, DESCRIPTOR_LENGTH);
    store<u32>(descriptorPtr, input, DESCRIPTOR_INPUT);
  }
  return end - first;
}

function packetRoom(): u32 {
  return packetOctets - PACKET_HEADROOM - PACKET_TAILROOM;
}

/** Reads how the bundle is to be cut. Returns false where it is one packet, or makes no sense. */
function readSegmentation(vnetPtr: usize): bool {
  const type = <u32>load<u8>(vnetPtr, VNET_GSO_TYPE) & ~GSO_ECN;
  segmentSize = load<u16>(vnetPtr, VNET_SEGMENT_SIZE);
  if (type === GSO_NONE || segmentSize === 0) return false;
  upper = load<u16>(vnetPtr, VNET_CHECKSUM_START);
  const isIpv6 = load<u8>(bundlePtr) >> 4 === 6;
  const ipHeader = isIpv6 ? IPV6_HEADER : IPV4_HEADER;
  if (upper < ipHeader) return false;
  if (type === GSO_UDP) {
    upperProtocol = PROTOCOL_UDP;
    headerLength = upper + UDP_HEADER;
  } else if (type === (isIpv6 ? GSO_TCP_IPV6 : GSO_TCP_IPV4)) {
    if (upper + TCP_HEADER > bundleLength) return false;
    upperProtocol = PROTOCOL_TCP;
    headerLength = upper + ((<u32>load<u8>(bundlePtr + upper + TCP_OFFSET) >> 4) << 2);
    if (headerLength < upper + TCP_HEADER) return false;
  } else {
    return false;
  }
  return headerLength < bundleLength && headerLength + segmentSize <= packetRoom();
}

/** Makes the checksum that the kernel left to us. Zero, which means none in UDP, becomes its other form. */
function completeChecksum(vnetPtr: usize): void {
  const start = <u32>load<u16>(vnetPtr, VNET_CHECKSUM_START);
  const at = start + <u32>load<u16>(vnetPtr, VNET_CHECKSUM_OFFSET);
  if (at + 2 > bundleLength) return;
  const made = checksumFold(checksumAdd(0, bundlePtr + start, bundleLength - start));
  store<u16>(bundlePtr + at, made === 0 ? 0xffff : made);
}

/** A packet that is too long for a slot is cut, and then its header says more than there is. */
function copyWhole(packetPtr: usize): u32 {
  const length = min(bundleLength, packetRoom());
  memory.copy(packetPtr, bundlePtr, length);
  return length;
}

function copySegment(packetPtr: usize, segment: u32): u32 {
  const offset = segment * segmentSize;
  const octets = min(segmentSize, bundleLength - headerLength - offset);
  memory.copy(packetPtr, bundlePtr, headerLength);
  memory.copy(packetPtr + headerLength, bundlePtr + headerLength + offset, octets);
  const length = headerLength + octets;
  const family = writeLengths(packetPtr, length, segment);
  const upperPtr = packetPtr + upper;
  if (upperProtocol === PROTOCOL_TCP) writeTcp(upperPtr, segment, offset);
  else storeNetwork16(upperPtr + UDP_LENGTH, length - upper);
  writeUpperChecksum(packetPtr, family, length - upper);
  return length;
}

/** The IP header of one segment. Returns its family. */
function writeLengths(packetPtr: usize, length: u32, segment: u32): u32 {
  if (load<u8>(packetPtr) >> 4 === 6) {
    storeNetwork16(packetPtr + IPV6_LENGTH, length - IPV6_HEADER);
    return 6;
  }
  storeNetwork16(packetPtr + IPV4_LENGTH, length);
  const identificationPtr = packetPtr + IPV4_IDENTIFICATION;
  storeNetwork16(identificationPtr, loadNetwork16(identificationPtr) + segment);
  store<u16>(packetPtr + IPV4_CHECKSUM, 0);
  const ipHeader = min((<u32>load<u8>(packetPtr) & 15) << 2, upper);
  store<u16>(packetPtr + IPV4_CHECKSUM, checksum(packetPtr, ipHeader));
  return 4;
}

function writeTcp(tcpPtr: usize, segment: u32, offset: u32): void {
  storeNetwork32(tcpPtr + TCP_SEQUENCE, loadNetwork32(tcpPtr + TCP_SEQUENCE) + offset);
  let flags = <u32>load<u8>(tcpPtr + TCP_FLAGS);
  if (segment !== 0) flags &= ~TCP_CWR;
  if (segment !== segmentCount - 1) flags &= ~(TCP_FIN | TCP_PSH);
  store<u8>(tcpPtr + TCP_FLAGS, <u8>flags);
}

function writeUpperChecksum(packetPtr: usize, family: u32, length: u32): void {
  const upperPtr = packetPtr + upper;
  const checksumPtr = upperPtr + (upperProtocol === PROTOCOL_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
  store<u16>(checksumPtr, 0);
  const pseudoHeader = pseudoHeaderSum(packetPtr, family, upperProtocol, length);
  const made = checksumFold(checksumAdd(pseudoHeader, upperPtr, length));
  store<u16>(checksumPtr, made === 0 ? 0xffff : made);
}
