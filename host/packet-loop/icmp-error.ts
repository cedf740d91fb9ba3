/**
 * ICMP errors for packets that IPsec refuses, so that a host learns why instead of waiting: "communication
 * administratively prohibited" (RFC 1812 section 5.2.7.1, RFC 4443 section 3.1, as RFC 4301 section 6 allows) and
 * "fragmentation needed" or "packet too big" (RFC 1191, RFC 4443 section 3.2). Rare by construction: the caller limits
 * the rate.
 */
import type { Address } from '../model/address.ts';

export type IcmpReason = 'prohibited' | 'too-big';

const icmp = 1;
const icmpv6 = 58;
const fragment6 = 44;
/** RFC 4861 section 4.5. */
const redirect6 = 137;
/** RFC 1812 section 4.3.2.3: as much of the packet as fits in 576 octets; RFC 4443 section 2.4: in 1280. */
const ipv4Limit = 576;
const ipv6Limit = 1280;

/**
 * The ICMP packet, IP header included, that tells the sender of `packet` why it went no further.
 *
 * @param packet the refused inner packet, whole and well-formed as far as its IP header
 * @param source this router's address of the packet's family
 * @param mtu for `too-big`: the longest inner packet that fits
 * @returns undefined where RFC 1122 section 3.2.2 or RFC 4443 section 2.4 forbid an error: about errors, fragments but the
 *   first, and packets to or from what is not one host
 */
export function icmpError(
  packet: Uint8Array,
  source: Address,
  reason: IcmpReason,
  mtu = 0,
): Uint8Array | undefined {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4 && source.family === 4) return icmpv4Error(packet, source, reason, mtu);
  if (version === 6 && source.family === 6) return icmpv6Error(packet, source, reason, mtu);
  return undefined;
}

function icmpv4Error(
  packet: Uint8Array,
  source: Address,
  reason: IcmpReason,
  mtu: number,
): Uint8Array | undefined {
  const headerOctets = ((packet[0] ?? 0) & 0x0f) * 4;
  if (packet.length < 20 || headerOctets < 20 || packet.length < headerOctets) return undefined;
  const isLaterFragment = ((((packet[6] ?? 0) & 0x1f) << 8) | (packet[7] ?? 0)) !== 0;
  const isIcmpError = packet[9] === icmp && ![0, 8, 13, 14].includes(packet[headerOctets] ?? 0);
  if (isLaterFragment || isIcmpError || !isOneHost4(packet, 12) || !isOneHost4(packet, 16)) return undefined;
  const quoted = packet.subarray(0, Math.min(packet.length, ipv4Limit - 28));
  const error = new Uint8Array(28 + quoted.length);
  const view = new DataView(error.buffer);
  view.setUint16(0, 0x45c0); // RFC 1812 section 4.3.2.5: precedence of internetwork control
  view.setUint16(2, error.length);
  error[8] = 64;
  error[9] = icmp;
  error.set(source.octets, 12);
  error.set(packet.subarray(12, 16), 16);
  error[20] = 3; // destination unreachable: 13 is "administratively prohibited", 4 "fragmentation needed"
  error[21] = reason === 'prohibited' ? 13 : 4;
  if (reason === 'too-big') view.setUint16(26, mtu);
  error.set(quoted, 28);
  view.setUint16(10, checksum(error.subarray(0, 20), 0));
  view.setUint16(22, checksum(error.subarray(20), 0));
  return error;
}

function icmpv6Error(
  packet: Uint8Array,
  source: Address,
  reason: IcmpReason,
  mtu: number,
): Uint8Array | undefined {
  if (packet.length < 40) return undefined;
  const isMulticast = packet[8] === 0xff || packet[24] === 0xff;
  const isUnspecified = packet.subarray(8, 24).every((octet) => octet === 0);
  if (isMulticast || isUnspecified || !mayBeAbout6(packet)) return undefined;
  const quoted = packet.subarray(0, Math.min(packet.length, ipv6Limit - 48));
  const error = new Uint8Array(48 + quoted.length);
  const view = new DataView(error.buffer);
  view.setUint32(0, 0x6000_0000);
  view.setUint16(4, 8 + quoted.length);
  error[6] = icmpv6;
  error[7] = 64;
  error.set(source.octets, 8);
  error.set(packet.subarray(8, 24), 24);
  error[40] = reason === 'prohibited' ? 1 : 2; // unreachable with code 1, or packet too big
  error[41] = reason === 'prohibited' ? 1 : 0;
  if (reason === 'too-big') view.setUint32(44, mtu);
  error.set(quoted, 48);
  // RFC 4443 section 2.3: the pseudo-header is both addresses, the length and the next header.
  view.setUint16(42, checksum(error.subarray(8), 8 + quoted.length + icmpv6));
  return error;
}

/**
 * False for ICMPv6 errors and redirects (RFC 4443 section 2.4 e), however many extension headers are before them, and for
 * what cannot be told from them: fragments but the first, and headers that are cut short.
 */
function mayBeAbout6(packet: Uint8Array): boolean {
  let header = packet[6] ?? 0;
  let at = 40;
  while (isExtension6(header)) {
    if (at + 8 > packet.length) return false;
    const fragmentOffset = (((packet[at + 2] ?? 0) << 8) | (packet[at + 3] ?? 0)) >> 3;
    if (header === fragment6 && fragmentOffset !== 0) return false;
    const octets = header === fragment6 ? 8 : ((packet[at + 1] ?? 0) + 1) * 8;
    header = packet[at] ?? 0;
    at += octets;
  }
  if (header !== icmpv6) return true;
  const type = packet[at];
  return type !== undefined && type >= 128 && type !== redirect6;
}

/** Hop-by-hop options, routing, fragment, destination options (RFC 8200 section 4). */
function isExtension6(header: number): boolean {
  return header === 0 || header === 43 || header === fragment6 || header === 60;
}

/** Not 0/8, not loopback, not multicast or broadcast. */
function isOneHost4(packet: Uint8Array, at: number): boolean {
  const first = packet[at] ?? 0;
  return first !== 0 && first !== 127 && first < 224;
}

/** RFC 1071, over an area whose checksum field is zero, with `initial` added. */
function checksum(octets: Uint8Array, initial: number): number {
  let sum = initial;
  for (let index = 0; index < octets.length; index += 2) {
    sum += ((octets[index] ?? 0) << 8) | (octets[index + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
