/**
 * Encapsulates the inspected packet, in tunnel or transport mode: whether it fits (for AH too, whose rest is in `ah/`), then ESP
 * around it and the outer header before it (RFC 4303 sections 3.1 and 3.3, RFC 4301 section 5.1.2). Decides no SA, lifetime or
 * sequence number.
 */
import {
  DESCRIPTOR_AH,
  DESCRIPTOR_DONT_FRAGMENT,
  DESCRIPTOR_ESP_LENGTH,
  DESCRIPTOR_ESP_START,
  DESCRIPTOR_FAMILY,
  DESCRIPTOR_INPUT,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LOCAL,
  DESCRIPTOR_LOCAL_PORT,
  DESCRIPTOR_MTU,
  DESCRIPTOR_PEER,
  DESCRIPTOR_PEER_PORT,
  DESCRIPTOR_START,
  DESCRIPTOR_TOS,
  DESCRIPTOR_TTL,
  DESCRIPTOR_UDP,
  INPUT_DECREMENT_TTL,
} from '../../abi/descriptor.ts';
import {
  DROP_AH_HEADER,
  DROP_PACKET_TOO_BIG,
  DROP_PROTOCOL_MISMATCH,
  DROP_TRANSPORT_FRAGMENT,
  DROP_TTL_EXCEEDED,
} from '../../abi/drop-code.ts';
import {
  SA_DSCP,
  SA_FLAG_AH,
  SA_FLAG_DF_CLEAR,
  SA_FLAG_DF_SET,
  SA_FLAG_DSCP_SET,
  SA_FLAG_OUTER_IPV6,
  SA_FLAG_TRANSPORT,
  SA_FLAG_UDP,
  SA_LOCAL_ADDRESS,
  SA_LOCAL_PORT,
  SA_PATH_MTU,
  SA_PEER_ADDRESS,
  SA_PEER_PORT,
} from '../../abi/sa-slot.ts';
import { ahLength } from '../ah/geometry.ts';
import { isCoverable } from '../ah/icv.ts';
import { ECN_MASK } from '../packet/ecn.ts';
import {
  FRAGMENT_NONE,
  packetDontFragment,
  packetFamily,
  packetFragment,
  packetInsertion,
  packetInsertionNameOffset,
  packetLength,
  packetTos,
  packetTtl,
} from '../packet/inspect.ts';
import {
  IPV4_TTL,
  IPV6_HOP_LIMIT,
  PROTOCOL_ESP,
  PROTOCOL_IPV4,
  PROTOCOL_IPV6,
  PROTOCOL_NONE,
  PROTOCOL_UDP,
  UDP_HEADER,
} from '../packet/ip.ts';
import { OUTER_TTL, outerHeaderLength, writeIpv4, writeIpv6, writeUdp } from '../packet/outer-header.ts';
import { setPayload } from '../packet/transport-header.ts';
import { cipherAddress, hasFlag, slotAddress } from '../sad/slot.ts';
import { largestPayload, payloadOffset, sealedLength } from './geometry.ts';
import { seal } from './seal.ts';
import { sumUdp } from './seal-queue.ts';
import { tfcLength } from './tfc.ts';

/** Every IPv6 link carries this (RFC 8200 section 5): asking a sender for less is useless, so such packets are fragmented outside. */
const IPV6_MINIMUM_MTU: u32 = 1280;
const IPV4_MINIMUM_MTU: u32 = 68;
const PACKET_LENGTH_MAX: u32 = 65535;

/**
 * Octets that the SA counts of the inspected packet: all of it, with padding, in tunnel mode, what is behind ESP or AH in
 * transport mode.
 */
export function payloadLengthOf(descriptorPtr: usize, slotPtr: usize): u32 {
  if (isTransport(slotPtr)) return packetLength - packetInsertion;
  return tfcLength(descriptorPtr, slotPtr, <usize>load<u32>(descriptorPtr, DESCRIPTOR_START), packetLength);
}

/** A dummy has no header of its own that ESP could go behind: it gets one as in tunnel mode. */
function isTransport(slotPtr: usize): bool {
  return hasFlag(slotPtr, SA_FLAG_TRANSPORT) && packetFamily !== 0;
}

