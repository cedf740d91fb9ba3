/**
 * Echo requests and replies between two inner addresses (ICMPv6, RFC 4443 section 4), as a self-test sends them through its own
 * SA: IPv6 header, ICMP header, payload, and nothing else.
 */
import { type Address, equalAddresses } from '../model/address.ts';
import { upperLayerChecksum } from './inner-packet.ts';

export const icmpv6 = 58;
const echoRequestType = 128;
const echoReplyType = 129;

const ipv6HeaderOctets = 40;
const headersOctets = ipv6HeaderOctets + 8;
/** Longer ones are nobody's self-test. */
const maximumEchoOctets = 1280;

/** An echo request around `payload`, which is copied. */
export function echoRequest(
  source: Address,
  destination: Address,
  identifier: number,
  sequence: number,
  payload: Uint8Array,
): Uint8Array {
  const packet = new Uint8Array(headersOctets + payload.length);
  const view = new DataView(packet.buffer);
  view.setUint32(0, 0x6000_0000); // RFC 8200 section 3: version 6
  view.setUint16(4, packet.length - ipv6HeaderOctets);
  view.setUint8(6, icmpv6);
  view.setUint8(7, 64);
  packet.set(source.octets, 8);
  packet.set(destination.octets, 24);
  view.setUint8(40, echoRequestType);
  view.setUint16(44, identifier);
  view.setUint16(46, sequence);
  packet.set(payload, headersOctets);
  view.setUint16(42, upperLayerChecksum(packet, icmpv6));
  return packet;
}

/** The reply to an echo request from `source` to `destination`, as a new packet of the same length; undefined for anything else. */
export function turnRound(packet: Uint8Array, source: Address, destination: Address): Uint8Array | undefined {
  if (!isEcho(packet, echoRequestType, source, destination)) return undefined;
  const reply = Uint8Array.from(packet);
  const view = new DataView(reply.buffer);
  reply.set(destination.octets, 8);
  reply.set(source.octets, 24);
  view.setUint8(7, 64);
  view.setUint8(40, echoReplyType);
  view.setUint16(42, 0);
  view.setUint16(42, upperLayerChecksum(reply, icmpv6));
  return reply;
}

/** True when `packet` is an echo reply from `source` to `destination` with this identifier and payload, whatever its sequence number. */
export function isReplyTo(
  packet: Uint8Array,
  source: Address,
  destination: Address,
  identifier: number,
  payload: Uint8Array,
): boolean {
  if (!isEcho(packet, echoReplyType, source, destination)) return false;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return view.getUint16(44) === identifier && Buffer.compare(packet.subarray(headersOctets), payload) === 0;
}

function isEcho(packet: Uint8Array, type: number, source: Address, destination: Address): boolean {
  if (packet.length < headersOctets || packet.length > maximumEchoOctets) return false;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return (
    view.getUint8(0) >> 4 === 6 &&
    view.getUint8(6) === icmpv6 &&
    view.getUint16(4) === packet.length - ipv6HeaderOctets &&
    view.getUint8(40) === type &&
    view.getUint8(41) === 0 &&
    equalAddresses({ family: 6, octets: packet.subarray(8, 24) }, source) &&
    equalAddresses({ family: 6, octets: packet.subarray(24, 40) }, destination) &&
    upperLayerChecksum(packet, icmpv6) === 0
  );
}
