/**
 * An IPv4 header as AH covers it: what routers may change counts as zero, and the destination is the last one of a source route
 * (RFC 4302 section 3.3.3.1.1 and appendix A1). The identification and everything else is covered as it is.
 */
import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_TOS,
  IPV4_TTL,
} from '../packet/ip.ts';

/** IANA ip-parameters, with the copied flag. Those without a length octet first. */
const OPTION_END: u32 = 0;
const OPTION_NO_OPERATION: u32 = 1;
const OPTION_SECURITY: u32 = 130;
const OPTION_LOOSE_ROUTE: u32 = 131;
const OPTION_EXTENDED_SECURITY: u32 = 133;
const OPTION_COMMERCIAL_SECURITY: u32 = 134;
const OPTION_STRICT_ROUTE: u32 = 137;
const OPTION_ROUTER_ALERT: u32 = 148;
const OPTION_DIRECTED_MULTICAST: u32 = 149;

/** Octets of a source route before its addresses; its pointer counts from 1 (RFC 791 section 3.1). */
const ROUTE_HEADER: u32 = 3;
const ROUTE_POINTER: u32 = 2;
const FIRST_POINTER: u32 = 4;

/**
 * Turns a header in place into what AH covers of it; or, without `write`, only tells whether that can be done.
 *
 * @param headerLength as the header itself says
 * @returns false for options that do not fit into the header; then nothing is written
 */
export function coverIpv4(headerPtr: usize, headerLength: u32, write: bool): bool {
  if (!coverOptions(headerPtr, headerLength, false)) return false;
  if (!write) return true;
  coverOptions(headerPtr, headerLength, true);
  store<u8>(headerPtr + IPV4_TOS, 0);
  store<u16>(headerPtr + IPV4_FRAGMENT, 0);
  store<u8>(headerPtr + IPV4_TTL, 0);
  store<u16>(headerPtr + IPV4_CHECKSUM, 0);
  return true;
}

/** An option is one unit: of a mutable one type and length are zero too. */
function coverOptions(headerPtr: usize, headerLength: u32, write: bool): bool {
  for (let offset = IPV4_HEADER; offset < headerLength; ) {
    const optionPtr = headerPtr + offset;
    const option = <u32>load<u8>(optionPtr);
    if (option === OPTION_END) return true;
    if (option === OPTION_NO_OPERATION) {
      offset++;
      continue;
    }
    if (headerLength - offset < 2) return false;
    const length = <u32>load<u8>(optionPtr + 1);
    if (length < 2 || length > headerLength - offset) return false;
    if (option === OPTION_LOOSE_ROUTE || option === OPTION_STRICT_ROUTE) {
      if (!takeDestination(headerPtr, optionPtr, length, write)) return false;
    }
    if (write && !isImmutable(option)) memory.fill(optionPtr, 0, length);
    offset += length;
  }
  return true;
}

function isImmutable(option: u32): bool {
  return (
    option === OPTION_SECURITY ||
    option === OPTION_EXTENDED_SECURITY ||
    option === OPTION_COMMERCIAL_SECURITY ||
    option === OPTION_ROUTER_ALERT ||
    option === OPTION_DIRECTED_MULTICAST
  );
}

/** While a source route is not used up, its last address is where the packet will end. */
function takeDestination(headerPtr: usize, optionPtr: usize, length: u32, write: bool): bool {
  if (length < ROUTE_HEADER || ((length - ROUTE_HEADER) & 3) !== 0) return false;
  const pointer = <u32>load<u8>(optionPtr + ROUTE_POINTER);
  if (pointer < FIRST_POINTER || (pointer & 3) !== 0) return false;
  if (pointer > length) return true;
  if (write) store<u32>(headerPtr + IPV4_DESTINATION, load<u32>(optionPtr + length - 4));
  return true;
}
