/**
 * The IP headers before ESP and AH: writes the peer's, finds AH behind one, and does what routers do to one. Knows which octets
 * of a header AH answers for (RFC 4302 section 3.3.3.1), as far as that is the same in every header: options and extension
 * headers are left out. Nothing is allocated.
 */
import type { Random } from '../random.ts';
import {
  onesComplementSum,
  RECEIVING_NET,
  read16,
  SENDING_NET,
  write16,
  writeIpv4Checksum,
} from './inner-packet.ts';

const IPV4_HEADER = 20;
export const IPV6_HEADER = 40;
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;
/** Octets of AH before its ICV, and where its SPI is. */
export const AH_HEADER = 12;
export const AH_SPI = 4;
const PROTOCOL_AH = 51;

/** First octet, and places of the pair's number and of the net, in the addresses of `inner-packet.ts`. */
const addressForms = {
  4: { first: 10, pairAt: 1, netAt: 2, length: 4, source: 12, destination: 16 },
  6: { first: 0xfd, pairAt: 5, netAt: 7, length: 16, source: IPV6_SOURCE, destination: IPV6_DESTINATION },
} as const;

/** Octets of the header that `writeCarrier` writes. */
export function carrierLength(family: 4 | 6): number {
  return family === 4 ? IPV4_HEADER : IPV6_HEADER;
}

/** A header without options with this protocol before `payload` octets, from and to addresses of pair `pair`. */
export function writeCarrier(
  memory: Uint8Array,
  at: number,
  family: 4 | 6,
  pair: number,
  protocol: number,
  payload: number,
): void {
  memory.fill(0, at, at + carrierLength(family));
  writeAddress(memory, at + addressForms[family].source, family, pair, SENDING_NET);
  writeAddress(memory, at + addressForms[family].destination, family, pair, RECEIVING_NET);
  if (family === 6) {
    memory[at] = 0x60;
    write16(memory, at + 4, payload);
    memory[at + 6] = protocol;
    memory[at + 7] = 64;
    return;
  }
  memory[at] = 0x45;
  write16(memory, at + 2, IPV4_HEADER + payload);
  memory[at + 8] = 64;
  memory[at + 9] = protocol;
  writeIpv4Checksum(memory, at);
}

function writeAddress(memory: Uint8Array, at: number, family: 4 | 6, pair: number, net: number): void {
  const { first, pairAt, netAt, length } = addressForms[family];
  memory[at] = first;
  memory[at + pairAt] = pair;
  memory[at + netAt] = net;
  memory[at + length - 1] = 1;
}

/** Octets before AH in the well-formed packet of `length` octets at `at`; 0 where there is no AH. */
export function ahOffset(memory: Uint8Array, at: number, length: number): number {
  if ((memory[at] ?? 0) >> 4 === 4) return memory[at + 9] === PROTOCOL_AH ? 4 * ((memory[at] ?? 0) & 15) : 0;
  let next = memory[at + 6];
  let offset = IPV6_HEADER;
  while (next !== PROTOCOL_AH && offset < length) {
    next = memory[at + offset];
    offset += 8 + 8 * (memory[at + offset + 1] ?? 0);
  }
  return offset < length ? offset : 0;
}

/** Makes the lengths of the headers before ESP or AH say what it has now. */
export function fitCarrier(
  memory: Uint8Array,
  at: number,
  ipsecAt: number,
  ipsecLength: number,
  udp: boolean,
): void {
  const whole = ipsecAt - at + ipsecLength;
  if (udp) write16(memory, ipsecAt - 4, 8 + ipsecLength);
  if ((memory[at] ?? 0) >> 4 === 6) {
    write16(memory, at + 4, whole - IPV6_HEADER);
  } else if (read16(memory, at + 2) !== whole) {
    write16(memory, at + 2, whole);
    writeIpv4Checksum(memory, at);
  }
}

/** Whether a header says that it and what follows are `length` octets, has this TOS and TTL, and in IPv4 its checksum is right. */
export function isCarrierRight(
  memory: Uint8Array,
  at: number,
  length: number,
  tos: number,
  ttl: number,
): boolean {
  const first = read16(memory, at);
  if (first >> 12 === 6) {
    const isLength = read16(memory, at + 4) === length - IPV6_HEADER;
    return isLength && ((first >> 4) & 0xff) === tos && memory[at + 7] === ttl;
  }
  const isLength = read16(memory, at + 2) === length;
  const headerLength = 4 * ((first >> 8) & 15);
  const isSum = onesComplementSum(memory, at, headerLength) === 0xffff;
  return isLength && isSum && (first & 0xff) === tos && memory[at + 8] === ttl;
}

/** What routers may do to the header at `at`: AH must bear it (RFC 4302 section 3.3.3.1). */
export function passRouters(random: Random, memory: Uint8Array, at: number): void {
  if ((memory[at] ?? 0) >> 4 === 6) {
    memory[at] = 0x60 | random.below(16);
    memory[at + 1] = random.below(256);
    write16(memory, at + 2, random.below(65536));
    memory[at + 7] = 1 + random.below(255);
    return;
  }
  memory[at + 1] = random.below(256);
  memory[at + 6] = (memory[at + 6] ?? 0) ^ (random.oneIn(2) ? 0x40 : 0);
  memory[at + 8] = 1 + random.below(255);
  writeIpv4Checksum(memory, at);
}

/**
 * False when something differs in two packets of `length` octets that AH, at `offset`, answers for; true says nothing of options
 * and extension headers, nor of a destination that they may exchange.
 */
export function isSameToAh(
  a: Uint8Array,
  aAt: number,
  b: Uint8Array,
  bAt: number,
  offset: number,
  length: number,
): boolean {
  if ((a[aAt] ?? 0) >> 4 === 6) {
    return (
      (b[bAt] ?? 0) >> 4 === 6 &&
      equal(a, aAt + 4, b, bAt + 4, 3) &&
      equal(a, aAt + 8, b, bAt + 8, offset === IPV6_HEADER ? 32 : 16) &&
      equal(a, aAt + offset, b, bAt + offset, length - offset)
    );
  }
  return (
    a[aAt] === b[bAt] &&
    equal(a, aAt + 2, b, bAt + 2, 4) &&
    a[aAt + 9] === b[bAt + 9] &&
    equal(a, aAt + 12, b, bAt + 12, offset === IPV4_HEADER ? 8 : 4) &&
    equal(a, aAt + offset, b, bAt + offset, length - offset)
  );
}

/** Whether two runs of `length` octets are the same. */
export function equal(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let index = 0; index < length; index++) if (a[aAt + index] !== b[bAt + index]) return false;
  return true;
}
