/**
 * The slots of a board, as a version-up uses them. Before the idle one is touched the boot loader is told that it is not whole, and it
 * is not started before somebody has read it back. Pure: the partitions are injected, each open no longer than it is needed.
 */
import type { BlockDevice } from '../flash/block-device.ts';
import { HostError } from '../model/host-error.ts';
import type { BootChoice } from './boot-choice.ts';
import { BootEnvironment, withTrialBeside } from './boot-environment.ts';
import { otherSlot, type SlotName } from './slot.ts';
import type { Slots } from './slots.ts';

export type OpenPartition = BlockDevice & { close(): void };

export interface BoardPartitions {
  readonly running: SlotName;
  readonly idleOctets: number;
  /** The partition `boot`, for writing. Throws HostError FLASH. */
  readonly openBoot: () => OpenPartition;
  /** A slot's partition, for writing. Throws HostError FLASH. */
  readonly openSlot: (slot: SlotName) => OpenPartition;
}

export class BoardSlots implements Slots {
  readonly running: SlotName;
  readonly idle: SlotName;
  readonly idleOctets: number;
  readonly #partitions: BoardPartitions;

  constructor(partitions: BoardPartitions) {
    this.#partitions = partitions;
    this.running = partitions.running;
    this.idle = otherSlot(partitions.running);
    this.idleOctets = partitions.idleOctets;
  }

  openIdle(): OpenPartition {
    this.#environment((environment, choice) => {
      if (choice.trial === this.running) {
        throw new HostError(
          'USAGE',
          `slot ${this.running} is on trial itself: what is in slot ${this.idle} is needed until it has proved itself`,
        );
      }
      environment.choose({
        active: this.running,
        trial: undefined,
        isComplete: { ...choice.isComplete, [this.running]: true, [this.idle]: false },
      });
    });
    return this.#partitions.openSlot(this.idle);
  }

  markIdleComplete(): void {
    this.#environment((environment, choice) => {
      environment.choose({ ...choice, isComplete: { ...choice.isComplete, [this.idle]: true } });
    });
  }

  beginTrial(): void {
    this.#environment((environment, choice) => {
      if (!choice.isComplete[this.idle]) {
        throw new HostError('USAGE', `slot ${this.idle} is not complete: a version-up has to write it first`);
      }
      environment.choose(withTrialBeside(this.running, choice));
    });
  }

  #environment(work: (environment: BootEnvironment, choice: BootChoice) => void): void {
    const device = this.#partitions.openBoot();
    try {
      const environment = new BootEnvironment(device);
      environment.mend(this.running);
      const { choice } = environment;
      if (choice === undefined) throw new HostError('FLASH', 'the partition boot cannot be read back');
      work(environment, choice);
    } finally {
      device.close();
    }
  }
}
