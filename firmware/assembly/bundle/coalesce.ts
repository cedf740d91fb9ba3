/**
 * Puts delivered TCP segments that follow each other together again, so that the kernel takes them as one packet (a bundle) and
 * need not carry each one up its stack. Nothing is copied: followers are linked behind the first, without their headers.
 *
 * Only what the kernel's own receive offload would put together, and could cut again to the very same packets
 * (net/ipv4/tcp_offload.c, net/core/gro.c): one flow, consecutive, equal headers, right checksums. A segment that does not fit
 * ends its flow's bundle, so that nothing overtakes within a flow.
 */
import {
  GSO_NONE,
  GSO_TCP_IPV4,
  GSO_TCP_IPV6,
  VNET_CHECKSUM_OFFSET,
  VNET_CHECKSUM_START,
  VNET_CHECKSUM_VALID,
  VNET_FLAGS,
  VNET_GSO_TYPE,
  VNET_HEADER,
  VNET_HEADER_OCTETS,
  VNET_NEEDS_CHECKSUM,
  VNET_SEGMENT_SIZE,
} from '../../abi/bundle.ts';
import {
  DESCRIPTOR_BUNDLE_NEXT,
  DESCRIPTOR_BUNDLE_SKIP,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_SIZE,
  DESCRIPTOR_START,
  DESCRIPTOR_VERDICT,
  SLOT_NONE,
} from '../../abi/descriptor.ts';
import { VERDICT_DELIVER } from '../../abi/verdict.ts';
import { checksum, checksumAdd, checksumFold, sumFold } from '../packet/checksum.ts';
import {
  IPV4_CHECKSUM,
  IPV4_DF,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_IDENTIFICATION,
  IPV4_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TTL,
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SOURCE,
  loadNetwork16,
  loadNetwork32,
  PROTOCOL_TCP,
  storeNetwork16,
  TCP_ACK,
  TCP_CHECKSUM,
  TCP_FLAGS,
  TCP_HEADER,
  TCP_OFFSET,
  TCP_PSH,
  TCP_SEQUENCE,
} from '../packet/ip.ts';
import { pseudoHeaderSum } from '../packet/pseudo-header.ts';
import { descriptors, packetSlots } from '../regions.ts';

/** Bundles that may grow at a time, one a flow; a flow beyond them takes the place of one, each in its turn. */
const OPEN_MAX: u32 = 8;
const OPEN_SIZE: u32 = 32;
const OPEN_FIRST: u32 = 0; // slot of the first segment; SLOT_NONE: free
const OPEN_LAST: u32 = 4; // slot of the last so far
const OPEN_SEGMENTS: u32 = 8;
const OPEN_SEGMENT_SIZE: u32 = 12;
const OPEN_SEQUENCE: u32 = 16; // of the segment to come
const OPEN_LENGTH: u32 = 20; // octets of the packet so far, header included
const openBundles: usize = memory.data(256, 16);
let nextVictim: u32 = 0;

/** Octets of a packet, whose length field has 16 bits. */
const PACKET_OCTETS_MAX: u32 = 65535;

/** The segment that was read last. */
let segmentPtr: usize = 0;
let segmentLength: u32 = 0;
let segmentFamily: u32 = 0;
let segmentUpper: u32 = 0;
let segmentHeader: u32 = 0;

/**
 * Links the packets of slots `first` to `first + count - 1` that are delivered to bundles, and writes a virtio_net_hdr before
 * the first of each. A packet that joins no other is a bundle of its own.
 */
export function coalesce(first: u32, count: u32): void {
  if (first >= packetSlots) return;
  const end = first + min(count, packetSlots - first);
  for (let index: u32 = 0; index < OPEN_MAX; index++) free(openAt(index));
  for (let slot = first; slot < end; slot++) {
    const descriptorPtr = descriptorOf(slot);
    if (load<u32>(descriptorPtr, DESCRIPTOR_VERDICT) !== VERDICT_DELIVER) continue;
    store<u32>(descriptorPtr, SLOT_NONE, DESCRIPTOR_BUNDLE_NEXT);
    store<u32>(descriptorPtr, 0, DESCRIPTOR_BUNDLE_SKIP);
    if (!isSegment(descriptorPtr)) writeNoOffload(load<u32>(descriptorPtr, DESCRIPTOR_START), 0);
    else place(slot);
  }
  for (let index: u32 = 0; index < OPEN_MAX; index++) close(openAt(index));
}

