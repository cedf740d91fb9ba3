/** Packets as a rehearsal's hosts and its kernel make them. */
import type { Address } from '../model/address.ts';

/** RFC 3692: for experiments. */
const experimental = 253;
const udp = 17;
const icmp = 1;
const icmpv6 = 58;
const echo = 8;
const echo6 = 128;
/** Room for a UDP header, and more than two blocks of any cipher. */
const payloadOctets = 36;

/** What hosts send first: a ping, a datagram, or something without ports. */
export type SampleContent = 'ping' | 'datagram' | 'other';

export interface SamplePacket {
  readonly source: Address;
  /** Of the same family. */
  readonly destination: Address;
  readonly content: SampleContent;
  /** UDP port of a datagram, at both ends. */
  readonly port: number;
  /** Fills the payload, so that packets can be told apart. */
  readonly number: number;
}

/** A host's packet. Checksums behind the IP header are nobody's business on the way, and missing. */
export function samplePacket({ source, destination, content, port, number }: SamplePacket): Uint8Array {
  const payload = new Uint8Array(payloadOctets).fill(number & 0xff);
  const view = new DataView(payload.buffer);
  const isV4 = source.family === 4;
  switch (content) {
    case 'ping':
      view.setUint32(0, (isV4 ? echo : echo6) << 24);
      return ipPacket(source, destination, isV4 ? icmp : icmpv6, payload);
    case 'datagram':
      view.setUint16(0, port);
      view.setUint16(2, port);
      view.setUint16(4, payload.length);
      view.setUint16(6, 0);
      return ipPacket(source, destination, udp, payload);
    case 'other':
      return ipPacket(source, destination, experimental, payload);
  }
}

/** `payload` behind an IP header that is right. */
export function ipPacket(
  source: Address,
  destination: Address,
  protocol: number,
  payload: Uint8Array,
): Uint8Array {
  const headerOctets = source.family === 4 ? 20 : 40;
  const packet = new Uint8Array(headerOctets + payload.length);
  const view = new DataView(packet.buffer);
  if (source.family === 4) {
    view.setUint16(0, 0x4500);
    view.setUint16(2, packet.length);
    packet[8] = 64;
    packet[9] = protocol;
    packet.set(source.octets, 12);
    packet.set(destination.octets, 16);
    view.setUint16(10, headerChecksum(view));
  } else {
    view.setUint16(0, 0x6000);
    view.setUint16(4, payload.length);
    packet[6] = protocol;
    packet[7] = 64;
    packet.set(source.octets, 8);
    packet.set(destination.octets, 24);
  }
  packet.set(payload, headerOctets);
  return packet;
}

/** RFC 791, of a header of 20 octets whose checksum is zero. */
function headerChecksum(view: DataView): number {
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
