/** The file system that the kernel unpacks into memory and starts from: busybox, the disk's drivers, one script. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Board } from '../../boards/board.ts';
import { archiveOf } from '../qemu-runner/archive.ts';
import { stripped } from './elf.ts';
import { FileTree } from './file-tree.ts';
import { gzip } from './gzip.ts';
import type { Kernel } from './kernel.ts';
import type { UnpackedPackage } from './package-pins.ts';
import { fileOf } from './programs.ts';

const script = fileURLToPath(new URL('./guest/first-init', import.meta.url));
/** The slot's file system, and the file in it that is one too. */
const slotModules = ['squashfs', 'loop'];

/** A compressed cpio archive. */
export function firstFileSystem(board: Board, kernel: Kernel, busybox: UnpackedPackage): Uint8Array {
  const tree = new FileTree();
  for (const folder of ['bin', 'proc', 'sys', 'dev', 'slot', 'root']) tree.add(folder, { kind: 'folder' });
  tree.addFile('bin/busybox', stripped(fileOf(busybox, 'bin/busybox')), true);
  tree.addFile('init', readFileSync(script), true);
  const modules = [...slotModules, ...board.modules.disk];
  kernel.addModules(modules, tree);
  tree.addFile('etc/modules', `${kernel.loadable(modules).join('\n')}\n`);
  // The kernel opens its console before devtmpfs is there.
  const console = { kind: 'device', path: 'dev/console', major: 5, minor: 1 } as const;
  return gzip(archiveOf([...tree.archiveEntries(), console]));
}
