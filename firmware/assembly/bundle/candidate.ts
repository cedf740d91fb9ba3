/**
 * One delivered packet as coalesce.ts looks at it: whether a bundle may have it at all, and whether another one is of the same flow and
 * has like headers. The packet that was read last is in the variables below. Decides by the rules of the kernel's receive offload
 * (inet_gro_receive, tcp_gro_receive, udp_gro_receive).
 */
import { checksum, checksumAdd, checksumFold } from '../packet/checksum.ts';
import {
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
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_ACK,
  TCP_FLAGS,
  TCP_HEADER,
  TCP_OFFSET,
  TCP_PSH,
  UDP_CHECKSUM,
  UDP_HEADER,
  UDP_LENGTH,
} from '../packet/ip.ts';
import { pseudoHeaderSum } from '../packet/pseudo-header.ts';

/** The packet that was read last: where it is, its octets, 4 or 6, where TCP or UDP begins, which of both, octets of all headers. */
export let packetPtr: usize = 0;
export let packetLength: u32 = 0;
export let family: u32 = 0;
export let upper: u32 = 0;
export let protocol: u32 = 0;
export let headerLength: u32 = 0;

/**
 * Reads the packet of `length` octets at `ptr`.
 *
 * @param withUdp whether a bundle may have UDP; where it may not, no checksum of a datagram is looked at
 * @returns whether a bundle may have it: TCP or UDP with a payload, no fragment, no options of IP, with TCP no flags but ACK and PSH, all
 *   there, checksums made and right
 */
export function readCandidate(ptr: usize, length: u32, withUdp: bool): bool {
  packetPtr = ptr;
  packetLength = length;
  protocol = 0;
  if (length < IPV4_HEADER + UDP_HEADER) return false;
  if (!(load<u8>(ptr) === 0x45 ? readIpv4() : readIpv6())) return false;
  if (protocol === PROTOCOL_UDP && !withUdp) return false;
  const upperPtr = ptr + upper;
  if (!(protocol === PROTOCOL_TCP ? readTcp(upperPtr) : readUdp(upperPtr))) return false;
  const octets = length - upper;
  const sum = pseudoHeaderSum(ptr, family, protocol, octets);
  return checksumFold(checksumAdd(sum, upperPtr, octets)) === 0;
}

/** The protocol above IP is known then, unless extension headers hide it. */
function readIpv4(): bool {
  family = 4;
  upper = IPV4_HEADER;
  protocol = load<u8>(packetPtr + IPV4_PROTOCOL);
  return (
    (protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP) &&
    (loadNetwork16(packetPtr + IPV4_FRAGMENT) & ~IPV4_DF) === 0 &&
    loadNetwork16(packetPtr + IPV4_LENGTH) === packetLength &&
    checksum(packetPtr, IPV4_HEADER) === 0
  );
}

function readIpv6(): bool {
  family = 6;
  upper = IPV6_HEADER;
  if (load<u8>(packetPtr) >> 4 !== 6 || packetLength < IPV6_HEADER + UDP_HEADER) return false;
  protocol = load<u8>(packetPtr + IPV6_NEXT_HEADER);
  return (
    (protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP) &&
    IPV6_HEADER + loadNetwork16(packetPtr + IPV6_LENGTH) === packetLength
  );
}

function readTcp(tcpPtr: usize): bool {
  if (packetLength < upper + TCP_HEADER) return false;
  headerLength = upper + ((<u32>load<u8>(tcpPtr + TCP_OFFSET) >> 4) << 2);
  if (headerLength < upper + TCP_HEADER || headerLength >= packetLength) return false;
  return (<u32>load<u8>(tcpPtr + TCP_FLAGS) & ~TCP_PSH) === TCP_ACK;
}

/** Without a checksum there is nothing to tell that the datagram is intact, and the kernel would make one for each that it cuts. */
function readUdp(udpPtr: usize): bool {
  headerLength = upper + UDP_HEADER;
  return (
    headerLength < packetLength &&
    loadNetwork16(udpPtr + UDP_LENGTH) === packetLength - upper &&
    load<u16>(udpPtr + UDP_CHECKSUM) !== 0
  );
}

