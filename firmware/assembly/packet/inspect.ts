/**
 * Reads an IP packet once, at the edge: checks its header, walks IPv6 extension headers (bounded) and keeps what the SPD,
 * the SA and the encapsulation ask for. Every later step relies on these checks. Inspects inner packets of both directions;
 * outer headers of arriving packets are esp/outer-header.ts's business. RFC 4301 section 4.4.1.1, RFC 8200 section 4.
 *
 * The results are valid until the next call.
 */
import { DROP_EXTENSION_HEADERS, DROP_HEADER_CHECKSUM, DROP_HEADER_MALFORMED } from '../../abi/drop-code.ts';
import { PROTOCOL_UNKNOWN, VALUE_NONE } from '../../abi/spd-row.ts';
import { checksum } from './checksum.ts';
import {
  IPV4_DESTINATION,
  IPV4_DF,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_LENGTH,
  IPV4_MF,
  IPV4_OFFSET_MASK,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOS,
  IPV4_TTL,
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_HOP_LIMIT,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SOURCE,
  loadNetwork16,
  PROTOCOL_DCCP,
  PROTOCOL_DESTINATION,
  PROTOCOL_FRAGMENT,
  PROTOCOL_HIP,
  PROTOCOL_HOP_BY_HOP,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_MOBILITY,
  PROTOCOL_NONE,
  PROTOCOL_ROUTING,
  PROTOCOL_SCTP,
  PROTOCOL_SHIM6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  PROTOCOL_UDPLITE,
} from './ip.ts';

/**
 * The packet's selector: local and remote address (16 octets each; IPv4 in the first four), then local port, remote port,
 * ICMP type, ICMP code as u32, then protocol and family as u32. Comparing 56 octets compares selectors.
 */
export const SELECTOR: usize = memory.data(64, 16);
export const SELECTOR_LOCAL: u32 = 0;
export const SELECTOR_REMOTE: u32 = 16;
export const SELECTOR_VALUES: u32 = 32;
export const SELECTOR_PROTOCOL: u32 = 48;
export const SELECTOR_FAMILY: u32 = 52;

export const FRAGMENT_NONE: u32 = 0;
export const FRAGMENT_INITIAL: u32 = 1;
export const FRAGMENT_LATER: u32 = 2;

/** 4 or 6; 0 for a dummy. */
export let packetFamily: u32 = 0;
/** Octets from the first of the IP header to the last that the header counts; what follows is link padding. */
export let packetLength: u32 = 0;
export let packetProtocol: u32 = 0;
/** TOS or traffic class. */
export let packetTos: u32 = 0;
/** TTL or hop limit. */
export let packetTtl: u32 = 0;
/** DF of an IPv4 header; always true for IPv6, whose packets no router fragments. */
export let packetDontFragment: bool = false;
export let packetFragment: u32 = 0;
/** Where ESP goes in transport mode: octets before it, and the offset of the octet that names what follows (RFC 4303 section 3.1.1). */
export let packetInsertion: u32 = 0;
export let packetInsertionNameOffset: u32 = 0;
/** Octets before the upper layer, and the offset of the octet that names it; not set for a later fragment. */
export let packetUpper: u32 = 0;
export let packetUpperNameOffset: u32 = 0;

/** RFC 8200 expects each extension header once, destination options twice; more is not looked through. */
const EXTENSION_HEADERS_MAX: u32 = 8;

/**
 * Inspects `length` octets at `packetPtr`.
 *
 * @param outbound the source is local; otherwise the destination is
 * @returns 0, or the DROP_* reason for which the packet is not acceptable
 */