function descriptorOf(slot: u32): usize {
  return descriptors + <usize>slot * DESCRIPTOR_SIZE;
}

function openAt(index: u32): usize {
  return openBundles + <usize>(index * OPEN_SIZE);
}

function free(openPtr: usize): void {
  store<u32>(openPtr, SLOT_NONE, OPEN_FIRST);
}

/** Whether the packet is a TCP segment that a bundle may have: no fragment, no options of IP, nothing but ACK and PSH, all there, intact. */
function isSegment(descriptorPtr: usize): bool {
  segmentPtr = <usize>load<u32>(descriptorPtr, DESCRIPTOR_START);
  segmentLength = load<u32>(descriptorPtr, DESCRIPTOR_LENGTH);
  if (segmentLength < IPV4_HEADER + TCP_HEADER) return false;
  if (!(load<u8>(segmentPtr) === 0x45 ? isIpv4Tcp() : isIpv6Tcp())) return false;
  const tcpPtr = segmentPtr + segmentUpper;
  segmentHeader = segmentUpper + ((<u32>load<u8>(tcpPtr + TCP_OFFSET) >> 4) << 2);
  if (segmentHeader < segmentUpper + TCP_HEADER || segmentHeader >= segmentLength) return false;
  if ((<u32>load<u8>(tcpPtr + TCP_FLAGS) & ~TCP_PSH) !== TCP_ACK) return false;
  const length = segmentLength - segmentUpper;
  const sum = pseudoHeaderSum(segmentPtr, segmentFamily, PROTOCOL_TCP, length);
  return checksumFold(checksumAdd(sum, tcpPtr, length)) === 0;
}

function isIpv4Tcp(): bool {
  segmentFamily = 4;
  segmentUpper = IPV4_HEADER;
  return (
    load<u8>(segmentPtr + IPV4_PROTOCOL) === PROTOCOL_TCP &&
    (loadNetwork16(segmentPtr + IPV4_FRAGMENT) & ~IPV4_DF) === 0 &&
    loadNetwork16(segmentPtr + IPV4_LENGTH) === segmentLength &&
    checksum(segmentPtr, IPV4_HEADER) === 0
  );
}

function isIpv6Tcp(): bool {
  segmentFamily = 6;
  segmentUpper = IPV6_HEADER;
  return (
    load<u8>(segmentPtr) >> 4 === 6 &&
    segmentLength >= IPV6_HEADER + TCP_HEADER &&
    load<u8>(segmentPtr + IPV6_NEXT_HEADER) === PROTOCOL_TCP &&
    IPV6_HEADER + loadNetwork16(segmentPtr + IPV6_LENGTH) === segmentLength
  );
}

/** Appends the segment in `slot` to its flow's bundle, or begins a new one. */
function place(slot: u32): void {
  const openPtr = openBundleOfFlow();
  if (openPtr !== 0) {
    if (continues(openPtr)) {
      append(openPtr, slot);
      return;
    }
    close(openPtr);
    begin(openPtr, slot);
    return;
  }
  begin(freePlace(), slot);
}

/** The bundle that the segment's flow has, or 0. */
function openBundleOfFlow(): usize {
  for (let index: u32 = 0; index < OPEN_MAX; index++) {
    const openPtr = openAt(index);
    const first = load<u32>(openPtr, OPEN_FIRST);
    if (first === SLOT_NONE) continue;
    const otherPtr = <usize>load<u32>(descriptorOf(first), DESCRIPTOR_START);
    if (isSameFlow(otherPtr)) return openPtr;
  }
  return 0;
}

/** Version, addresses and ports; IP headers have no options here, so ports are at the same place. */
function isSameFlow(otherPtr: usize): bool {
  if (load<u8>(otherPtr) >> 4 !== load<u8>(segmentPtr) >> 4) return false;
  if (load<u32>(otherPtr + segmentUpper) !== load<u32>(segmentPtr + segmentUpper)) return false;
  if (segmentFamily === 4) return load<u64>(otherPtr + IPV4_SOURCE) === load<u64>(segmentPtr + IPV4_SOURCE);
  const source = v128.xor(v128.load(otherPtr + IPV6_SOURCE), v128.load(segmentPtr + IPV6_SOURCE));
  const destination = v128.xor(
    v128.load(otherPtr + IPV6_DESTINATION),
    v128.load(segmentPtr + IPV6_DESTINATION),
  );
  return !v128.any_true(v128.or(source, destination));
}

