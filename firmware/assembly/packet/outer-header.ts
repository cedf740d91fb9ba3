/**
 * Writes the headers before an ESP or AH packet: UDP (RFC 3948) and, in tunnel mode, IPv4 or IPv6. Decides nothing about TOS, DF
 * or where ESP and AH go.
 */
import { SA_LOCAL_ADDRESS, SA_LOCAL_PORT, SA_PEER_ADDRESS, SA_PEER_PORT } from '../../abi/sa-slot.ts';
import { checksum, checksumAdd, checksumFold } from './checksum.ts';
import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_DF,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_IDENTIFICATION,
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
  PROTOCOL_UDP,
  storeNetwork16,
  storeNetwork32,
  UDP_CHECKSUM,
  UDP_DESTINATION_PORT,
  UDP_HEADER,
  UDP_LENGTH,
  UDP_SOURCE_PORT,
} from './ip.ts';
import { pseudoHeaderSum } from './pseudo-header.ts';

/** IANA's recommended default. */
export const OUTER_TTL: u32 = 64;

/** Counts outer packets that may be fragmented, so that fragments of two are not mixed up (RFC 6864 section 4.2). */
let identification: u32 = 0;

/** An IPv4 identification. Never 0: over that a raw socket writes its own, and AH covers it. */
export function nextIdentification(): u32 {
  identification = (identification % 0xffff) + 1;
  return identification;
}

/** Octets of the outer IP header of a family. */
export function outerHeaderLength(ipv6: bool): u32 {
  return ipv6 ? IPV6_HEADER : IPV4_HEADER;
}

/** Writes the outer IPv4 header of an SA at `headerPtr`, for a packet of `length` octets with the header. */
export function writeIpv4(
  slotPtr: usize,
  headerPtr: usize,
  length: u32,
  protocol: u32,
  tos: u32,
  dontFragment: bool,
): void {
  store<u8>(headerPtr, 0x45);
  store<u8>(headerPtr + IPV4_TOS, <u8>tos);
  storeNetwork16(headerPtr + IPV4_LENGTH, length);
  storeNetwork16(headerPtr + IPV4_IDENTIFICATION, nextIdentification());
  storeNetwork16(headerPtr + IPV4_FRAGMENT, dontFragment ? IPV4_DF : 0);
  store<u8>(headerPtr + IPV4_TTL, <u8>OUTER_TTL);
  store<u8>(headerPtr + IPV4_PROTOCOL, <u8>protocol);
  store<u16>(headerPtr + IPV4_CHECKSUM, 0);
  store<u32>(headerPtr + IPV4_SOURCE, load<u32>(slotPtr, SA_LOCAL_ADDRESS));
  store<u32>(headerPtr + IPV4_DESTINATION, load<u32>(slotPtr, SA_PEER_ADDRESS));
  store<u16>(headerPtr + IPV4_CHECKSUM, checksum(headerPtr, IPV4_HEADER));
}

/** Writes the outer IPv6 header of an SA at `headerPtr`, for a packet of `length` octets with the header. */
export function writeIpv6(slotPtr: usize, headerPtr: usize, length: u32, nextHeader: u32, tos: u32): void {
  storeNetwork32(headerPtr, 0x60000000 | (tos << 20));
  storeNetwork16(headerPtr + IPV6_LENGTH, length - IPV6_HEADER);
  store<u8>(headerPtr + IPV6_NEXT_HEADER, <u8>nextHeader);
  store<u8>(headerPtr + IPV6_HOP_LIMIT, <u8>OUTER_TTL);
  v128.store(headerPtr + IPV6_SOURCE, v128.load(slotPtr, SA_LOCAL_ADDRESS));
  v128.store(headerPtr + IPV6_DESTINATION, v128.load(slotPtr, SA_PEER_ADDRESS));
}

/** Writes the UDP header of an SA at `udpPtr`, with checksum 0, for `espLength` octets of ESP behind it. */
export function writeUdp(slotPtr: usize, udpPtr: usize, espLength: u32): void {
  storeNetwork16(udpPtr + UDP_SOURCE_PORT, load<u32>(slotPtr, SA_LOCAL_PORT));
  storeNetwork16(udpPtr + UDP_DESTINATION_PORT, load<u32>(slotPtr, SA_PEER_PORT));
  storeNetwork16(udpPtr + UDP_LENGTH, UDP_HEADER + espLength);
  // RFC 3948 section 2.1: zero over IPv4; over IPv6 `writeUdpChecksum` follows.
  store<u16>(udpPtr + UDP_CHECKSUM, 0);
}

/** Computes the UDP checksum that IPv6 requires (RFC 8200 section 8.1), with the addresses of the header at `headerPtr`. */
export function writeUdpChecksum(headerPtr: usize, udpPtr: usize, udpLength: u32): void {
  const pseudoHeader = pseudoHeaderSum(headerPtr, 6, PROTOCOL_UDP, udpLength);
  const folded = checksumFold(checksumAdd(pseudoHeader, udpPtr, udpLength));
  // Zero would mean "no checksum".
  store<u16>(udpPtr + UDP_CHECKSUM, folded === 0 ? 0xffff : folded);
}
