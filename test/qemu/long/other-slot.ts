/** Puts a version into slot b of a board under test, as a version-up does it. */
import type { Board } from '../../../boards/board.ts';
import { configFlash, openBlockDevice } from '../../../host/platform/block-device.ts';
import { BoardSlots, type OpenPartition } from '../../../host/slots/board-slots.ts';
import { type Partition, partitionsOf } from '../../../tools/image/disk.ts';

const sectorOctets = 4096;

/** Writes `content` to slot b of a disk, and has the next start try it. */
export function putOnTrial(disk: string, board: Board, content: Buffer): void {
  const partitions = partitionsOf(board);
  const open = ({ offset, octets }: Partition): OpenPartition =>
    openBlockDevice(disk, 'write', {
      ...configFlash,
      part: () => ({ first: offset / sectorOctets, sectors: octets / sectorOctets }),
    });
  const slots = new BoardSlots({
    running: 'a',
    idleOctets: partitions['slot-b'].octets,
    openBoot: () => open(partitions.boot),
    openSlot: (slot) => open(partitions[`slot-${slot}`]),
  });
  const idle = slots.openIdle();
  for (let at = 0; at < content.length; at += sectorOctets) {
    const sector = Buffer.alloc(sectorOctets);
    content.copy(sector, 0, at);
    idle.writeSector(at / sectorOctets, sector);
  }
  idle.flush();
  idle.close();
  slots.markIdleComplete();
  slots.beginTrial();
}
