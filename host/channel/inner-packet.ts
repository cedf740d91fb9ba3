/**
 * Setting messages as the engine sees them: IPv6 packets with a UDP header (RFC 8200, RFC 768) between two inner
 * addresses. The engine authenticates and encrypts them like any other packet.
 */
import { type Address, equalAddresses } from '../model/address.ts';
import { fail, ok, type Result } from '../model/result.ts';

const ipv6HeaderOctets = 40;
const udpHeaderOctets = 8;
const headersOctets = ipv6HeaderOctets + udpHeaderOctets;
const udp = 17;

/** An IPv6/UDP packet from `port` to `port` around `payload`, which is copied. */
export function wrapInnerPacket(
  source: Address,
  destination: Address,
  port: number,
  payload: Uint8Array,
): Uint8Array {
  const packet = new Uint8Array(headersOctets + payload.length);
  const view = new DataView(packet.buffer);
  const udpLength = udpHeaderOctets + payload.length;
  view.setUint32(0, 0x6000_0000); // RFC 8200 section 3: version 6
  view.setUint16(4, udpLength);
  view.setUint8(6, udp);
  view.setUint8(7, 64);
  packet.set(source.octets, 8);
  packet.set(destination.octets, 24);
  view.setUint16(40, port);
  view.setUint16(42, port);
  view.setUint16(44, udpLength);
  packet.set(payload, headersOctets);
  view.setUint16(46, upperLayerChecksum(packet, udp) || 0xffff); // RFC 8200 section 8.1: never zero
  return packet;
}

/**
 * The payload of a packet made by `wrapInnerPacket`, as a view into it. Everything that is not exactly such a packet
 * between these addresses and to this port is refused.
 */
export function unwrapInnerPacket(
  packet: Uint8Array,
  source: Address,
  destination: Address,
  port: number,
): Result<Uint8Array, 'INNER_PACKET'> {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (packet.length < headersOctets || view.getUint8(0) >> 4 !== 6 || view.getUint8(6) !== udp) {
    return fail('INNER_PACKET', `expected IPv6 with UDP, found ${packet.length} octets of something else`);
  }
  const udpLength = packet.length - ipv6HeaderOctets;
  if (view.getUint16(4) !== udpLength || view.getUint16(44) !== udpLength) {
    return fail('INNER_PACKET', `expected ${udpLength} octets in both length fields`);
  }
  if (
    !equalAddresses({ family: 6, octets: packet.subarray(8, 24) }, source) ||
    !equalAddresses({ family: 6, octets: packet.subarray(24, 40) }, destination) ||
    view.getUint16(42) !== port
  ) {
    return fail('INNER_PACKET', `expected the inner addresses of the channel and port ${port}`);
  }
  if (upperLayerChecksum(packet, udp) !== 0) return fail('INNER_PACKET', 'the UDP checksum is wrong');
  return ok(packet.subarray(headersOctets));
}

/**
 * One's complement sum over the pseudo-header and all that follows an IPv6 header without extensions (RFC 8200 section 8.1); 0
 * when a filled-in checksum is right.
 */
export function upperLayerChecksum(packet: Uint8Array, nextHeader: number): number {
  let sum = nextHeader + (packet.length - ipv6HeaderOctets);
  for (let index = 8; index < packet.length; index += 2) {
    sum += ((packet[index] ?? 0) << 8) | (packet[index + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