export function inspect(packetPtr: usize, length: u32, outbound: bool): u32 {
  v128.store(SELECTOR, i32x4.splat(0), SELECTOR_LOCAL);
  v128.store(SELECTOR, i32x4.splat(0), SELECTOR_REMOTE);
  v128.store(SELECTOR, i32x4.splat(VALUE_NONE), SELECTOR_VALUES);
  packetFragment = FRAGMENT_NONE;
  if (length < IPV4_HEADER) return DROP_HEADER_MALFORMED;
  const version = <u32>load<u8>(packetPtr) >> 4;
  let problem: u32 = DROP_HEADER_MALFORMED;
  if (version === 4) problem = inspectIpv4(packetPtr, length, outbound);
  else if (version === 6) problem = inspectIpv6(packetPtr, length, outbound);
  store<u32>(SELECTOR, packetProtocol, SELECTOR_PROTOCOL);
  store<u32>(SELECTOR, packetFamily, SELECTOR_FAMILY);
  return problem;
}

function inspectIpv4(packetPtr: usize, length: u32, outbound: bool): u32 {
  const headerLength = (<u32>load<u8>(packetPtr) & 15) << 2;
  packetLength = loadNetwork16(packetPtr + IPV4_LENGTH);
  if (headerLength < IPV4_HEADER || packetLength < headerLength || packetLength > length) {
    return DROP_HEADER_MALFORMED;
  }
  if (checksum(packetPtr, headerLength) !== 0) return DROP_HEADER_CHECKSUM;
  packetFamily = 4;
  packetTos = load<u8>(packetPtr + IPV4_TOS);
  packetTtl = load<u8>(packetPtr + IPV4_TTL);
  const fragment = loadNetwork16(packetPtr + IPV4_FRAGMENT);
  packetDontFragment = (fragment & IPV4_DF) !== 0;
  if ((fragment & IPV4_OFFSET_MASK) !== 0) packetFragment = FRAGMENT_LATER;
  else if ((fragment & IPV4_MF) !== 0) packetFragment = FRAGMENT_INITIAL;
  const source = load<u32>(packetPtr + IPV4_SOURCE);
  const destination = load<u32>(packetPtr + IPV4_DESTINATION);
  store<u32>(SELECTOR, outbound ? source : destination, SELECTOR_LOCAL);
  store<u32>(SELECTOR, outbound ? destination : source, SELECTOR_REMOTE);
  packetProtocol = load<u8>(packetPtr + IPV4_PROTOCOL);
  packetInsertion = headerLength;
  packetInsertionNameOffset = IPV4_PROTOCOL;
  packetUpper = headerLength;
  packetUpperNameOffset = IPV4_PROTOCOL;
  if (packetFragment === FRAGMENT_LATER) return 0;
  return inspectUpper(packetPtr + headerLength, packetLength - headerLength, outbound);
}

function inspectIpv6(packetPtr: usize, length: u32, outbound: bool): u32 {
  if (length < IPV6_HEADER) return DROP_HEADER_MALFORMED;
  packetLength = IPV6_HEADER + loadNetwork16(packetPtr + IPV6_LENGTH);
  if (packetLength > length) return DROP_HEADER_MALFORMED;
  packetFamily = 6;
  packetTos = (loadNetwork16(packetPtr) >> 4) & 0xff;
  packetTtl = load<u8>(packetPtr + IPV6_HOP_LIMIT);
  packetDontFragment = true;
  v128.store(SELECTOR + (outbound ? SELECTOR_LOCAL : SELECTOR_REMOTE), v128.load(packetPtr + IPV6_SOURCE));
  v128.store(
    SELECTOR + (outbound ? SELECTOR_REMOTE : SELECTOR_LOCAL),
    v128.load(packetPtr + IPV6_DESTINATION),
  );
  return walkExtensionHeaders(packetPtr, outbound);
}