/** Whether the packet may go through the SA as it is: fragment, MTU, TTL. Returns 0 or the reason to drop it. */
export function checkEncapsulation(descriptorPtr: usize, slotPtr: usize, payloadLength: u32): u32 {
  const transport = isTransport(slotPtr);
  // RFC 4303 section 3.3.4: transport mode is applied to whole packets only.
  if (transport && packetFragment !== FRAGMENT_NONE) return DROP_TRANSPORT_FRAGMENT;
  const ipv6 = transport ? packetFamily === 6 : hasFlag(slotPtr, SA_FLAG_OUTER_IPV6);
  const header = transport ? packetInsertion : outerHeaderLength(ipv6);
  const overhead = header + (hasFlag(slotPtr, SA_FLAG_UDP) ? UDP_HEADER : 0);
  const ah = hasFlag(slotPtr, SA_FLAG_AH);
  // Only ESP has dummies (RFC 4303 section 2.6).
  if (ah && packetFamily === 0) return DROP_PROTOCOL_MISMATCH;
  if (ah && transport && !isCoverable(<usize>load<u32>(descriptorPtr, DESCRIPTOR_START), packetInsertion))
    return DROP_AH_HEADER;
  const ahOctets = ah ? ahLength(slotPtr, ipv6) : 0;
  const outerLength = overhead + (ah ? ahOctets + payloadLength : sealedLength(slotPtr, payloadLength));
  const pathMtu = load<u32>(slotPtr, SA_PATH_MTU);
  // A kernel that gets the outer header from us, as AH needs it, does not fragment.
  const limit =
    pathMtu === 0 || (!ah && !outerDontFragment(slotPtr))
      ? PACKET_LENGTH_MAX
      : min(pathMtu, PACKET_LENGTH_MAX);
  if (outerLength > limit) {
    const room = max(limit, overhead + ahOctets) - overhead - ahOctets;
    const fits = (ah ? room : largestPayload(slotPtr, room)) + (transport ? packetInsertion : 0);
    store<u32>(
      descriptorPtr,
      max(fits, packetFamily === 6 ? IPV6_MINIMUM_MTU : IPV4_MINIMUM_MTU),
      DESCRIPTOR_MTU,
    );
    return DROP_PACKET_TOO_BIG;
  }
  const decrement = (load<u32>(descriptorPtr, DESCRIPTOR_INPUT) & INPUT_DECREMENT_TTL) !== 0;
  if (decrement && packetTtl <= 1) return DROP_TTL_EXCEEDED;
  return 0;
}

/** True when the packet must not be fragmented outside either (RFC 4301 section 8.1). */
export function outerDontFragment(slotPtr: usize): bool {
  if (packetFamily === 6 && packetLength <= IPV6_MINIMUM_MTU) return false;
  if (isTransport(slotPtr)) return packetDontFragment;
  if (hasFlag(slotPtr, SA_FLAG_DF_SET)) return true;
  return !hasFlag(slotPtr, SA_FLAG_DF_CLEAR) && packetDontFragment;
}

/** TOS of the outer header in tunnel mode: RFC 4301 section 5.1.2.1 for DSCP; RFC 6040 section 4.1: ECN is copied. */
export function outerTos(slotPtr: usize): u32 {
  return hasFlag(slotPtr, SA_FLAG_DSCP_SET)
    ? (load<u32>(slotPtr, SA_DSCP) << 2) | (packetTos & ECN_MASK)
    : packetTos;
}

/** Turns the inspected packet into what is sent, in place; the descriptor then tells where it is and to whom it goes. */
export function encapsulate(
  descriptorPtr: usize,
  slotIndex: u32,
  packetPtr: usize,
  payloadLength: u32,
  sequence: u64,
): void {
  if (isTransport(slotAddress(slotIndex))) {
    sealTransport(descriptorPtr, slotIndex, packetPtr, payloadLength, sequence);
  } else {
    sealTunnel(descriptorPtr, slotIndex, packetPtr, payloadLength, sequence);
  }
}

/** RFC 4303 section 3.1.2: the whole packet becomes the payload. */
function sealTunnel(
  descriptorPtr: usize,
  slotIndex: u32,
  packetPtr: usize,
  payloadLength: u32,
  sequence: u64,
): void {
  const slotPtr = slotAddress(slotIndex);
  const nextHeader = packetFamily === 6 ? PROTOCOL_IPV6 : packetFamily === 4 ? PROTOCOL_IPV4 : PROTOCOL_NONE;
  memory.fill(packetPtr + packetLength, 0, payloadLength - packetLength);
  const espLength = seal(slotPtr, cipherAddress(slotIndex), packetPtr, payloadLength, nextHeader, sequence);
  const espPtr = packetPtr - payloadOffset(slotPtr);
  const ipv6 = hasFlag(slotPtr, SA_FLAG_OUTER_IPV6);
  const udp = hasFlag(slotPtr, SA_FLAG_UDP);
  const carrierPtr = udp ? espPtr - UDP_HEADER : espPtr;
  const headerPtr = carrierPtr - outerHeaderLength(ipv6);
  const length = <u32>(espPtr - headerPtr) + espLength;
  const tos = outerTos(slotPtr);
  const dontFragment = outerDontFragment(slotPtr);
  const protocol = udp ? PROTOCOL_UDP : PROTOCOL_ESP;
  if (ipv6) writeIpv6(slotPtr, headerPtr, length, protocol, tos);
  else writeIpv4(slotPtr, headerPtr, length, protocol, tos, dontFragment);
  if (udp) writeUdp(slotPtr, carrierPtr, espLength);
  if (udp && ipv6) sumUdp(headerPtr, carrierPtr, UDP_HEADER + espLength);
  // A source may fragment IPv6 itself, so there DF says nothing.
  describe(
    descriptorPtr,
    slotPtr,
    headerPtr,
    length,
    espPtr,
    espLength,
    tos,
    dontFragment && !ipv6,
    OUTER_TTL,
  );
}

