/**
 * Gives a payload that came out of transport mode its IP header back: the one that it arrived behind, or, where a socket kept
 * that one, a new one with the same addresses, TOS and the usual TTL. RFC 4303 section 3.1.1.
 */
import {
  DESCRIPTOR_FAMILY,
  DESCRIPTOR_LOCAL,
  DESCRIPTOR_PEER,
  DESCRIPTOR_START,
  DESCRIPTOR_TOS,
} from '../../abi/descriptor.ts';
import { carrierHeaderLength, carrierNameOffset } from './carrier.ts';
import { checksum } from './checksum.ts';
import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_HEADER,
  IPV4_LENGTH,
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
  storeNetwork16,
  storeNetwork32,
} from './ip.ts';
import { OUTER_TTL } from './outer-header.ts';

/** What a length field of 16 bits can say. */
const LENGTH_MAX: u32 = 65535;

/**
 * Writes the header right before the payload of the packet that `locateIpsec` located.
 *
 * @returns address of the header; 0 where no header can say how long the payload is
 */
export function restoreHeader(
  descriptorPtr: usize,
  payloadPtr: usize,
  payloadLength: u32,
  nextHeader: u32,
): usize {
  const ipv6 = load<u32>(descriptorPtr, DESCRIPTOR_FAMILY) === 6;
  if (carrierHeaderLength === 0) {
    // IPv4 counts its header, IPv6 does not. A header that came along was longer, with ESP behind it.
    if (payloadLength > (ipv6 ? LENGTH_MAX : LENGTH_MAX - IPV4_HEADER)) return 0;
    return ipv6
      ? buildIpv6(descriptorPtr, payloadPtr, payloadLength, nextHeader)
      : buildIpv4(descriptorPtr, payloadPtr, payloadLength, nextHeader);
  }
  const headerPtr = payloadPtr - carrierHeaderLength;
  memory.copy(headerPtr, <usize>load<u32>(descriptorPtr, DESCRIPTOR_START), carrierHeaderLength);
  setPayload(headerPtr, carrierHeaderLength, carrierNameOffset, nextHeader, payloadLength, ipv6);
  return headerPtr;
}

/**
 * Lets a header say that it carries `payloadLength` octets of `protocol`.
 *
 * @param headerLength octets of the IP header with its options or extension headers
 * @param nameOffset   where the octet is that names what follows them
 */
export function setPayload(
  headerPtr: usize,
  headerLength: u32,
  nameOffset: u32,
  protocol: u32,
  payloadLength: u32,
  ipv6: bool,
): void {
  store<u8>(headerPtr + nameOffset, <u8>protocol);
  if (ipv6) {
    storeNetwork16(headerPtr + IPV6_LENGTH, headerLength - IPV6_HEADER + payloadLength);
    return;
  }
  storeNetwork16(headerPtr + IPV4_LENGTH, headerLength + payloadLength);
  store<u16>(headerPtr + IPV4_CHECKSUM, 0);
  store<u16>(headerPtr + IPV4_CHECKSUM, checksum(headerPtr, headerLength));
}

function buildIpv4(descriptorPtr: usize, payloadPtr: usize, payloadLength: u32, protocol: u32): usize {
  const headerPtr = payloadPtr - IPV4_HEADER;
  memory.fill(headerPtr, 0, IPV4_HEADER);
  store<u8>(headerPtr, 0x45);
  store<u8>(headerPtr + IPV4_TOS, <u8>load<u32>(descriptorPtr, DESCRIPTOR_TOS));
  storeNetwork16(headerPtr + IPV4_LENGTH, IPV4_HEADER + payloadLength);
  store<u8>(headerPtr + IPV4_TTL, <u8>OUTER_TTL);
  store<u8>(headerPtr + IPV4_PROTOCOL, <u8>protocol);
  store<u32>(headerPtr + IPV4_SOURCE, load<u32>(descriptorPtr, DESCRIPTOR_PEER));
  store<u32>(headerPtr + IPV4_DESTINATION, load<u32>(descriptorPtr, DESCRIPTOR_LOCAL));
  store<u16>(headerPtr + IPV4_CHECKSUM, checksum(headerPtr, IPV4_HEADER));
  return headerPtr;
}

/** Writes an IPv6 header with the addresses and the traffic class of the descriptor before `payloadPtr`. Returns its address. */
export function buildIpv6(
  descriptorPtr: usize,
  payloadPtr: usize,
  payloadLength: u32,
  nextHeader: u32,
): usize {
  const headerPtr = payloadPtr - IPV6_HEADER;
  storeNetwork32(headerPtr, 0x60000000 | ((load<u32>(descriptorPtr, DESCRIPTOR_TOS) & 0xff) << 20));
  storeNetwork16(headerPtr + IPV6_LENGTH, payloadLength);
  store<u8>(headerPtr + IPV6_NEXT_HEADER, <u8>nextHeader);
  store<u8>(headerPtr + IPV6_HOP_LIMIT, <u8>OUTER_TTL);
  v128.store(headerPtr + IPV6_SOURCE, v128.load(descriptorPtr, DESCRIPTOR_PEER));
  v128.store(headerPtr + IPV6_DESTINATION, v128.load(descriptorPtr, DESCRIPTOR_LOCAL));
  return headerPtr;
}