/** RFC 8200 section 4: every header that is walked lies wholly within the packet. */
function walkExtensionHeaders(packetPtr: usize, outbound: bool): u32 {
  let nextHeader: u32 = load<u8>(packetPtr + IPV6_NEXT_HEADER);
  let offset = IPV6_HEADER;
  let seen: u32 = 0;
  packetInsertion = IPV6_HEADER;
  packetInsertionNameOffset = IPV6_NEXT_HEADER;
  packetUpperNameOffset = IPV6_NEXT_HEADER;
  while (isExtensionHeader(nextHeader)) {
    if (++seen > EXTENSION_HEADERS_MAX) return DROP_EXTENSION_HEADERS;
    if (packetLength - offset < 8) return DROP_HEADER_MALFORMED;
    const headerPtr = packetPtr + offset;
    const current = nextHeader;
    nextHeader = load<u8>(headerPtr);
    packetUpperNameOffset = offset;
    if (current === PROTOCOL_FRAGMENT) {
      const fragment = loadNetwork16(headerPtr + 2);
      offset += 8;
      // An "atomic" fragment (RFC 6946) is a whole packet.
      if (fragment >> 3 !== 0) packetFragment = FRAGMENT_LATER;
      else if ((fragment & 1) !== 0) packetFragment = FRAGMENT_INITIAL;
      if (packetFragment === FRAGMENT_LATER) {
        packetProtocol = isExtensionHeader(nextHeader) ? PROTOCOL_UNKNOWN : nextHeader;
        return 0;
      }
      continue;
    }
    const headerLength = (<u32>load<u8>(headerPtr + 1) + 1) << 3;
    if (packetLength - offset < headerLength) return DROP_HEADER_MALFORMED;
    offset += headerLength;
    // RFC 4303 section 3.1.1: ESP goes behind what routers on the way read.
    if (current === PROTOCOL_HOP_BY_HOP || current === PROTOCOL_ROUTING) {
      packetInsertion = offset;
      packetInsertionNameOffset = packetUpperNameOffset;
    }
  }
  packetProtocol = nextHeader;
  packetUpper = offset;
  return inspectUpper(packetPtr + offset, packetLength - offset, outbound);
}

function isExtensionHeader(protocol: u32): bool {
  return (
    protocol === PROTOCOL_HOP_BY_HOP ||
    protocol === PROTOCOL_DESTINATION ||
    protocol === PROTOCOL_ROUTING ||
    protocol === PROTOCOL_FRAGMENT ||
    protocol === PROTOCOL_MOBILITY ||
    protocol === PROTOCOL_HIP ||
    protocol === PROTOCOL_SHIM6
  );
}

/** Results for a dummy of `length` octets, which is no IP packet: what goes around it looks as it does around most others. */
export function inspectDummy(length: u32): void {
  packetFamily = 0;
  packetLength = length;
  packetProtocol = PROTOCOL_NONE;
  packetTos = 0;
  packetTtl = 0;
  packetDontFragment = true;
  packetFragment = FRAGMENT_NONE;
}

/** Ports, or ICMP type and code. A packet too short to have them is refused: a later fragment must not bring them. */
function inspectUpper(upperPtr: usize, length: u32, outbound: bool): u32 {
  if (packetProtocol === PROTOCOL_ICMP || packetProtocol === PROTOCOL_ICMPV6) {
    if (length < 2) return DROP_HEADER_MALFORMED;
    store<u32>(SELECTOR, load<u8>(upperPtr), SELECTOR_VALUES + 8);
    store<u32>(SELECTOR, load<u8>(upperPtr + 1), SELECTOR_VALUES + 12);
    return 0;
  }
  if (!hasPorts(packetProtocol)) return 0;
  if (length < 4) return DROP_HEADER_MALFORMED;
  const source = loadNetwork16(upperPtr);
  const destination = loadNetwork16(upperPtr + 2);
  store<u32>(SELECTOR, outbound ? source : destination, SELECTOR_VALUES);
  store<u32>(SELECTOR, outbound ? destination : source, SELECTOR_VALUES + 4);
  return 0;
}

function hasPorts(protocol: u32): bool {
  return (
    protocol === PROTOCOL_TCP ||
    protocol === PROTOCOL_UDP ||
    protocol === PROTOCOL_SCTP ||
    protocol === PROTOCOL_DCCP ||
    protocol === PROTOCOL_UDPLITE
  );
}
