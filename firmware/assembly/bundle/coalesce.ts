/**
 * Puts delivered TCP segments that follow each other together again, and UDP datagrams of one flow, so that the kernel takes them as one
 * packet (a bundle) and need not carry each one up its stack. Nothing is copied: followers are linked behind the first, without
 * their headers.
 *
 * Only what the kernel's own receive offload would put together, and could cut again to the very same packets
 * (net/ipv4/tcp_offload.c, udp_offload.c, net/core/gro.c): one flow, in their order, equal headers, right checksums. A packet that
 * does not fit ends its flow's bundle, so that nothing overtakes within a flow.
 */
import {
  GSO_NONE,
  GSO_TCP_IPV4,
  GSO_TCP_IPV6,
  GSO_UDP,
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
import { checksum, sumFold } from '../packet/checksum.ts';
import {
  IPV4_CHECKSUM,
  IPV4_HEADER,
  IPV4_LENGTH,
  IPV6_HEADER,
  IPV6_LENGTH,
  loadNetwork32,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  storeNetwork16,
  TCP_CHECKSUM,
  TCP_FLAGS,
  TCP_OFFSET,
  TCP_PSH,
  TCP_SEQUENCE,
  UDP_CHECKSUM,
  UDP_HEADER,
  UDP_LENGTH,
} from '../packet/ip.ts';
import { pseudoHeaderSum } from '../packet/pseudo-header.ts';
import { descriptors, packetSlots } from '../regions.ts';
import {
  hasLikeHeaders,
  headerLength,
  isPushed,
  isSameFlow,
  packetLength,
  packetPtr,
  payloadLength,
  protocol,
  readCandidate,
  upper,
} from './candidate.ts';

/** Bundles that may grow at a time, one a flow; a flow beyond them takes the place of one, each in its turn. */
const OPEN_MAX: u32 = 8;
const OPEN_SIZE: u32 = 32;
const OPEN_FIRST: u32 = 0; // slot of the first packet; SLOT_NONE: free
const OPEN_LAST: u32 = 4; // slot of the last so far
const OPEN_SEGMENTS: u32 = 8;
const OPEN_SEGMENT_SIZE: u32 = 12;
const OPEN_SEQUENCE: u32 = 16; // of the segment to come, with TCP
const OPEN_LENGTH: u32 = 20; // octets of the packet so far, header included
const OPEN_PROTOCOL: u32 = 24;
const openBundles: usize = memory.data(256, 16);
let nextVictim: u32 = 0;

/** Octets of a packet, whose length field has 16 bits. */
const PACKET_OCTETS_MAX: u32 = 65535;
/** All kernels that take bundles of UDP take so many datagrams (UDP_MAX_SEGMENTS, which grew later). */
const DATAGRAMS_MAX: u32 = 64;

/**
 * Links the packets of slots `first` to `first + count - 1` that are delivered to bundles, and writes a virtio_net_hdr before
 * the first of each. A packet that joins no other is a bundle of its own.
 *
 * @param withUdp whether the kernel takes bundles of UDP
 */
export function coalesce(first: u32, count: u32, withUdp: bool): void {
  if (first >= packetSlots) return;
  const end = first + min(count, packetSlots - first);
  for (let index: u32 = 0; index < OPEN_MAX; index++) free(openAt(index));
  for (let slot = first; slot < end; slot++) {
    const descriptorPtr = descriptorOf(slot);
    if (load<u32>(descriptorPtr, DESCRIPTOR_VERDICT) !== VERDICT_DELIVER) continue;
    store<u32>(descriptorPtr, SLOT_NONE, DESCRIPTOR_BUNDLE_NEXT);
    store<u32>(descriptorPtr, 0, DESCRIPTOR_BUNDLE_SKIP);
    const ptr = <usize>load<u32>(descriptorPtr, DESCRIPTOR_START);
    if (readCandidate(ptr, load<u32>(descriptorPtr, DESCRIPTOR_LENGTH), withUdp)) {
      place(slot);
    } else {
      writeNoOffload(ptr, 0);
      // It may be of any UDP flow, and nothing in a datagram tells that one is missing before it. TCP's sequence numbers do.
      if (withUdp && protocol !== PROTOCOL_TCP) closeDatagrams();
    }
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

function closeDatagrams(): void {
  for (let index: u32 = 0; index < OPEN_MAX; index++) {
    const openPtr = openAt(index);
    if (load<u32>(openPtr, OPEN_PROTOCOL) === PROTOCOL_UDP) close(openPtr);
  }
}

/** Appends the packet in `slot` to its flow's bundle, or begins a new one. */
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

/** The bundle that the packet's flow has, or 0. */
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

/** Whether the kernel would cut the bundle with this packet behind it to what arrived. */
function continues(openPtr: usize): bool {
  const firstPtr = <usize>load<u32>(descriptorOf(load<u32>(openPtr, OPEN_FIRST)), DESCRIPTOR_START);
  const payload = payloadLength();
  const segments = load<u32>(openPtr, OPEN_SEGMENTS);
  const isNext =
    protocol === PROTOCOL_TCP
      ? loadNetwork32(packetPtr + upper + TCP_SEQUENCE) === load<u32>(openPtr, OPEN_SEQUENCE)
      : segments < DATAGRAMS_MAX;
  return (
    isNext &&
    payload <= load<u32>(openPtr, OPEN_SEGMENT_SIZE) &&
    load<u32>(openPtr, OPEN_LENGTH) + payload <= PACKET_OCTETS_MAX &&
    hasLikeHeaders(firstPtr, segments)
  );
}

function begin(openPtr: usize, slot: u32): void {
  const payload = payloadLength();
  store<u32>(openPtr, slot, OPEN_FIRST);
  store<u32>(openPtr, slot, OPEN_LAST);
  store<u32>(openPtr, 1, OPEN_SEGMENTS);
  store<u32>(openPtr, payload, OPEN_SEGMENT_SIZE);
  store<u32>(openPtr, packetLength, OPEN_LENGTH);
  store<u32>(openPtr, protocol, OPEN_PROTOCOL);
  if (protocol === PROTOCOL_TCP)
    store<u32>(openPtr, loadNetwork32(packetPtr + upper + TCP_SEQUENCE) + payload, OPEN_SEQUENCE);
  if (isPushed()) close(openPtr);
}

function append(openPtr: usize, slot: u32): void {
  const payload = payloadLength();
  store<u32>(descriptorOf(load<u32>(openPtr, OPEN_LAST)), slot, DESCRIPTOR_BUNDLE_NEXT);
  store<u32>(descriptorOf(slot), headerLength, DESCRIPTOR_BUNDLE_SKIP);
  store<u32>(openPtr, slot, OPEN_LAST);
  store<u32>(openPtr, load<u32>(openPtr, OPEN_SEGMENTS) + 1, OPEN_SEGMENTS);
  store<u32>(openPtr, load<u32>(openPtr, OPEN_SEQUENCE) + payload, OPEN_SEQUENCE);
  store<u32>(openPtr, load<u32>(openPtr, OPEN_LENGTH) + payload, OPEN_LENGTH);
  const pushed = isPushed();
  if (pushed) {
    const firstPtr = <usize>load<u32>(descriptorOf(load<u32>(openPtr, OPEN_FIRST)), DESCRIPTOR_START);
    const flagsPtr = firstPtr + upper + TCP_FLAGS;
    store<u8>(flagsPtr, <u8>(<u32>load<u8>(flagsPtr) | TCP_PSH));
  }
  if (pushed || payload < load<u32>(openPtr, OPEN_SEGMENT_SIZE)) close(openPtr);
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
  const bundlePtr = <usize>load<u32>(descriptorOf(first), DESCRIPTOR_START);
  if (load<u32>(openPtr, OPEN_SEGMENTS) === 1) {
    writeNoOffload(bundlePtr, VNET_CHECKSUM_VALID);
    return;
  }
  const isIpv6 = load<u8>(bundlePtr) >> 4 === 6;
  const upperAt = isIpv6 ? IPV6_HEADER : IPV4_HEADER;
  const length = load<u32>(openPtr, OPEN_LENGTH);
  if (isIpv6) {
    storeNetwork16(bundlePtr + IPV6_LENGTH, length - IPV6_HEADER);
  } else {
    storeNetwork16(bundlePtr + IPV4_LENGTH, length);
    store<u16>(bundlePtr + IPV4_CHECKSUM, 0);
    store<u16>(bundlePtr + IPV4_CHECKSUM, checksum(bundlePtr, IPV4_HEADER));
  }
  const upperPtr = bundlePtr + upperAt;
  const isTcp = load<u32>(openPtr, OPEN_PROTOCOL) === PROTOCOL_TCP;
  const checksumOffset = isTcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  if (!isTcp) storeNetwork16(upperPtr + UDP_LENGTH, length - upperAt);
  const sum = pseudoHeaderSum(
    bundlePtr,
    isIpv6 ? 6 : 4,
    isTcp ? PROTOCOL_TCP : PROTOCOL_UDP,
    length - upperAt,
  );
  store<u16>(upperPtr + checksumOffset, sumFold(sum));
  const upperHeader = isTcp ? (<u32>load<u8>(upperPtr + TCP_OFFSET) >> 4) << 2 : UDP_HEADER;
  const vnetPtr = bundlePtr - VNET_HEADER;
  store<u8>(vnetPtr, VNET_NEEDS_CHECKSUM, VNET_FLAGS);
  store<u8>(vnetPtr, isTcp ? (isIpv6 ? GSO_TCP_IPV6 : GSO_TCP_IPV4) : GSO_UDP, VNET_GSO_TYPE);
  store<u16>(vnetPtr, upperAt + upperHeader, VNET_HEADER_OCTETS);
  store<u16>(vnetPtr, <u16>load<u32>(openPtr, OPEN_SEGMENT_SIZE), VNET_SEGMENT_SIZE);
  store<u16>(vnetPtr, <u16>upperAt, VNET_CHECKSUM_START);
  store<u16>(vnetPtr, <u16>checksumOffset, VNET_CHECKSUM_OFFSET);
}

/** Says of a packet that it is one packet. Every packet slot has room before the packet. */
function writeNoOffload(packetPtr: usize, flags: u32): void {
  const vnetPtr = packetPtr - VNET_HEADER;
  store<u8>(vnetPtr, <u8>flags, VNET_FLAGS);
  store<u8>(vnetPtr, GSO_NONE, VNET_GSO_TYPE);
  store<u64>(vnetPtr, 0, VNET_HEADER_OCTETS);
}
