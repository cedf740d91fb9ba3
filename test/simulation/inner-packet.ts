/**
 * The inner packets of the simulation: small whole IPv4 packets (RFC 791) with a number in their payload, by which they are
 * recognised wherever they turn up. Reads back what selectors look at.
 */
import type { PacketSelector } from '../../host/model/selector.ts';

export interface PacketKind {
  readonly protocol: number;
  readonly localPort: number;
  readonly remotePort: number;
}

const headerOctets = 20;
const transportOctets = 8;
/** Before the number: 8 octets that make it unmistakable in a dump. */
const marker = Uint8Array.from(Buffer.from('sekisho!'));
const numberOffset = headerOctets + transportOctets + marker.length;
const packetOctets = numberOffset + 4;

/** Builds packet `number` from one address to another. Ports are read as type and code for ICMP. */
export function buildPacket(number: number, from: Uint8Array, to: Uint8Array, kind: PacketKind): Uint8Array {
  const packet = new Uint8Array(packetOctets);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  view.setUint16(2, packetOctets);
  view.setUint16(4, number & 0xffff);
  packet[8] = 64;
  packet[9] = kind.protocol;
  packet.set(from, 12);
  packet.set(to, 16);
  view.setUint16(10, checksum(packet));
  if (kind.protocol === 1) {
    packet[headerOctets] = kind.localPort;
    packet[headerOctets + 1] = kind.remotePort;
  } else {
    view.setUint16(headerOctets, kind.localPort);
    view.setUint16(headerOctets + 2, kind.remotePort);
    if (kind.protocol === 17) view.setUint16(headerOctets + 4, packetOctets - headerOctets);
  }
  packet.set(marker, headerOctets + transportOctets);
  view.setUint32(numberOffset, number);
  return packet;
}

/** RFC 1071 over the IPv4 header. */
function checksum(packet: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < headerOctets; index += 2) sum += (packet[index]! << 8) | packet[index + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The number of a packet that `buildPacket` made, or undefined. */
export function packetNumber(packet: Uint8Array): number | undefined {
  if (packet.length < packetOctets || !startsWithMarker(packet, headerOctets + transportOctets))
    return undefined;
  return new DataView(packet.buffer, packet.byteOffset).getUint32(numberOffset);
}

function startsWithMarker(octets: Uint8Array, offset: number): boolean {
  for (let index = 0; index < marker.length; index += 1) {
    if (octets[offset + index] !== marker[index]) return false;
  }
  return true;
}

/** True when the marker of any packet stands in `octets`. */
export function showsPlaintext(octets: Uint8Array): boolean {
  for (let offset = 0; offset + marker.length <= octets.length; offset += 1) {
    if (startsWithMarker(octets, offset)) return true;
  }
  return false;
}

/** The selector fields, the packet's source being local. */
export function selectorOf(packet: Uint8Array): PacketSelector {
  const view = new DataView(packet.buffer, packet.byteOffset);
  const protocol = packet[9]!;
  const isIcmp = protocol === 1;
  return {
    local: { family: 4, octets: packet.slice(12, 16) },
    remote: { family: 4, octets: packet.slice(16, 20) },
    protocol,
    localPort: isIcmp ? null : view.getUint16(headerOctets),
    remotePort: isIcmp ? null : view.getUint16(headerOctets + 2),
    icmpType: isIcmp ? packet[headerOctets]! : null,
    icmpCode: isIcmp ? packet[headerOctets + 1]! : null,
  };
}

/** The same packet's fields from the other end. */
export function mirrorPacket(packet: PacketSelector): PacketSelector {
  return {
    ...packet,
    local: packet.remote,
    remote: packet.local,
    localPort: packet.remotePort,
    remotePort: packet.localPort,
  };
}
