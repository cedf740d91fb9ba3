/** The same sources give the same octets. The short form makes a small slot and disk twice; the long one whole images. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { loadBoard } from '../../tools/image/boards.ts';
import type { Image } from '../../tools/image/build.ts';
import { writeDisk } from '../../tools/image/disk.ts';
import { FileTree } from '../../tools/image/file-tree.ts';
import { writeSlot } from '../../tools/image/slot.ts';
import { describeWith } from '../requirements.ts';
import { build, buildWithinMs, isLongForm } from './board-under-test.ts';

const name = 'qemu-x86_64';
/** FAT has times of two seconds. */
const fatTickMs = 2100;

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** What a build by somebody else, elsewhere, is. */
async function elsewhere<Result>(work: () => Promise<Result>): Promise<Result> {
  const [umask, zone] = [process.umask(0o077), process.env.TZ];
  process.env.TZ = 'Pacific/Chatham';
  try {
    return await work();
  } finally {
    process.umask(umask);
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
}

async function smallDisk(): Promise<string> {
  const board = await loadBoard(name);
  const scratch = mkdtempSync(join(tmpdir(), 'sekisho-small-'));
  try {
    mkdirSync(join(scratch, 'work'));
    const slot = join(scratch, 'slot');
    const disk = join(scratch, 'disk');
    const root = new FileTree();
    root.addFile('etc/name', 'small');
    root.addFile('bin/tool', '#!/bin/sh\n', true);
    const epoch = 1_700_000_000;
    const [kernel, firstFileSystem] = [Buffer.alloc(5000, 1), Buffer.alloc(300_000, 2)];
    writeSlot(slot, { root, kernel, firstFileSystem, board, scratch: join(scratch, 'work'), epoch });
    writeDisk(disk, {
      ...{ board, slot, scratch, epoch, identity: ['small', '1'] },
      loader: [{ path: '/EFI/BOOT/BOOTX64.EFI', content: Buffer.from('a loader') }],
    });
    return hashOf(disk);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const hashes = (image: Image) =>
  Object.fromEntries(Object.entries(image).map(([what, file]) => [what, hashOf(file)]));

describeWith(
  ['image tools'],
  'two builds are the same, octet by octet, whatever the time, the zone and the umask',
  () => {
    it('of slot and disk', async () => {
      const first = await smallDisk();
      await sleep(fatTickMs);
      expect(await elsewhere(smallDisk)).toBe(first);
    });

    if (isLongForm)
      it(
        'of a whole image, its manifest and its bill of materials',
        async () => {
          const first = hashes(await build(name));
          expect(await elsewhere(async () => hashes(await build(name, 'build/image/test-again')))).toEqual(
            first,
          );
        },
        2 * buildWithinMs,
      );
  },
);
