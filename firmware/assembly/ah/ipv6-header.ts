/**
 * An IPv6 header and its extension headers before AH, as AH covers them: what routers may change counts as zero, and routing
 * headers are as they will be at the destination (RFC 4302 section 3.3.3.1.2 and appendix A2, RFC 6275 section 6.4).
 */
import {
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  PROTOCOL_DESTINATION,
  PROTOCOL_HOP_BY_HOP,
  PROTOCOL_ROUTING,
} from '../packet/ip.ts';

/** RFC 8200 section 4.2. */
const OPTION_PAD1: u32 = 0;
const OPTION_CHANGES_EN_ROUTE: u32 = 0x20;

/** RFC 8200 section 4.4, RFC 5095, RFC 6275 section 6.4. */
const ROUTING_TYPE: u32 = 2;
const ROUTING_SEGMENTS_LEFT: u32 = 3;
const ROUTING_ADDRESSES: u32 = 8;
const ROUTING_TYPE_SOURCE_ROUTE: u32 = 0;
const ROUTING_TYPE_HOME_ADDRESS: u32 = 2;

/**
 * Turns the headers in place into what AH covers of them; or, without `write`, only tells whether that can be done.
 *
 * @param headerLength octets before AH
 * @returns false for extension headers that are broken, that stand behind AH only, or whose end form nobody can tell; then
 *          nothing is written
 */
export function coverIpv6(headerPtr: usize, headerLength: u32, write: bool): bool {
  if (!coverExtensions(headerPtr, headerLength, false)) return false;
  if (!write) return true;
  coverExtensions(headerPtr, headerLength, true);
  // All but the version: traffic class and flow label.
  store<u32>(headerPtr, 0x60);
  store<u8>(headerPtr + IPV6_HOP_LIMIT, 0);
  return true;
}

function coverExtensions(headerPtr: usize, headerLength: u32, write: bool): bool {
  let current = <u32>load<u8>(headerPtr + IPV6_NEXT_HEADER);
  for (let offset = IPV6_HEADER; offset < headerLength; ) {
    const extensionPtr = headerPtr + offset;
    if (headerLength - offset < 8) return false;
    const length = (<u32>load<u8>(extensionPtr + 1) + 1) << 3;
    if (length > headerLength - offset) return false;
    if (current === PROTOCOL_HOP_BY_HOP || current === PROTOCOL_DESTINATION) {
      if (!coverOptions(extensionPtr, length, write)) return false;
    } else if (current !== PROTOCOL_ROUTING || !coverRouting(headerPtr, extensionPtr, length, write)) {
      return false;
    }
    current = load<u8>(extensionPtr);
    offset += length;
  }
  return true;
}

/** Type and length are covered; the data only of options that routers leave alone. */
function coverOptions(extensionPtr: usize, length: u32, write: bool): bool {
  for (let offset: u32 = 2; offset < length; ) {
    const optionPtr = extensionPtr + offset;
    const option = <u32>load<u8>(optionPtr);
    if (option === OPTION_PAD1) {
      offset++;
      continue;
    }
    if (length - offset < 2) return false;
    const octets = <u32>load<u8>(optionPtr + 1);
    if (octets > length - offset - 2) return false;
    if (write && (option & OPTION_CHANGES_EN_ROUTE) !== 0) memory.fill(optionPtr + 2, 0, octets);
    offset += 2 + octets;
  }
  return true;
}

/** Each node of the route exchanges the destination with its address in the header; here all that are left do. */
function coverRouting(headerPtr: usize, routingPtr: usize, length: u32, write: bool): bool {
  const segmentsLeft = <u32>load<u8>(routingPtr + ROUTING_SEGMENTS_LEFT);
  if (segmentsLeft === 0) return true;
  const type = <u32>load<u8>(routingPtr + ROUTING_TYPE);
  if (type !== ROUTING_TYPE_SOURCE_ROUTE && type !== ROUTING_TYPE_HOME_ADDRESS) return false;
  const addresses = (length - ROUTING_ADDRESSES) >> 4;
  if (((length - ROUTING_ADDRESSES) & 15) !== 0 || segmentsLeft > addresses) return false;
  if (!write) return true;
  const endPtr = routingPtr + ROUTING_ADDRESSES + ((<usize>addresses) << 4);
  for (let addressPtr = endPtr - ((<usize>segmentsLeft) << 4); addressPtr < endPtr; addressPtr += 16) {
    const next = v128.load(addressPtr);
    v128.store(addressPtr, v128.load(headerPtr, IPV6_DESTINATION));
    v128.store(headerPtr, next, IPV6_DESTINATION);
  }
  store<u8>(routingPtr + ROUTING_SEGMENTS_LEFT, 0);
  return true;
}
