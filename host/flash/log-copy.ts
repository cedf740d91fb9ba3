/**
 * One of the two copies of the record log: half of the device, written from its first sector on, and from there again, under
 * the next generation, when it is full. What earlier generations left behind the writing position can still be read until it
 * is overwritten.
 *
 * What is known about a copy is what a scan has read. It holds places only, no record's octets: they may be secrets.
 */
import type { BlockDevice } from './block-device.ts';
import { type Frame, framesOf, readFrame, recordOf, sectorsOf } from './frame.ts';

/** Where a whole record is. */
export interface Place {
  readonly sequence: number;
  readonly generation: number;
  /** Counted from the copy's first sector. */
  readonly first: number;
  readonly sectors: number;
}

export interface Extent {
  readonly first: number;
  readonly sectors: number;
}

export class LogCopy {
  readonly index: number;
  readonly sectors: number;
  readonly #device: BlockDevice;
  readonly #start: number;
  /** Whole records, of any generation. */
  places: readonly Place[] = [];
  /** The highest sequence of any frame, also of a record that is not whole. */
  lastSequence = 0;
  /** How often the copy was started anew; 0 before its first record. */
  generation = 0;
  /** The sector that is written next. */
  position = 0;
  /** Sectors between the first and the position that hold nothing that can be read. */
  damagedSectors = 0;
  blankSectors = 0;
  laterFormatSectors = 0;
  /** Sectors that hold the start of a frame and not the rest: power was lost while they were written. */
  tornSectors = 0;
  /** Why the device last refused to write; empty when it did not. */
  refusal = '';

  constructor(device: BlockDevice, index: number) {
    this.#device = device;
    this.index = index;
    this.sectors = Math.floor(device.sectorCount / 2);
    this.#start = index * this.sectors;
  }

  /** Reads the whole copy anew. */
  scan(): void {
    const frames: (Frame | undefined)[] = [];
    const isDamaged: boolean[] = [];
    this.blankSectors = 0;
    this.laterFormatSectors = 0;
    this.tornSectors = 0;
    this.generation = 0;
    this.position = 0;
    this.lastSequence = 0;
    for (let at = 0; at < this.sectors; at++) {
      const sector = this.#read(at);
      const content = sector === undefined ? undefined : readFrame(sector);
      isDamaged.push(content === undefined || content.kind === 'other');
      if (content?.kind === 'blank') this.blankSectors++;
      if (content?.kind === 'other' && content.isBegun) this.tornSectors++;
      if (content?.kind === 'later-format') this.laterFormatSectors++;
      const frame =
        content?.kind === 'frame' && content.frame.copy === this.index ? content.frame : undefined;
      frames.push(frame && { ...frame, piece: nothing });
      sector?.fill(0);
      if (frame === undefined) continue;
      this.lastSequence = Math.max(this.lastSequence, frame.sequence);
      if (frame.generation >= this.generation) {
        this.generation = frame.generation;
        this.position = at + 1;
      }
    }
    this.damagedSectors = isDamaged.slice(0, this.position).filter((one) => one).length;
    this.places = this.#placesIn(frames);
  }

  /** The record at a place, as a copy that the caller wipes; undefined where it cannot be read any more. */
  read({ first, sectors, sequence }: Place): Uint8Array | undefined {
    const read = Array.from({ length: sectors }, (_, index) => this.#read(first + index));
    const frames = read.flatMap((sector) => {
      const content = sector === undefined ? undefined : readFrame(sector);
      return content?.kind === 'frame' && content.frame.sequence === sequence ? [content.frame] : [];
    });
    const record = recordOf(frames);
    for (const sector of read) sector?.fill(0);
    return record;
  }

  /** True where the record is whole and no further writing of this generation touches it. */
  holds(sequence: number): boolean {
    return this.places.some((place) => place.sequence === sequence && place.generation === this.generation);
  }

  /** Where these records would go: behind what is there, or to the start. Undefined where they do not fit at all. */
  extentFor(records: readonly Uint8Array[]): Extent | undefined {
    const sectors = records.reduce((sum, { length }) => sum + this.#sectorsOf(length), 0);
    if (sectors > this.sectors) return undefined;
    const fits = this.generation > 0 && this.position + sectors <= this.sectors;
    return { first: fits ? this.position : 0, sectors };
  }

  /** True where the record has a whole place here that the extent leaves alone. */
  keepsDespite(sequence: number, { first, sectors }: Extent): boolean {
    return this.places.some(
      (place) =>
        place.sequence === sequence &&
        (place.first + place.sectors <= first || first + sectors <= place.first),
    );
  }

  /**
   * Writes records from the extent's first sector on, flushes, and scans again: afterwards `places` says what is there. A
   * device that refuses is noted in `refusal`.
   */
  write(records: readonly (readonly [number, Uint8Array])[], { first }: Extent): void {
    const generation = first === 0 ? this.generation + 1 : this.generation;
    let at = first;
    this.refusal = '';
    try {
      for (const [sequence, record] of records) {
        const place = { copy: this.index, generation, sequence };
        for (const sector of framesOf(record, place, this.#device.sectorOctets)) {
          this.#device.writeSector(this.#start + at++, sector);
          sector.fill(0);
        }
      }
      this.#device.flush();
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
    }
    this.scan();
  }

  /** Overwrites everything but the records of the extent with zeros. */
  blankOutside({ first, sectors }: Extent): void {
    const zeros = new Uint8Array(this.#device.sectorOctets);
    try {
      for (let at = 0; at < this.sectors; at++) {
        if (at < first || at >= first + sectors) this.#device.writeSector(this.#start + at, zeros);
      }
      this.#device.flush();
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
    }
    this.scan();
  }

  #sectorsOf(recordOctets: number): number {
    return sectorsOf(recordOctets, this.#device.sectorOctets);
  }

  #read(at: number): Uint8Array | undefined {
    try {
      return this.#device.readSector(this.#start + at);
    } catch {
      return undefined; // A sector that the device gives up is a damaged one.
    }
  }

  #placesIn(frames: readonly (Frame | undefined)[]): Place[] {
    const places: Place[] = [];
    frames.forEach((frame, first) => {
      if (frame === undefined || frame.index !== 0 || first + frame.count > frames.length) return;
      const place = {
        sequence: frame.sequence,
        generation: frame.generation,
        first,
        sectors: frame.count,
      };
      const record = this.read(place);
      if (record === undefined) return;
      record.fill(0);
      places.push(place);
    });
    return places;
  }
}

const nothing = new Uint8Array(0);
