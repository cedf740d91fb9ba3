/**
 * Reads a capture as tcpdump writes it, in whatever pieces it arrives (the classic libpcap file format, either byte order,
 * micro- or nanoseconds). Link types: Ethernet, raw IP, and Linux's cooked ones that `-i any` gives.
 */
import { HostError } from '../../host/model/host-error.ts';

/** A captured IP packet. `packet` is borrowed: it is valid until the callback returns. */
export interface CapturedPacket {
  /** Milliseconds since 1970 with fractions, by the wall clock. */
  readonly wallMs: number;
  /** From the IP header on, as far as the snap length reached. */
  readonly packet: Uint8Array;
}

const fileHeaderOctets = 24;
const recordHeaderOctets = 16;

/** Octets before the IP header, and where the EtherType stands, by link type (tcpdump.org/linktypes.html). */
const linkTypes: Readonly<Record<number, { readonly octets: number; readonly typeAt: number | undefined }>> =
  {
    1: { octets: 14, typeAt: 12 },
    101: { octets: 0, typeAt: undefined },
    113: { octets: 16, typeAt: 14 },
    276: { octets: 20, typeAt: 0 },
  };

export class PcapReader {
  readonly #onPacket: (captured: CapturedPacket) => void;
  #rest: Buffer = Buffer.alloc(0);
  #header: { littleEndian: boolean; fractionMs: number; link: (typeof linkTypes)[number] } | undefined;

  constructor(onPacket: (captured: CapturedPacket) => void) {
    this.#onPacket = onPacket;
  }

  /**
   * Takes the next piece of the file; calls back for each IP packet that is complete.
   *
   * @throws HostError PLATFORM when it is no capture, or one of an unknown link type
   */
  push(piece: Buffer): void {
    const octets = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    if (this.#header === undefined) {
      if (octets.length < fileHeaderOctets) {
        this.#rest = octets;
        return;
      }
      this.#header = readFileHeader(octets);
      at = fileHeaderOctets;
    }
    const { littleEndian, fractionMs, link } = this.#header;
    const u32 = (offset: number) =>
      littleEndian ? octets.readUInt32LE(offset) : octets.readUInt32BE(offset);
    while (at + recordHeaderOctets <= octets.length) {
      const captured = u32(at + 8);
      const end = at + recordHeaderOctets + captured;
      if (end > octets.length) break;
      const frame = at + recordHeaderOctets;
      if (captured > link.octets && isIp(octets, frame, link.typeAt)) {
        const wallMs = u32(at) * 1000 + u32(at + 4) * fractionMs;
        this.#onPacket({ wallMs, packet: octets.subarray(frame + link.octets, end) });
      }
      at = end;
    }
    // A copy, so that a large piece is not kept alive by its last few octets.
    this.#rest = Buffer.from(octets.subarray(at));
  }
}

function readFileHeader(octets: Buffer): {
  littleEndian: boolean;
  fractionMs: number;
  link: (typeof linkTypes)[number];
} {
  const magic = octets.readUInt32LE(0);
  const swapped = octets.readUInt32BE(0);
  const littleEndian = magic === 0xa1b2c3d4 || magic === 0xa1b23c4d;
  const kind = littleEndian ? magic : swapped;
  if (kind !== 0xa1b2c3d4 && kind !== 0xa1b23c4d) {
    throw new HostError('PLATFORM', `expected a libpcap capture, found 0x${magic.toString(16)} at its start`);
  }
  const type = (littleEndian ? octets.readUInt32LE(20) : octets.readUInt32BE(20)) & 0xffff;
  const link = linkTypes[type];
  if (link === undefined) throw new HostError('PLATFORM', `a capture of unknown link type ${type}`);
  return { littleEndian, fractionMs: kind === 0xa1b23c4d ? 1e-6 : 1e-3, link };
}

function isIp(octets: Buffer, frame: number, typeAt: number | undefined): boolean {
  if (typeAt === undefined) return true;
  const type = octets.readUInt16BE(frame + typeAt);
  return type === 0x0800 || type === 0x86dd;
}