/** Octets behind the headers. */
export function payloadLength(): u32 {
  return packetLength - headerLength;
}

/** A TCP segment that its sender wants handed up. */
export function isPushed(): bool {
  return protocol === PROTOCOL_TCP && (<u32>load<u8>(packetPtr + upper + TCP_FLAGS) & TCP_PSH) !== 0;
}

/** Whether the candidate at `otherPtr` has the version, protocol, addresses and ports of this one; neither has options of IP, so ports are at the same place. */
export function isSameFlow(otherPtr: usize): bool {
  if (load<u8>(otherPtr) >> 4 !== load<u8>(packetPtr) >> 4) return false;
  if (load<u32>(otherPtr + upper) !== load<u32>(packetPtr + upper)) return false;
  if (family === 4) {
    return (
      load<u64>(otherPtr + IPV4_SOURCE) === load<u64>(packetPtr + IPV4_SOURCE) &&
      load<u8>(otherPtr + IPV4_PROTOCOL) === load<u8>(packetPtr + IPV4_PROTOCOL)
    );
  }
  if (load<u8>(otherPtr + IPV6_NEXT_HEADER) !== load<u8>(packetPtr + IPV6_NEXT_HEADER)) return false;
  const source = v128.xor(v128.load(otherPtr + IPV6_SOURCE), v128.load(packetPtr + IPV6_SOURCE));
  const destination = v128.xor(
    v128.load(otherPtr + IPV6_DESTINATION),
    v128.load(packetPtr + IPV6_DESTINATION),
  );
  return !v128.any_true(v128.or(source, destination));
}

/** Whether the kernel would write these headers, cutting a bundle that begins with the packet at `firstPtr` and has `segments` before this one. */
export function hasLikeHeaders(firstPtr: usize, segments: u32): bool {
  if (!hasLikeIpHeader(firstPtr, segments)) return false;
  return protocol === PROTOCOL_UDP || hasLikeTcpHeader(firstPtr + upper, packetPtr + upper);
}

/** TOS, DF, TTL; identifications that count up, which nobody looks at where DF is set (RFC 6864). IPv6: flow label, hop limit. */
function hasLikeIpHeader(firstPtr: usize, segments: u32): bool {
  if (family === 6) {
    return (
      load<u32>(firstPtr) === load<u32>(packetPtr) &&
      load<u16>(firstPtr + IPV6_NEXT_HEADER) === load<u16>(packetPtr + IPV6_NEXT_HEADER)
    );
  }
  const fragment = loadNetwork16(packetPtr + IPV4_FRAGMENT);
  const expected = loadNetwork16(firstPtr + IPV4_IDENTIFICATION) + segments;
  return (
    load<u16>(firstPtr) === load<u16>(packetPtr) &&
    loadNetwork16(firstPtr + IPV4_FRAGMENT) === fragment &&
    load<u16>(firstPtr + IPV4_TTL) === load<u16>(packetPtr + IPV4_TTL) &&
    ((fragment & IPV4_DF) !== 0 || loadNetwork16(packetPtr + IPV4_IDENTIFICATION) === (expected & 0xffff))
  );
}

/** Acknowledgement, header length, flags but PSH, window, urgent pointer, options. The first of a bundle never has PSH. */
function hasLikeTcpHeader(firstPtr: usize, tcpPtr: usize): bool {
  const flags = bswap<u32>(TCP_PSH << 16);
  if (load<u32>(firstPtr + 8) !== load<u32>(tcpPtr + 8)) return false;
  if (load<u32>(firstPtr + TCP_OFFSET) !== (load<u32>(tcpPtr + TCP_OFFSET) & ~flags)) return false;
  if (load<u16>(firstPtr + 18) !== load<u16>(tcpPtr + 18)) return false;
  const length = headerLength - upper;
  for (let offset = TCP_HEADER; offset < length; offset += 4) {
    if (load<u32>(firstPtr + offset) !== load<u32>(tcpPtr + offset)) return false;
  }
  return true;
}
