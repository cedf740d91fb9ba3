/** What a version-up needs of a board's slots. Who writes the idle one tells nothing else of the boot loader. */
import type { BlockDevice } from '../flash/block-device.ts';
import type { SlotName } from './slot.ts';

export interface Slots {
  /** The slot this system runs from. */
  readonly running: SlotName;
  readonly idle: SlotName;
  /** Size of the idle slot's partition. */
  readonly idleOctets: number;
  /**
   * The idle slot, marked incomplete (durable) before this returns; any trial is over. The caller closes it.
   *
   * @throws HostError FLASH, and then the slot is as it was
   */
  openIdle(): BlockDevice & { close(): void };
  /**
   * The idle slot's content was read back and is whole (durable when this returns).
   *
   * @throws HostError FLASH
   */
  markIdleComplete(): void;
  /**
   * The next start tries the idle slot (3 tries). Durable when this returns.
   *
   * @throws HostError FLASH; USAGE for an incomplete slot
   */
  beginTrial(): void;
}