/** Whether the kernel would cut the bundle with this segment behind it to what arrived. */
function continues(openPtr: usize): bool {
  const firstPtr = <usize>load<u32>(descriptorOf(load<u32>(openPtr, OPEN_FIRST)), DESCRIPTOR_START);
  const payload = segmentLength - segmentHeader;
  const tcpPtr = segmentPtr + segmentUpper;
  const segments = load<u32>(openPtr, OPEN_SEGMENTS);
  return (
    loadNetwork32(tcpPtr + TCP_SEQUENCE) === load<u32>(openPtr, OPEN_SEQUENCE) &&
    payload <= load<u32>(openPtr, OPEN_SEGMENT_SIZE) &&
    load<u32>(openPtr, OPEN_LENGTH) + payload <= PACKET_OCTETS_MAX &&
    hasLikeIpHeader(firstPtr, segments) &&
    hasLikeTcpHeader(firstPtr + segmentUpper, tcpPtr)
  );
}

/** TOS, DF, TTL; identifications that count up, which nobody looks at where DF is set (RFC 6864). IPv6: flow label, hop limit. */
function hasLikeIpHeader(firstPtr: usize, segments: u32): bool {
  if (segmentFamily === 6) {
    return (
      load<u32>(firstPtr) === load<u32>(segmentPtr) &&
      load<u16>(firstPtr + IPV6_NEXT_HEADER) === load<u16>(segmentPtr + IPV6_NEXT_HEADER)
    );
  }
  const fragment = loadNetwork16(segmentPtr + IPV4_FRAGMENT);
  const expected = loadNetwork16(firstPtr + IPV4_IDENTIFICATION) + segments;
  return (
    load<u16>(firstPtr) === load<u16>(segmentPtr) &&
    loadNetwork16(firstPtr + IPV4_FRAGMENT) === fragment &&
    load<u16>(firstPtr + IPV4_TTL) === load<u16>(segmentPtr + IPV4_TTL) &&
    ((fragment & IPV4_DF) !== 0 || loadNetwork16(segmentPtr + IPV4_IDENTIFICATION) === (expected & 0xffff))
  );
}

/** Acknowledgement, header length, flags but PSH, window, urgent pointer, options. The first of a bundle never has PSH. */
function hasLikeTcpHeader(firstPtr: usize, tcpPtr: usize): bool {
  const flags = bswap<u32>(TCP_PSH << 16);
  if (load<u32>(firstPtr + 8) !== load<u32>(tcpPtr + 8)) return false;
  if (load<u32>(firstPtr + TCP_OFFSET) !== (load<u32>(tcpPtr + TCP_OFFSET) & ~flags)) return false;
  if (load<u16>(firstPtr + 18) !== load<u16>(tcpPtr + 18)) return false;
  const length = segmentHeader - segmentUpper;
  for (let offset = TCP_HEADER; offset < length; offset += 4) {
    if (load<u32>(firstPtr + offset) !== load<u32>(tcpPtr + offset)) return false;
  }
  return true;
}

function begin(openPtr: usize, slot: u32): void {
  const payload = segmentLength - segmentHeader;
  const sequence = loadNetwork32(segmentPtr + segmentUpper + TCP_SEQUENCE);
  store<u32>(openPtr, slot, OPEN_FIRST);
  store<u32>(openPtr, slot, OPEN_LAST);
  store<u32>(openPtr, 1, OPEN_SEGMENTS);
  store<u32>(openPtr, payload, OPEN_SEGMENT_SIZE);
  store<u32>(openPtr, sequence + payload, OPEN_SEQUENCE);
  store<u32>(openPtr, segmentLength, OPEN_LENGTH);
  if (isPushed()) close(openPtr);
}

