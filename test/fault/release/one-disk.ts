/**
 * A board's disk as one simulated device, so that one power cut hits all of it: what the boot loader reads, the small documents, and two
 * slots. The first two are kept by the simplest thing that can be right, two copies with a number and a checksum, for these
 * tests are about the order in which a version-up writes; test/fault/slots and test/fault/flash have the board's own.
 */
import { createHash } from 'node:crypto';
import type { BlockDevice } from '../../../host/flash/block-device.ts';
import type { StateStore } from '../../../host/flash/state.ts';
import type { SlotName } from '../../../host/slots/slot.ts';
import type { Slots } from '../../../host/slots/slots.ts';
import type { SimulatedDevice } from '../flash/simulated-device.ts';

export const sectorOctets = 4096;
export const slotSectors = 272;
const documentSectors = 8;

/** First sectors. */
const bootAt = 0;
const stateAt = 2;
const slotAt = { a: stateAt + 2 * documentSectors, b: stateAt + 2 * documentSectors + slotSectors };
export const diskSectors = slotAt.b + slotSectors;

interface Choice {
  readonly complete: Readonly<Record<SlotName, boolean>>;
  readonly trial: SlotName | null;
}

const fresh: Choice = { complete: { a: true, b: false }, trial: null };

/** The slot that this disk would start. Throws when there would be none. */
export function startedSlot(disk: SimulatedDevice): SlotName {
  const { complete, trial } = choiceOn(disk);
  const slot = trial ?? 'a';
  if (!complete[slot]) throw new Error(`slot ${slot} is chosen and incomplete`);
  return slot;
}

export function isComplete(disk: SimulatedDevice, slot: SlotName): boolean {
  return choiceOn(disk).complete[slot];
}

export function slotOctets(disk: SimulatedDevice, slot: SlotName, length: number): Uint8Array {
  const start = slotAt[slot] * sectorOctets;
  return disk.octets().subarray(start, start + length);
}

/** A slot's part of the disk. */
export function slotOn(disk: SimulatedDevice, slot: SlotName): BlockDevice & { close(): void } {
  const first = slotAt[slot];
  const within = (index: number): number => {
    if (index < 0 || index >= slotSectors) throw new RangeError(`there is no sector ${index}`);
    return first + index;
  };
  return {
    sectorOctets,
    sectorCount: slotSectors,
    readSector: (index) => disk.readSector(within(index)),
    writeSector: (index, octets) => disk.writeSector(within(index), octets),
    flush: () => disk.flush(),
    close: () => undefined,
  };
}

export class DiskSlots implements Slots {
  readonly running = 'a';
  readonly idle = 'b';
  readonly idleOctets = slotSectors * sectorOctets;
  readonly #disk: SimulatedDevice;

  constructor(disk: SimulatedDevice) {
    this.#disk = disk;
  }

  openIdle(): BlockDevice & { close(): void } {
    this.#choose({ complete: { a: true, b: false }, trial: null });
    return slotOn(this.#disk, 'b');
  }

  markIdleComplete(): void {
    this.#choose({ complete: { a: true, b: true }, trial: null });
  }

  beginTrial(): void {
    const { complete } = choiceOn(this.#disk);
    if (!complete.b) throw new Error('slot b is incomplete');
    this.#choose({ complete, trial: 'b' });
  }

  #choose(choice: Choice): void {
    writeCopy(this.#disk, bootAt, 1, JSON.stringify(choice));
  }
}

export class DiskState implements StateStore {
  readonly #disk: SimulatedDevice;

  constructor(disk: SimulatedDevice) {
    this.#disk = disk;
  }

  read(name: string): Uint8Array | undefined {
    const text = documentsOn(this.#disk)[name];
    return text === undefined ? undefined : new Uint8Array(Buffer.from(text, 'base64'));
  }

  write(name: string, content: Uint8Array): void {
    const documents = { ...documentsOn(this.#disk), [name]: Buffer.from(content).toString('base64') };
    writeCopy(this.#disk, stateAt, documentSectors, JSON.stringify(documents));
  }
}

function choiceOn(disk: SimulatedDevice): Choice {
  const text = newestCopy(disk, bootAt, 1)?.text;
  return text === undefined ? fresh : JSON.parse(text);
}

function documentsOn(disk: SimulatedDevice): Record<string, string> {
  const text = newestCopy(disk, stateAt, documentSectors)?.text;
  return text === undefined ? {} : JSON.parse(text);
}

/** Writes over the older of two copies. */
function writeCopy(disk: SimulatedDevice, at: number, sectors: number, text: string): void {
  const newest = newestCopy(disk, at, sectors);
  const number = (newest?.number ?? 0) + 1;
  const body = Buffer.alloc(sectors * sectorOctets);
  const content = Buffer.from(text);
  if (content.length + 40 > body.length) throw new RangeError(`${content.length} octets do not fit`);
  body.writeUInt32BE(number, 32);
  body.writeUInt32BE(content.length, 36);
  body.set(content, 40);
  body.set(createHash('sha256').update(body.subarray(32)).digest(), 0);
  const first = at + (number % 2) * sectors;
  for (let sector = 0; sector < sectors; sector++) {
    disk.writeSector(first + sector, body.subarray(sector * sectorOctets, (sector + 1) * sectorOctets));
  }
  disk.flush();
}

function newestCopy(disk: SimulatedDevice, at: number, sectors: number) {
  const copies = [0, 1].flatMap((copy) => {
    const octets = Buffer.concat(
      Array.from({ length: sectors }, (_, sector) => disk.readSector(at + copy * sectors + sector)),
    );
    const hash = createHash('sha256').update(octets.subarray(32)).digest();
    if (!hash.equals(octets.subarray(0, 32))) return [];
    const length = octets.readUInt32BE(36);
    return [{ number: octets.readUInt32BE(32), text: octets.subarray(40, 40 + length).toString() }];
  });
  return copies.sort((a, b) => b.number - a.number)[0];
}
