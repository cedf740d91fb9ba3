/**
 * A frame is what one sector of the config flash holds: a piece of a record, with everything about it that is needed to find
 * the record again. Each sector speaks for itself, so nothing that a record contains can pass for the start of another one,
 * and a damaged sector costs its own record only.
 *
 * ```
 *  0        2        3      4            8          12      14      16       20           24          n-4        n
 *  ┌────────┬────────┬──────┬────────────┬──────────┬───────┬───────┬────────┬────────────┬───────────┬──────────┐
 *  │ "SK"   │ format │ copy │ generation │ sequence │ index │ count │ length │ record CRC │ piece ... │ CRC      │
 *  └────────┴────────┴──────┴────────────┴──────────┴───────┴───────┴────────┴────────────┴───────────┴──────────┘
 * ```
 * Numbers are big-endian; `length` and the record's CRC are the whole record's. CRC-32 is IEEE 802.3's, zlib's. It finds
 * faults, not forgers: who can write to the flash can write settings.
 */
import { crc32 } from 'node:zlib';

const magic = 0x534b; // "SK"
/** Raised when this layout changes; a later one is neither read nor overwritten. */
export const frameFormat = 1;

const headerOctets = 24;
const crcOctets = 4;
/** Of the 16-bit count. */
export const mostFrames = 0xffff;

export interface Frame {
  /** Which of the two copies it belongs to: 0 or 1. */
  readonly copy: number;
  /** How often the copy has been started anew. */
  readonly generation: number;
  /** The record's number, which grows with each record. */
  readonly sequence: number;
  readonly index: number;
  readonly count: number;
  /** Octets of the whole record. */
  readonly length: number;
  /** CRC-32 of the whole record. */
  readonly recordCrc: number;
  /** A view into the sector. */
  readonly piece: Uint8Array;
}

export type SectorContent =
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** All zeros or all ones: never written, or erased. */
  | { readonly kind: 'blank' }
  /** A frame of another version of this format, intact. */
  | { readonly kind: 'later-format' }
  /** Neither: damaged, half written, or somebody else's. `isBegun` where it starts as a frame does. */
  | { readonly kind: 'other'; readonly isBegun: boolean };

/** Octets of a record that fit into one sector. */
export function pieceOctets(sectorOctets: number): number {
  return sectorOctets - headerOctets - crcOctets;
}

/** Sectors that a record takes. */
export function sectorsOf(recordOctets: number, sectorOctets: number): number {
  return Math.max(1, Math.ceil(recordOctets / pieceOctets(sectorOctets)));
}

/** The sectors of a record, in order. They are copies, which the caller wipes where the record holds a secret. */
export function framesOf(
  record: Uint8Array,
  place: { readonly copy: number; readonly generation: number; readonly sequence: number },
  sectorOctets: number,
): Uint8Array[] {
  const count = sectorsOf(record.length, sectorOctets);
  const room = pieceOctets(sectorOctets);
  const recordCrc = crc32(record);
  return Array.from({ length: count }, (_, index) => {
    const sector = new Uint8Array(sectorOctets);
    const view = new DataView(sector.buffer);
    view.setUint16(0, magic);
    view.setUint8(2, frameFormat);
    view.setUint8(3, place.copy);
    view.setUint32(4, place.generation);
    view.setUint32(8, place.sequence);
    view.setUint16(12, index);
    view.setUint16(14, count);
    view.setUint32(16, record.length);
    view.setUint32(20, recordCrc);
    sector.set(record.subarray(index * room, (index + 1) * room), headerOctets);
    view.setUint32(sectorOctets - crcOctets, crc32(sector.subarray(0, sectorOctets - crcOctets)));
    return sector;
  });
}

/** What a sector holds. The frame's piece is a view into it. */
export function readFrame(sector: Uint8Array): SectorContent {
  if (isBlank(sector)) return { kind: 'blank' };
  const view = new DataView(sector.buffer, sector.byteOffset, sector.length);
  const crcAt = sector.length - crcOctets;
  const isBegun = view.getUint8(0) === magic >> 8;
  if (view.getUint16(0) !== magic || view.getUint32(crcAt) !== crc32(sector.subarray(0, crcAt))) {
    return { kind: 'other', isBegun };
  }
  if (view.getUint8(2) !== frameFormat) return { kind: 'later-format' };
  const frame: Frame = {
    copy: view.getUint8(3),
    generation: view.getUint32(4),
    sequence: view.getUint32(8),
    index: view.getUint16(12),
    count: view.getUint16(14),
    length: view.getUint32(16),
    recordCrc: view.getUint32(20),
    piece: sector.subarray(headerOctets, crcAt),
  };
  const isSound = frame.index < frame.count && frame.count === sectorsOf(frame.length, sector.length);
  return isSound ? { kind: 'frame', frame } : { kind: 'other', isBegun };
}

/** A loop and no callback: it looks at each octet of a new device. */
function isBlank(sector: Uint8Array): boolean {
  const first = sector[0];
  if (first !== 0 && first !== 0xff) return false;
  for (let at = 1; at < sector.length; at++) if (sector[at] !== first) return false;
  return true;
}

/** The record of whole, consecutive frames, as a copy; undefined where they do not belong together. */
export function recordOf(frames: readonly Frame[]): Uint8Array | undefined {
  const [first] = frames;
  if (first === undefined || frames.length !== first.count) return undefined;
  const isWhole = frames.every(
    (frame, index) =>
      frame.index === index &&
      frame.count === first.count &&
      frame.copy === first.copy &&
      frame.generation === first.generation &&
      frame.sequence === first.sequence &&
      frame.length === first.length &&
      frame.recordCrc === first.recordCrc,
  );
  if (!isWhole) return undefined;
  const record = new Uint8Array(first.length);
  let at = 0;
  for (const { piece } of frames) {
    const part = piece.subarray(0, first.length - at);
    record.set(part, at);
    at += part.length;
  }
  if (crc32(record) === first.recordCrc) return record;
  record.fill(0);
  return undefined;
}
