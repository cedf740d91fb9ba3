/**
 * What the running system and the boot loader tell each other (boot-archive.ts): the system writes the choice, in two copies one
 * after the other; the boot loader, which has no arithmetic, counts starts by setting marks. Nobody writes what the other one
 * does, but for damage that the system mends. The boot loader's side is tools/image/guest/choose-slot.cfg.
 *
 * Pure: the device is injected. README.md has why it is so.
 */
import type { BlockDevice } from '../flash/block-device.ts';
import { HostError } from '../model/host-error.ts';
import {
  bootFiles,
  type CountedStart,
  choiceFiles,
  encodeTurn,
  headersBefore,
  markFiles,
  marksOf,
  placeOctets,
  placeOf,
  turnFile,
  unsetMark,
} from './boot-archive.ts';
import { type BootChoice, decodeChoice, encodeChoice, generationDigits } from './boot-choice.ts';
import { decodeEnvironment } from './environment-block.ts';
import { otherSlot, type SlotName } from './slot.ts';

export class BootEnvironment {
  readonly #device: BlockDevice;

  /** @throws HostError FLASH for a device that has other sectors, or not enough of them */
  constructor(device: BlockDevice) {
    this.#device = device;
    const { sectorOctets, sectorCount } = device;
    if (sectorOctets !== placeOctets || sectorCount < 2 * bootFiles.length) {
      throw new HostError(
        'FLASH',
        `the partition boot: expected ${2 * bootFiles.length} sectors of ${placeOctets} octets, found ${sectorCount} of ${sectorOctets}`,
      );
    }
  }

  /** What the boot loader goes by; undefined where neither copy can be read. */
  get choice(): BootChoice | undefined {
    const [first, second] = choiceFiles;
    return this.#copy(first) ?? this.#copy(second);
  }

  /** How many starts of a kind were counted under the choice that there is. One that cannot be read counts. */
  starts(kind: CountedStart): number {
    const generation = this.choice?.generation;
    return marksOf(kind).filter((file) => {
      const mark = this.#mark(file);
      return mark === undefined || mark === generation;
    }).length;
  }

  /**
   * Makes everything whole again that can be, and returns the names of what was not.
   *
   * @param running the slot that this system runs from: what is chosen where neither copy can be read
   * @throws HostError FLASH
   */
  mend(running: SlotName): string[] {
    const mended = new Set<string>();
    for (const file of bootFiles) {
      if (this.#write(placeOf(file) - 1, headersBefore(file))) mended.add(`what is before ${file}`);
    }
    for (const file of this.#mendChoice(running)) mended.add(file);
    const generation = this.choice?.generation ?? 0;
    for (const file of markFiles) {
      const mark = this.#mark(file);
      // A mark of a generation that is still to come would be taken for set then.
      if (mark !== undefined && mark <= generation) continue;
      if (this.#write(placeOf(file), unsetMark)) mended.add(file);
    }
    if (!/^[ab]$/.test(this.#variable(turnFile, 'turn') ?? '')) {
      this.#write(placeOf(turnFile), encodeTurn(running));
      mended.add(turnFile);
    }
    // The boot loader's mark may be in the drive's cache yet: a start that counts has to stay counted.
    this.#tried(() => this.#device.flush());
    return [...mended];
  }

  /**
   * Tells the boot loader something else, and has it count starts anew. Durable when this returns; cut off, the old or the new.
   *
   * @throws HostError FLASH when it cannot be written: then it is as before, or the new choice in one copy alone
   */
  choose(change: Omit<BootChoice, 'generation'>): void {
    const { choice } = this;
    // The second copy has to hold what is in force before the first one is touched.
    if (choice !== undefined) this.#write(placeOf(choiceFiles[1]), encodeChoice(choice, placeOctets));
    const marks = markFiles.map((file) => this.#mark(file) ?? 0);
    const last = Math.max(choice?.generation ?? 0, ...marks);
    const block = encodeChoice({ ...change, generation: last + 1 }, placeOctets);
    for (const file of choiceFiles) this.#write(placeOf(file), block);
  }

  #mendChoice(running: SlotName): string[] {
    const { choice } = this;
    if (choice === undefined) {
      const isComplete = { a: false, b: false, [running]: true };
      this.choose({ active: running, trial: undefined, isComplete });
      return [...choiceFiles];
    }
    // The first one counts where it can be read, and where it cannot, the second one is written again as it is.
    const block = encodeChoice(choice, placeOctets);
    return [...choiceFiles].reverse().filter((file) => this.#write(placeOf(file), block));
  }

  #copy(file: string): BootChoice | undefined {
    const block = this.#read(placeOf(file));
    return block === undefined ? undefined : decodeChoice(block);
  }

  /** The generation that a mark was set for; undefined where it cannot be read. */
  #mark(file: string): number | undefined {
    const text = this.#variable(file, 'mark') ?? '';
    return new RegExp(`^\\d{${generationDigits}}$`).test(text) ? Number(text) : undefined;
  }

  #variable(file: string, name: string): string | undefined {
    const block = this.#read(placeOf(file));
    return block === undefined ? undefined : decodeEnvironment(block)?.get(name);
  }

  /** Writes and flushes a place where it holds something else. Returns whether it did. */
  #write(place: number, octets: Uint8Array): boolean {
    const before = this.#read(place);
    if (before !== undefined && sameOctets(before, octets)) return false;
    this.#tried(() => {
      this.#device.writeSector(place, octets);
      this.#device.flush();
    });
    return true;
  }

  #tried(write: () => void): void {
    try {
      write();
    } catch (cause) {
      throw new HostError('FLASH', `the partition boot cannot be written: ${String(cause)}`, { cause });
    }
  }

  #read(place: number): Uint8Array | undefined {
    try {
      return this.#device.readSector(place);
    } catch {
      return undefined; // A sector that the device gives up is a damaged one.
    }
  }
}

/** The choice as an image leaves the factory: slot a is whole and in use, slot b is empty. */
export const firstChoice: BootChoice = {
  generation: 1,
  active: 'a',
  trial: undefined,
  isComplete: { a: true, b: false },
};

/** With the slot on trial taken for the active one. */
export function confirmed(choice: BootChoice, slot: SlotName): Omit<BootChoice, 'generation'> {
  const { isComplete } = choice;
  return { active: slot, trial: undefined, isComplete: { ...isComplete, [slot]: true } };
}

/** With the trial over, and the active slot as before. */
export function withoutTrial({ active, isComplete }: BootChoice): Omit<BootChoice, 'generation'> {
  return { active, trial: undefined, isComplete };
}

/** With the other slot than the one that runs on trial next. */
export function withTrialBeside(running: SlotName, choice: BootChoice): Omit<BootChoice, 'generation'> {
  return { active: running, trial: otherSlot(running), isComplete: choice.isComplete };
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
