/** Versions that are no good, for slot b of a board under test, put there as a version-up does it. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Board } from '../../boards/board.ts';
import { configFlash, openBlockDevice } from '../../host/platform/block-device.ts';
import { BoardSlots, type OpenPartition } from '../../host/slots/board-slots.ts';
import type { Image } from '../../tools/image/build.ts';
import { type Partition, partitionsOf } from '../../tools/image/disk.ts';
import { runCommand } from '../../tools/lab/namespaces.ts';

const sectorOctets = 4096;

/** A slot whose kernel finds no program to start with: it panics. */
export function panickingSlot(image: Image): Buffer {
  return slotOf((folder) => {
    copyFileSync(image.kernel, join(folder, 'vmlinuz'));
    writeFileSync(join(folder, 'first-file-system'), 'no archive');
  });
}

/** A slot that starts, and whose router never says that it is well: `run-router` does nothing. */
export function hangingSlot(image: Image): Buffer {
  return slotOf((folder) => {
    const parts = join(folder, 'parts');
    runCommand(['unsquashfs', '-quiet', '-no-progress', '-dest', parts, image.slot]);
    const root = join(folder, 'root-files');
    runCommand(['unsquashfs', '-quiet', '-no-progress', '-dest', root, join(parts, 'root')]);
    writeFileSync(join(root, 'usr/lib/sekisho/bin/run-router'), '#!/bin/sh\nwhile :; do sleep 60; done\n');
    for (const file of ['vmlinuz', 'first-file-system']) copyFileSync(join(parts, file), join(folder, file));
    // Fast: nobody keeps it.
    const fast = ['-comp', 'zstd', '-Xcompression-level', '3'];
    runCommand(['mksquashfs', root, join(folder, 'root'), '-quiet', '-no-progress', '-all-root', ...fast]);
    for (const folder of [parts, root]) rmSync(folder, { recursive: true });
  });
}

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

function slotOf(fill: (folder: string) => void): Buffer {
  const scratch = mkdtempSync(join(tmpdir(), 'sekisho-slot-'));
  try {
    const folder = join(scratch, 'slot');
    mkdirSync(folder);
    fill(folder);
    const file = join(scratch, 'slot.squashfs');
    const plain = ['-comp', 'gzip', '-noD', '-noI', '-noF', '-noappend'];
    runCommand(['mksquashfs', folder, file, '-quiet', '-no-progress', '-all-root', ...plain]);
    return readFileSync(file);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
