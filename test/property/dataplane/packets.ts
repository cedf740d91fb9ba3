/** Builds IP packets octet by octet for tests: obvious, slow, independent of the firmware's parser. */
import { parseAddress } from '../../../host/model/address.ts';

export interface PacketPlan {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** Ports, or ICMP type and code; undefined writes the payload right behind the header. */
  readonly upper?: readonly [number, number];
  readonly payload?: Uint8Array;
  readonly tos?: number;
  readonly ttl?: number;
  readonly dontFragment?: boolean;
  /** In octets, a multiple of 8. */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  /** Octets of IPv4 options, a multiple of 4. */
  readonly options?: number;
  /** IPv6 extension headers in order: protocol number and octets, a multiple of 8. */
  readonly extensions?: readonly { readonly protocol: number; readonly octets: number }[];
}

export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
export const ICMPV6 = 58;

export function octetsOf(text: string): Uint8Array {
  const address = parseAddress(text);
  if (!address.ok) throw new Error(address.message);
  return address.value.octets;
}

export function packetOf(plan: PacketPlan): Uint8Array {
  const upper = upperLayer(plan);
  return octetsOf(plan.source).length === 4 ? ipv4(plan, upper) : ipv6(plan, upper);
}

function upperLayer(plan: PacketPlan): Uint8Array {
  const payload = plan.payload ?? new Uint8Array(20).fill(0x5a);
  if (plan.upper === undefined) return payload;
  const [first, second] = plan.upper;
  const icmp = plan.protocol === ICMP || plan.protocol === ICMPV6;
  const head = icmp ? [first, second, 0, 0] : [first >> 8, first & 255, second >> 8, second & 255];
  return Uint8Array.from([...head, ...payload]);
}

function ipv4(plan: PacketPlan, upper: Uint8Array): Uint8Array {
  const headerLength = 20 + (plan.options ?? 0);
  const packet = Buffer.alloc(headerLength + upper.length);
  packet[0] = 0x40 | (headerLength / 4);
  packet[1] = plan.tos ?? 0;
  packet.writeUInt16BE(packet.length, 2);
  packet.writeUInt16BE(0x1234, 4);
  const flags = (plan.dontFragment ? 0x4000 : 0) | (plan.moreFragments ? 0x2000 : 0);
  packet.writeUInt16BE(flags | ((plan.fragmentOffset ?? 0) >> 3), 6);
  packet[8] = plan.ttl ?? 64;
  packet[9] = plan.protocol;
  packet.set(octetsOf(plan.source), 12);
  packet.set(octetsOf(plan.destination), 16);
  // RFC 791 section 3.1: option 1 is "no operation".
  packet.fill(1, 20, headerLength);
  packet.writeUInt16BE(internetChecksum(packet.subarray(0, headerLength)), 10);
  packet.set(upper, headerLength);
  return Uint8Array.from(packet);
}

function ipv6(plan: PacketPlan, upper: Uint8Array): Uint8Array {
  const chain: Uint8Array[] = [];
  const names: number[] = [];
  for (const { protocol, octets } of plan.extensions ?? []) {
    const header = new Uint8Array(octets);
    header[1] = octets / 8 - 1;
    // RFC 8200 section 4.2: one PadN option fills the rest (harmless in a routing header with no segments left).
    header.set([1, octets - 4], 2);
    if (protocol === 43) header.fill(0, 2);
    chain.push(header);
    names.push(protocol);
  }
  if (plan.fragmentOffset !== undefined || plan.moreFragments) {
    const header = Buffer.alloc(8);
    header.writeUInt16BE((plan.fragmentOffset ?? 0) | (plan.moreFragments ? 1 : 0), 2);
    chain.push(header);
    names.push(44);
  }
  names.push(plan.protocol);
  for (const [index, header] of chain.entries()) header[0] = names[index + 1]!;
  const length = chain.reduce((sum, header) => sum + header.length, 0) + upper.length;
  const packet = Buffer.alloc(40 + length);
  packet.writeUInt32BE(((6 << 28) | ((plan.tos ?? 0) << 20)) >>> 0, 0);
  packet.writeUInt16BE(length, 4);
  packet[6] = names[0]!;
  packet[7] = plan.ttl ?? 64;
  packet.set(octetsOf(plan.source), 8);
  packet.set(octetsOf(plan.destination), 24);
  packet.set(Buffer.concat([...chain, upper]), 40);
  return Uint8Array.from(packet);
}

/** RFC 1071, over big-endian words. */
export function internetChecksum(octets: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < octets.length; index += 2) {
    sum += ((octets[index] ?? 0) << 8) | (octets[index + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