/** RFC 4303 section 3.1.1: ESP goes between the packet's own header and what that header carries. */
function sealTransport(
  descriptorPtr: usize,
  slotIndex: u32,
  packetPtr: usize,
  payloadLength: u32,
  sequence: u64,
): void {
  const slotPtr = slotAddress(slotIndex);
  const payloadPtr = packetPtr + packetInsertion;
  const espPtr = payloadPtr - payloadOffset(slotPtr);
  const udp = hasFlag(slotPtr, SA_FLAG_UDP);
  const carrierPtr = udp ? espPtr - UDP_HEADER : espPtr;
  const headerPtr = carrierPtr - packetInsertion;
  memory.copy(headerPtr, packetPtr, packetInsertion);
  const nextHeader = load<u8>(headerPtr + packetInsertionNameOffset);
  const espLength = seal(slotPtr, cipherAddress(slotIndex), payloadPtr, payloadLength, nextHeader, sequence);
  const length = <u32>(espPtr - headerPtr) + espLength;
  const protocol = udp ? PROTOCOL_UDP : PROTOCOL_ESP;
  const ipv6 = packetFamily === 6;
  setPayload(headerPtr, packetInsertion, packetInsertionNameOffset, protocol, length - packetInsertion, ipv6);
  if (udp) writeUdp(slotPtr, carrierPtr, espLength);
  if (udp && ipv6) sumUdp(headerPtr, carrierPtr, UDP_HEADER + espLength);
  const dontFragment = packetFamily === 4 && packetDontFragment;
  const ttl = <u32>load<u8>(headerPtr + (packetFamily === 6 ? IPV6_HOP_LIMIT : IPV4_TTL));
  describe(descriptorPtr, slotPtr, headerPtr, length, espPtr, espLength, packetTos, dontFragment, ttl);
}

/** Tells the host where the packet is now and how its carrier has to be addressed. */
export function describe(
  descriptorPtr: usize,
  slotPtr: usize,
  headerPtr: usize,
  length: u32,
  espPtr: usize,
  espLength: u32,
  tos: u32,
  dontFragment: bool,
  ttl: u32,
): void {
  store<u32>(descriptorPtr, <u32>headerPtr, DESCRIPTOR_START);
  store<u32>(descriptorPtr, length, DESCRIPTOR_LENGTH);
  store<u32>(descriptorPtr, <u32>espPtr, DESCRIPTOR_ESP_START);
  store<u32>(descriptorPtr, espLength, DESCRIPTOR_ESP_LENGTH);
  store<u32>(descriptorPtr, tos, DESCRIPTOR_TOS);
  store<u32>(descriptorPtr, dontFragment ? 1 : 0, DESCRIPTOR_DONT_FRAGMENT);
  store<u32>(descriptorPtr, ttl, DESCRIPTOR_TTL);
  store<u32>(descriptorPtr, hasFlag(slotPtr, SA_FLAG_OUTER_IPV6) ? 6 : 4, DESCRIPTOR_FAMILY);
  store<u32>(descriptorPtr, hasFlag(slotPtr, SA_FLAG_AH) ? 1 : 0, DESCRIPTOR_AH);
  const udp = hasFlag(slotPtr, SA_FLAG_UDP);
  store<u32>(descriptorPtr, udp ? 1 : 0, DESCRIPTOR_UDP);
  store<u32>(descriptorPtr, udp ? load<u32>(slotPtr, SA_PEER_PORT) : 0, DESCRIPTOR_PEER_PORT);
  store<u32>(descriptorPtr, udp ? load<u32>(slotPtr, SA_LOCAL_PORT) : 0, DESCRIPTOR_LOCAL_PORT);
  v128.store(descriptorPtr, v128.load(slotPtr, SA_PEER_ADDRESS), DESCRIPTOR_PEER);
  v128.store(descriptorPtr, v128.load(slotPtr, SA_LOCAL_ADDRESS), DESCRIPTOR_LOCAL);
}
