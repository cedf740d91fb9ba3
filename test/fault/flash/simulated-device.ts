/**
 * A block device that does everything that a real one may do wrong: it loses power after any write, keeps any part of what was
 * not flushed, in any order, tears the sector that it was writing, turns bits over, and refuses to read or write.
 */
import type { BlockDevice } from '../../../host/flash/block-device.ts';

/** How a torn sector ends up: these octets of the new, the rest of the old. */
export interface Tear {
  readonly first: number;
  /** Behind the last one. */
  readonly end: number;
}

export class SimulatedDevice implements BlockDevice {
  readonly sectorOctets: number;
  readonly sectorCount: number;
  /** How often each sector was written. */
  readonly wear: number[];
  /** Sectors that the device gives up. */
  readonly unreadable = new Set<number>();
  /** First and last sector that it refuses to write. */
  refused: readonly [number, number] | undefined;
  /** Writes until power is lost, and nothing works any more; undefined for never. */
  writesLeft: number | undefined;
  hasPower = true;
  /** Writes so far. */
  writes = 0;
  #durable: Uint8Array[];
  #pending: (readonly [number, Uint8Array])[] = [];

  constructor(sectorOctets: number, sectorCount: number, durable?: readonly Uint8Array[]) {
    this.sectorOctets = sectorOctets;
    this.sectorCount = sectorCount;
    this.wear = Array.from({ length: sectorCount }, () => 0);
    this.#durable =
      durable?.map((sector) => Uint8Array.from(sector)) ??
      Array.from({ length: sectorCount }, () => new Uint8Array(sectorOctets));
  }

  /** Writes that were not flushed. */
  get pending(): number {
    return this.#pending.length;
  }

  readSector(index: number): Uint8Array {
    this.#needPower();
    if (this.unreadable.has(index)) throw new Error(`sector ${index} cannot be read`);
    const [, octets] = this.#pending.findLast(([sector]) => sector === index) ?? [];
    return Uint8Array.from(octets ?? this.#sector(index));
  }

  writeSector(index: number, octets: Uint8Array): void {
    this.#sector(index);
    if (octets.length !== this.sectorOctets) throw new RangeError(`a sector of ${octets.length} octets`);
    if (this.refused !== undefined && index >= this.refused[0] && index <= this.refused[1]) {
      throw new Error(`sector ${index} cannot be written`);
    }
    if (this.writesLeft === 0) this.hasPower = false;
    this.#needPower();
    if (this.writesLeft !== undefined) this.writesLeft--;
    this.#pending.push([index, Uint8Array.from(octets)]);
    this.wear[index] = (this.wear[index] ?? 0) + 1;
    this.writes++;
  }

  flush(): void {
    if (this.writesLeft === 0) this.hasPower = false;
    this.#needPower();
    for (const [index, octets] of this.#pending) this.#durable[index] = octets;
    this.#pending = [];
  }

  /**
   * The device after power came back.
   *
   * @param landed whether the unflushed write of this number reached its sector; later ones may have without earlier ones
   * @param torn the unflushed write that was under way, and how much of it there is
   */
  afterPowerCut(landed: (write: number) => boolean, torn?: readonly [write: number, Tear]): SimulatedDevice {
    const sectors = this.#durable.map((sector) => Uint8Array.from(sector));
    this.#pending.forEach(([index, octets], write) => {
      if (torn?.[0] === write)
        sectors[index]?.set(octets.subarray(torn[1].first, torn[1].end), torn[1].first);
      else if (landed(write)) sectors[index] = Uint8Array.from(octets);
    });
    return new SimulatedDevice(this.sectorOctets, this.sectorCount, sectors);
  }

  /** The same content, flushed, on a device of its own. */
  copy(): SimulatedDevice {
    return this.afterPowerCut(() => true);
  }

  /** Turns a bit over, without anybody noticing. */
  flip(index: number, bit: number): void {
    const sector = this.#sector(index);
    sector[bit >> 3] = (sector[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }

  /** Everything that is on it, flushed. */
  octets(): Uint8Array {
    return Buffer.concat(this.copy().#durable);
  }

  /** Everything that was flushed. */
  flushed(): Uint8Array {
    return Buffer.concat(this.#durable);
  }

  #sector(index: number): Uint8Array {
    const sector = this.#durable[index];
    if (sector === undefined) throw new RangeError(`there is no sector ${index}`);
    return sector;
  }

  #needPower(): void {
    if (!this.hasPower) throw new Error('there is no power');
  }
}
