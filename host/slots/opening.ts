/** The slots of the board that this process runs on, over its real partitions. */
import { HostError } from '../model/host-error.ts';
import {
  type BoardPartition,
  boardPartition,
  boardStart,
  openBoardPartition,
} from '../platform/board-disk.ts';
import { BoardSlots, type OpenPartition } from './board-slots.ts';
import { otherSlot, type SlotName } from './slot.ts';

export interface Board {
  readonly slots: BoardSlots;
  /** How the boot loader came to choose the slot that runs. */
  readonly how: string | undefined;
  /** The partition `boot`, for writing alone; the caller closes it soon. Throws HostError FLASH. */
  readonly openBoot: () => OpenPartition;
}

/**
 * The board's slots; undefined on a machine that is no board with slots, a PC.
 *
 * @throws HostError FLASH where only some of a board's partitions are there
 */
export function openBoard(): Board | undefined {
  const start = boardStart();
  if (start === undefined) return undefined;
  const boot = partition('boot');
  const slots = { a: partition('slot-a'), b: partition('slot-b') };
  const openBoot = (): OpenPartition => openBoardPartition(boot);
  return {
    how: start.how,
    openBoot,
    slots: new BoardSlots({
      running: start.slot,
      idleOctets: slots[otherSlot(start.slot)].octets,
      openBoot,
      openSlot: (slot: SlotName) => openBoardPartition(slots[slot]),
    }),
  };
}

function partition(name: string): BoardPartition {
  const found = boardPartition(name);
  if (found !== undefined) return found;
  throw new HostError('FLASH', `this board's disk has no partition ${name}: its image is another one`);
}
