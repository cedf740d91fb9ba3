/**
 * A slot's content: a read-only squashfs whose files the boot loader can read, and in it the root file system as one more file. GRUB
 * knows no zstd, and xz takes much longer to start from: so the outer file system is not compressed at all, the
 * root file system by zstd, and a kernel that does not bring its own compression by gzip. The same files, the same octets.
 *
 *   slot partition ── /vmlinuz, /first-file-system      for the boot loader
 *                  └─ /root ── zstd squashfs            mounted by the first program
 */
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Board } from '../../boards/board.ts';
import { HostError } from '../../host/model/host-error.ts';
import { runCommand } from '../lab/namespaces.ts';
import type { FileTree } from './file-tree.ts';

/** Larger blocks pack better, and cost memory and time for each one that is looked into. */
const rootCompression = ['-comp', 'zstd', '-Xcompression-level', '19', '-b', '262144'];
/** Data, inodes and fragments as they are; what is left needs a compressor that GRUB knows. */
const noCompression = ['-comp', 'gzip', '-noD', '-noI', '-noF'];

export interface SlotOptions {
  readonly root: FileTree;
  readonly kernel: Uint8Array;
  readonly firstFileSystem: Uint8Array;
  readonly board: Board;
  /** Folder for files in between; they are gone afterwards. */
  readonly scratch: string;
  /** Seconds since 1970 at which every file and the file systems themselves were made. */
  readonly epoch: number;
}

/** Writes `file`. Throws HostError PLATFORM when it does not fit into the board's slot. */
export function writeSlot(file: string, options: SlotOptions): void {
  const { root, kernel, firstFileSystem, board, scratch, epoch } = options;
  const rootFolder = join(scratch, 'root');
  const slotFolder = join(scratch, 'slot');
  root.writeTo(rootFolder);
  rmSync(slotFolder, { recursive: true, force: true });
  mkdirSync(slotFolder, { recursive: true });
  squash(rootFolder, join(slotFolder, 'root'), epoch, rootCompression);
  writeFileSync(join(slotFolder, 'vmlinuz'), kernel);
  writeFileSync(join(slotFolder, 'first-file-system'), firstFileSystem);
  // The umask is not to show.
  chmodSync(slotFolder, 0o755);
  for (const name of readdirSync(slotFolder)) chmodSync(join(slotFolder, name), 0o644);
  squash(slotFolder, file, epoch, noCompression);
  for (const folder of [rootFolder, slotFolder]) rmSync(folder, { recursive: true, force: true });
  const { size } = statSync(file);
  const room = board.slotMebibytes * 2 ** 20;
  if (size > room)
    throw new HostError('PLATFORM', `the slot's content has ${size} octets, the board's slot ${room}`);
}

function squash(folder: string, file: string, epoch: number, compression: readonly string[]): void {
  rmSync(file, { force: true });
  const fixed = [
    '-all-root',
    '-no-xattrs',
    '-no-exports',
    '-mkfs-time',
    String(epoch),
    '-all-time',
    String(epoch),
  ];
  // Set, the variable would contradict the times, and mksquashfs refuses.
  runCommand([
    'env',
    '-u',
    'SOURCE_DATE_EPOCH',
    'mksquashfs',
    folder,
    file,
    '-noappend',
    '-no-progress',
    '-quiet',
    ...fixed,
    ...compression,
  ]);
}
