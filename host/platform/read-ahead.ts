/**
 * Packets that were read from a TUN several at a time and are handed out one at a time. Only where small ones follow each other: a single
 * packet does not wait for others, and a bundle of 64 KiB is not worth a copy.
 */
import type { FrameMemory } from './frame-memory.ts';
import { addressOfBuffer } from './libc.ts';
import { READS_MAX, ReadRing } from './read-ring.ts';

/** Octets of a place: the longest packet there is and its virtio_net_hdr, a multiple of 64. */
const PLACE = 65_600;
/** A packet that is longer is not small. */
const SMALL = 4096;
/** So many small ones in a row make a stream of them. */
const ENOUGH = 4;
const FEW = 256;

export class ReadAhead {
  readonly #frames: FrameMemory;
  readonly #ring: ReadRing;
  readonly #buffer = new ArrayBuffer(READS_MAX * PLACE);
  readonly #octets = new Uint8Array(this.#buffer);
  readonly #address = addressOfBuffer(this.#buffer);
  #next = READS_MAX;
  #end = READS_MAX;
  #smallInARow = 0;
  #wasShort = false;

  constructor(frames: FrameMemory, ring: ReadRing) {
    this.#frames = frames;
    this.#ring = ring;
  }

  /** Nothing where the kernel has no ring for us. */
  static open(frames: FrameMemory): ReadAhead | undefined {
    const ring = ReadRing.open();
    return ring === undefined ? undefined : new ReadAhead(frames, ring);
  }

  /** Whether there are packets that were read and not taken. */
  get hasPackets(): boolean {
    return this.#next < this.#end;
  }

  /** A packet was read alone; 0: there was none. */
  note(length: number): void {
    this.#smallInARow = length > 0 && length <= SMALL ? this.#smallInARow + 1 : 0;
  }

  /** Whether it is worth reading ahead now. */
  get isWorthIt(): boolean {
    return this.#smallInARow >= ENOUGH;
  }

  /** Reads what is there, at most a ring full. Returns 0 or an errno, as the ring does. */
  fill(fd: number): number {
    this.#next = 0;
    this.#end = READS_MAX;
    const failure = this.#ring.read(fd, this.#address, PLACE, READS_MAX);
    const { lengths } = this.#ring;
    this.#wasShort = lengths[READS_MAX - 1] === 0;
    // So few do not follow each other: whether later ones do is seen again.
    if (lengths[ENOUGH - 1] === 0) this.#smallInARow = 0;
    this.#skipEmpty();
    return failure;
  }

  /** Whether the last ring full ended with nothing being there. Said once: then it is worth asking again. */
  takeShort(): boolean {
    const wasShort = this.#wasShort;
    this.#wasShort = false;
    return wasShort;
  }

  /** Copies the next packet to `offset` of the frame memory. Returns its octets; 0 when there is none. */
  take(offset: number, room: number): number {
    if (!this.hasPackets) return 0;
    const place = this.#next++;
    const length = Math.min(this.#ring.lengths[place] ?? 0, room);
    this.note(length);
    this.#copy(place * PLACE, offset, length);
    this.#skipEmpty();
    return length;
  }

  close(): void {
    this.#ring.close();
  }

  #skipEmpty(): void {
    while (this.hasPackets && this.#ring.lengths[this.#next] === 0) this.#next++;
  }

  /** For a few octets a loop beats `set` with its view object. */
  #copy(from: number, to: number, length: number): void {
    const { octets } = this.#frames;
    if (length > FEW) {
      octets.set(this.#octets.subarray(from, from + length), to);
      return;
    }
    for (let index = 0; index < length; index++) octets[to + index] = this.#octets[from + index] ?? 0;
  }
}
