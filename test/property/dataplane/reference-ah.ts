/**
 * AH written from RFC 4302 with the MACs of reference-ciphers.ts, sharing nothing with the firmware: takes a packet apart into
 * pieces, and puts those together that count. Slow and obvious.
 */
import { createCipheriv } from 'node:crypto';
import { referenceMac } from './reference-ciphers.ts';
import type { ReferenceSa } from './reference-esp.ts';

export interface AhParts {
  readonly family: 4 | 6;
  /** The IP header with options or extension headers. */
  readonly header: Buffer;
  readonly ah: Buffer;
  readonly payload: Buffer;
  readonly nextHeader: number;
  readonly sequenceLow: number;
}

/** RFC 4302 section 2: where AH is in a packet. Throws where there is none. */
export function ahParts(packet: Uint8Array): AhParts {
  const octets = Buffer.from(packet);
  const family = octets[0]! >> 4 === 6 ? 6 : 4;
  let at = family === 4 ? (octets[0]! & 15) * 4 : 40;
  let protocol = octets[family === 4 ? 9 : 6]!;
  while (family === 6 && [0, 43, 60].includes(protocol)) {
    protocol = octets[at]!;
    at += (octets[at + 1]! + 1) * 8;
  }
  if (protocol !== 51) throw new Error(`protocol ${protocol} is not AH`);
  const end = at + (octets[at + 1]! + 2) * 4;
  return {
    family,
    header: octets.subarray(0, at),
    ah: octets.subarray(at, end),
    payload: octets.subarray(end),
    nextHeader: octets[at]!,
    sequenceLow: octets.readUInt32BE(at + 8),
  };
}

/** Octets of the ICV field without padding: with GMAC, IV and ICV. */
export function icvField(proposal: string): number {
  return proposal.endsWith('gmac') ? 24 : referenceMac(proposal).icv;
}

/** Octets of AH, as a multiple of `unit`. */
export function ahOctets(proposal: string, unit: number): number {
  return Math.ceil((12 + icvField(proposal)) / unit) * unit;
}

/** RFC 4302 section 3.3.3, RFC 4543 section 4: the ICV field that the packet should have; `iv` is what it has, with GMAC. */
export function referenceAhIcv(sa: ReferenceSa, packet: Uint8Array, sequence: bigint): Buffer {
  const { family, header, ah, payload } = ahParts(packet);
  const field = icvField(sa.proposal);
  const high = Buffer.alloc(sa.esn ? 4 : 0);
  if (sa.esn) high.writeUInt32BE(Number(sequence >> 32n));
  const emptied = Buffer.concat([ah.subarray(0, 12), Buffer.alloc(field), ah.subarray(12 + field)]);
  const covered = family === 4 ? coveredIpv4(header) : coveredIpv6(header);
  const message = Buffer.concat([covered, emptied, payload, high]);
  if (!sa.proposal.endsWith('gmac')) {
    return Buffer.from(referenceMac(sa.proposal).compute(sa.authenticationKey, message));
  }
  const iv = ah.subarray(12, 20);
  const nonce = Buffer.concat([sa.salt, iv]);
  const cipher = createCipheriv(
    sa.encryptionKey.length === 16
      ? 'aes-128-gcm'
      : sa.encryptionKey.length === 24
        ? 'aes-192-gcm'
        : 'aes-256-gcm',
    sa.encryptionKey,
    nonce,
  );
  cipher.setAAD(message, { plaintextLength: 0 });
  cipher.final();
  return Buffer.concat([iv, cipher.getAuthTag()]);
}

/** Puts AH of `sa` behind `header`, as a sender does; `paddingTo` is what AH is a multiple of. */
export function referenceAh(
  sa: ReferenceSa,
  sequence: bigint,
  header: Uint8Array,
  payload: Uint8Array,
  nextHeader: number,
  paddingTo = header[0]! >> 4 === 6 ? 8 : 4,
): Buffer {
  const field = icvField(sa.proposal);
  const ah = Buffer.alloc(ahOctets(sa.proposal, paddingTo));
  ah[0] = nextHeader;
  ah[1] = ah.length / 4 - 2;
  ah.writeUInt32BE(sa.spi, 4);
  ah.writeUInt32BE(Number(sequence & 0xffffffffn), 8);
  if (sa.proposal.endsWith('gmac')) ah.writeBigUInt64BE(sequence * 3n, 12);
  // RFC 4302 section 3.3.3.2.1: what the padding holds is the sender's choice.
  ah.fill(0x77, 12 + field);
  const packet = Buffer.concat([header, ah, payload]);
  referenceAhIcv(sa, packet, sequence).copy(packet, header.length + 12);
  return packet;
}

/** True when the packet's ICV is the one it should have. */
export function isAuthentic(sa: ReferenceSa, packet: Uint8Array, sequence: bigint): boolean {
  const { ah } = ahParts(packet);
  const icv = referenceAhIcv(sa, packet, sequence);
  return icv.equals(ah.subarray(12, 12 + icv.length));
}

/** RFC 4302 appendix A1, the column "immutable". */
const immutableOptions = new Set([130, 133, 134, 148, 149]);

function coveredIpv4(header: Buffer): Buffer {
  const destination = Buffer.from(header.subarray(16, 20));
  const options: Buffer[] = [];
  for (let at = 20; at < header.length; ) {
    const type = header[at]!;
    const length = type === 0 ? header.length - at : type === 1 ? 1 : header[at + 1]!;
    const option = header.subarray(at, at + length);
    const isRoute = type === 131 || type === 137;
    if (isRoute && option[2]! <= length) option.copy(destination, 0, length - 4);
    options.push(type <= 1 || immutableOptions.has(type) ? option : Buffer.alloc(length));
    at += length;
  }
  return Buffer.concat([
    header.subarray(0, 1),
    Buffer.of(0),
    header.subarray(2, 6),
    Buffer.of(0, 0, 0),
    header.subarray(9, 10),
    Buffer.of(0, 0),
    header.subarray(12, 16),
    destination,
    ...options,
  ]);
}

function coveredIpv6(header: Buffer): Buffer {
  let destination: Buffer = Buffer.from(header.subarray(24, 40));
  const extensions: Buffer[] = [];
  let protocol = header[6]!;
  for (let at = 40; at < header.length; ) {
    const extension = Buffer.from(header.subarray(at, at + (header[at + 1]! + 1) * 8));
    if (protocol === 43) destination = followRoute(extension, destination);
    else emptyChangingOptions(extension);
    protocol = extension[0]!;
    at += extension.length;
    extensions.push(extension);
  }
  return Buffer.concat([
    Buffer.of(0x60, 0, 0, 0),
    header.subarray(4, 7),
    Buffer.of(0),
    header.subarray(8, 24),
    destination,
    ...extensions,
  ]);
}

/** What every node on the way does (RFC 2460 section 4.4), until no segments are left. Returns the last destination. */
function followRoute(routing: Buffer, first: Buffer): Buffer {
  let destination = first;
  const count = routing[1]! / 2;
  while (routing[3]! > 0) {
    routing[3] = routing[3]! - 1;
    const at = 8 + 16 * (count - routing[3]! - 1);
    const next = Buffer.from(routing.subarray(at, at + 16));
    destination.copy(routing, at);
    destination = next;
  }
  return destination;
}

function emptyChangingOptions(extension: Buffer): void {
  for (let at = 2; at < extension.length; ) {
    if (extension[at] === 0) {
      at += 1;
      continue;
    }
    const end = at + 2 + extension[at + 1]!;
    if ((extension[at]! & 0x20) !== 0) extension.fill(0, at + 2, end);
    at = end;
  }
}
