/** A board's disk in memory: the partition `boot` and two slots, with what a version-up and the boot loader do to them. */
import { BoardSlots } from '../../../host/slots/board-slots.ts';
import { bootArchive, placeOctets } from '../../../host/slots/boot-archive.ts';
import {
  BootEnvironment,
  confirmed,
  firstChoice,
  withoutTrial,
} from '../../../host/slots/boot-environment.ts';
import { otherSlot, type SlotName } from '../../../host/slots/slot.ts';
import { SimulatedDevice } from '../flash/simulated-device.ts';
import { bootLoaderStart, type Started } from './boot-loader-model.ts';

const bootSectors = 32;
/** As many sectors as it takes to be half written. */
const slotSectors = 3;

export class BoardWorld {
  readonly boot: SimulatedDevice;
  readonly slots: Readonly<Record<SlotName, SimulatedDevice>>;

  constructor(boot: SimulatedDevice, slots: Readonly<Record<SlotName, SimulatedDevice>>) {
    this.boot = boot;
    this.slots = slots;
  }

  /** As it leaves the factory: version 1 in slot a. */
  static fromFactory(): BoardWorld {
    const boot = deviceOf(bootArchive(firstChoice), bootSectors);
    const a = deviceOf(new Uint8Array(slotSectors * placeOctets).fill(1), slotSectors);
    return new BoardWorld(boot, { a, b: new SimulatedDevice(placeOctets, slotSectors) });
  }

  get devices(): readonly SimulatedDevice[] {
    return [this.boot, this.slots.a, this.slots.b];
  }

  copy(): BoardWorld {
    return this.each((device) => device.copy());
  }

  /** With what `change` makes of each device, as after power that all of them lost. */
  each(change: (device: SimulatedDevice) => SimulatedDevice): BoardWorld {
    return new BoardWorld(change(this.boot), { a: change(this.slots.a), b: change(this.slots.b) });
  }

  /** The version that a slot holds whole; undefined where it does not. */
  versionIn(slot: SlotName): number | undefined {
    const octets = this.slots[slot].octets();
    const [version = 0] = octets;
    const isWhole = Buffer.compare(octets, Buffer.alloc(octets.length, version)) === 0;
    return version > 0 && isWhole ? version : undefined;
  }

  /** The board is switched on. */
  start(): Started {
    return bootLoaderStart(this.boot);
  }

  slotsOf(running: SlotName): BoardSlots {
    return new BoardSlots({
      running,
      idleOctets: slotSectors * placeOctets,
      openBoot: () => opened(this.boot),
      openSlot: (slot) => opened(this.slots[slot]),
    });
  }

  /** A whole version-up, up to the restart. */
  versionUp(running: SlotName, version: number): void {
    const slots = this.slotsOf(running);
    const idle = slots.openIdle();
    for (let sector = 0; sector < slotSectors; sector++)
      idle.writeSector(sector, new Uint8Array(placeOctets).fill(version));
    idle.flush();
    idle.close();
    if (this.versionIn(otherSlot(running)) !== version) throw new Error('it cannot be read back');
    slots.markIdleComplete();
    slots.beginTrial();
  }

  /** The system that runs says that it is well. */
  confirm(running: SlotName): void {
    this.#choose(running, (choice) => confirmed(choice, running));
  }

  /** The active system finds a trial that is over, or the one on trial gives up. */
  endTrial(running: SlotName): void {
    this.#choose(running, withoutTrial);
  }

  #choose(
    running: SlotName,
    next: (choice: NonNullable<BootEnvironment['choice']>) => Parameters<BootEnvironment['choose']>[0],
  ): void {
    const environment = new BootEnvironment(this.boot);
    environment.mend(running);
    const { choice } = environment;
    if (choice === undefined) throw new Error('there is no choice');
    environment.choose(next(choice));
  }
}

/** The device as a partition that somebody has open. */
export function opened(device: SimulatedDevice) {
  return {
    sectorOctets: device.sectorOctets,
    sectorCount: device.sectorCount,
    readSector: (index: number) => device.readSector(index),
    writeSector: (index: number, octets: Uint8Array) => device.writeSector(index, octets),
    flush: () => device.flush(),
    close: () => {},
  };
}

function deviceOf(content: Uint8Array, sectors: number): SimulatedDevice {
  const octets = new Uint8Array(sectors * placeOctets);
  octets.set(content);
  return new SimulatedDevice(
    placeOctets,
    sectors,
    Array.from({ length: sectors }, (_, index) =>
      octets.subarray(index * placeOctets, (index + 1) * placeOctets),
    ),
  );
}
