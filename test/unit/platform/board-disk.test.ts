import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { boardPartition, boardStart } from '../../../host/platform/board-disk.ts';

const root = mkdtempSync(join(tmpdir(), 'sekisho-disk-'));
const folders = { blocks: join(root, 'block'), commandLine: join(root, 'cmdline'), devices: '/dev' };

afterAll(() => rmSync(root, { recursive: true }));

it('finds a partition by its whole name, and its size', () => {
  for (const [device, name] of [
    ['vda', undefined],
    ['vda2', 'slot-a'],
    ['vda3', 'slot-ab'],
  ] as const) {
    mkdirSync(join(folders.blocks, device), { recursive: true });
    writeFileSync(
      join(folders.blocks, device, 'uevent'),
      `DEVNAME=${device}\n${name ? `PARTNAME=${name}\n` : ''}`,
    );
    writeFileSync(join(folders.blocks, device, 'size'), '131072\n');
  }
  expect(boardPartition('slot-a', folders)).toEqual({
    name: 'slot-a',
    path: '/dev/vda2',
    octets: 64 * 2 ** 20,
  });
  expect(boardPartition('slot-b', folders)).toBeUndefined();
  expect(boardPartition('slot-a', { ...folders, blocks: join(root, 'none') })).toBeUndefined();
});

it('reads what the boot loader chose, where it was ours', () => {
  writeFileSync(folders.commandLine, 'console=ttyS0 quiet sekisho.slot=b sekisho.start=trial\n');
  expect(boardStart(folders)).toEqual({ slot: 'b', how: 'trial' });
  writeFileSync(folders.commandLine, 'sekisho.slot=a\n');
  expect(boardStart(folders)).toEqual({ slot: 'a', how: undefined });
  writeFileSync(folders.commandLine, 'BOOT_IMAGE=/vmlinuz root=/dev/sda1\n');
  expect(boardStart(folders)).toBeUndefined();
});