function append(openPtr: usize, slot: u32): void {
  const payload = segmentLength - segmentHeader;
  store<u32>(descriptorOf(load<u32>(openPtr, OPEN_LAST)), slot, DESCRIPTOR_BUNDLE_NEXT);
  store<u32>(descriptorOf(slot), segmentHeader, DESCRIPTOR_BUNDLE_SKIP);
  store<u32>(openPtr, slot, OPEN_LAST);
  store<u32>(openPtr, load<u32>(openPtr, OPEN_SEGMENTS) + 1, OPEN_SEGMENTS);
  store<u32>(openPtr, load<u32>(openPtr, OPEN_SEQUENCE) + payload, OPEN_SEQUENCE);
  store<u32>(openPtr, load<u32>(openPtr, OPEN_LENGTH) + payload, OPEN_LENGTH);
  const pushed = isPushed();
  if (pushed) {
    const firstPtr = <usize>load<u32>(descriptorOf(load<u32>(openPtr, OPEN_FIRST)), DESCRIPTOR_START);
    const flagsPtr = firstPtr + segmentUpper + TCP_FLAGS;
    store<u8>(flagsPtr, <u8>(<u32>load<u8>(flagsPtr) | TCP_PSH));
  }
  if (pushed || payload < load<u32>(openPtr, OPEN_SEGMENT_SIZE)) close(openPtr);
}

/** A segment that its sender wants handed up ends its bundle. */
function isPushed(): bool {
  return (<u32>load<u8>(segmentPtr + segmentUpper + TCP_FLAGS) & TCP_PSH) !== 0;
}

function freePlace(): usize {
  for (let index: u32 = 0; index < OPEN_MAX; index++) {
    const openPtr = openAt(index);
    if (load<u32>(openPtr, OPEN_FIRST) === SLOT_NONE) return openPtr;
  }
  nextVictim = (nextVictim + 1) % OPEN_MAX;
  const openPtr = openAt(nextVictim);
  close(openPtr);
  return openPtr;
}

/** Writes the headers of a bundle as it is now, and frees its place. */
function close(openPtr: usize): void {
  const first = load<u32>(openPtr, OPEN_FIRST);
  if (first === SLOT_NONE) return;
  free(openPtr);
  const packetPtr = <usize>load<u32>(descriptorOf(first), DESCRIPTOR_START);
  if (load<u32>(openPtr, OPEN_SEGMENTS) === 1) {
    writeNoOffload(packetPtr, VNET_CHECKSUM_VALID);
    return;
  }
  const isIpv6 = load<u8>(packetPtr) >> 4 === 6;
  const upper = isIpv6 ? IPV6_HEADER : IPV4_HEADER;
  const length = load<u32>(openPtr, OPEN_LENGTH);
  if (isIpv6) {
    storeNetwork16(packetPtr + IPV6_LENGTH, length - IPV6_HEADER);
  } else {
    storeNetwork16(packetPtr + IPV4_LENGTH, length);
    store<u16>(packetPtr + IPV4_CHECKSUM, 0);
    store<u16>(packetPtr + IPV4_CHECKSUM, checksum(packetPtr, IPV4_HEADER));
  }
  const tcpPtr = packetPtr + upper;
  const sum = pseudoHeaderSum(packetPtr, isIpv6 ? 6 : 4, PROTOCOL_TCP, length - upper);
  store<u16>(tcpPtr + TCP_CHECKSUM, sumFold(sum));
  const vnetPtr = packetPtr - VNET_HEADER;
  store<u8>(vnetPtr, VNET_NEEDS_CHECKSUM, VNET_FLAGS);
  store<u8>(vnetPtr, isIpv6 ? GSO_TCP_IPV6 : GSO_TCP_IPV4, VNET_GSO_TYPE);
  store<u16>(vnetPtr, upper + ((<u32>load<u8>(tcpPtr + TCP_OFFSET) >> 4) << 2), VNET_HEADER_OCTETS);
  store<u16>(vnetPtr, <u16>load<u32>(openPtr, OPEN_SEGMENT_SIZE), VNET_SEGMENT_SIZE);
  store<u16>(vnetPtr, <u16>upper, VNET_CHECKSUM_START);
  store<u16>(vnetPtr, <u16>TCP_CHECKSUM, VNET_CHECKSUM_OFFSET);
}

/** Says of a packet that it is one packet. Every packet slot has room before the packet. */
function writeNoOffload(packetPtr: usize, flags: u32): void {
  const vnetPtr = packetPtr - VNET_HEADER;
  store<u8>(vnetPtr, <u8>flags, VNET_FLAGS);
  store<u8>(vnetPtr, GSO_NONE, VNET_GSO_TYPE);
  store<u64>(vnetPtr, 0, VNET_HEADER_OCTETS);
}
