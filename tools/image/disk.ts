/**
 * The disk: GPT with the boot loader's partition, two slots, the settings, and what the boot loader and the system tell each other,
 * put together in a file without mounting anything. sgdisk writes the partition table, mtools the FAT file system.
 *
 *   | GPT | ESP 16 MiB | slot-a | slot-b | config | boot 1 MiB | GPT |
 *          ^ 1 MiB
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Board } from '../../boards/board.ts';
import { HostError } from '../../host/model/host-error.ts';
import { bootArchive } from '../../host/slots/boot-archive.ts';
import { firstChoice } from '../../host/slots/boot-environment.ts';
import { runCommand } from '../lab/namespaces.ts';
import type { LoaderFile } from './boot-loader.ts';
import { serialOf, uuidOf } from './identifiers.ts';

const mebibyte = 2 ** 20;
const sectorOctets = 512;
/** UEFI reads FAT16 too; the loader takes less than one of them. */
const espMebibytes = 16;
/** A hundredth of it is used. */
const bootMebibytes = 1;
/** Before the first partition and behind the last one. */
const tableMebibytes = 1;
/** sgdisk's short names of partition types: EFI system, Linux file system. */
const types = { esp: 'ef00', linux: '8300' };

export interface Partition {
  readonly name: string;
  readonly offset: number;
  readonly octets: number;
  readonly type: string;
}

/** Places of the partitions, by their names. */
export function partitionsOf(
  board: Board,
): Readonly<Record<'esp' | 'slot-a' | 'slot-b' | 'config' | 'boot', Partition>> {
  let offset = tableMebibytes * mebibyte;
  const next = (name: string, mebibytes: number, type: string): Partition => {
    const partition = { name, offset, octets: mebibytes * mebibyte, type };
    offset += partition.octets;
    return partition;
  };
  return {
    esp: next('esp', espMebibytes, types.esp),
    'slot-a': next('slot-a', board.slotMebibytes, types.linux),
    'slot-b': next('slot-b', board.slotMebibytes, types.linux),
    config: next('config', board.configMebibytes, types.linux),
    boot: next('boot', bootMebibytes, types.linux),
  };
}

export interface DiskOptions {
  readonly board: Board;
  /** Goes into identifiers: board and version. */
  readonly identity: readonly string[];
  readonly loader: readonly LoaderFile[];
  /** File with slot a's content. */
  readonly slot: string;
  readonly scratch: string;
  readonly epoch: number;
}

/** Writes the disk image; parts without content are holes. */
export function writeDisk(file: string, options: DiskOptions): void {
  const partitions = partitionsOf(options.board);
  const all = Object.values(partitions);
  const end = partitions.boot.offset + partitions.boot.octets;
  rmSync(file, { force: true });
  const fd = openSync(file, 'w');
  try {
    ftruncateSync(fd, end + tableMebibytes * mebibyte);
    const esp = readFileSync(writeEsp(options, partitions.esp));
    writeSync(fd, esp, 0, esp.length, partitions.esp.offset);
    const slot = readFileSync(options.slot);
    writeSync(fd, slot, 0, slot.length, partitions['slot-a'].offset);
    const boot = bootArchive(firstChoice);
    writeSync(fd, boot, 0, boot.length, partitions.boot.offset);
  } finally {
    closeSync(fd);
  }
  const identifier = (what: string): string => uuidOf(...options.identity, what);
  runCommand([
    ...['sgdisk', '--clear', '--set-alignment=2048', `--disk-guid=${identifier('disk')}`],
    ...all.flatMap(({ name, offset, octets, type }, index) => [
      `--new=${index + 1}:${offset / sectorOctets}:${(offset + octets) / sectorOctets - 1}`,
      `--typecode=${index + 1}:${type}`,
      `--partition-guid=${index + 1}:${identifier(name)}`,
      `--change-name=${index + 1}:${name}`,
    ]),
    file,
  ]);
}

/** A FAT file system with the loader's files, as a file of its own. */
function writeEsp({ identity, loader, scratch, epoch }: DiskOptions, partition: Partition): string {
  const image = join(scratch, 'esp');
  rmSync(image, { force: true });
  const sectors = partition.octets / sectorOctets;
  const mtools = (command: string, args: readonly string[]): void => {
    const result = spawnSync(command, ['-i', image, ...args], {
      encoding: 'utf8',
      // Times of files: mtools takes this machine's zone and clock otherwise.
      env: { ...process.env, TZ: 'UTC', SOURCE_DATE_EPOCH: String(epoch), MTOOLS_SKIP_CHECK: '1' },
    });
    if (result.status !== 0)
      throw new HostError('PLATFORM', `${command} failed: ${result.error?.message ?? result.stderr.trim()}`);
  };
  mtools('mformat', [
    ...['-C', '-T', String(sectors), '-h', '16', '-s', '63', '-H', String(partition.offset / sectorOctets)],
    ...['-v', 'SEKISHO', '-N', serialOf(...identity, 'esp'), '::'],
  ]);
  const folders = new Set(loader.flatMap(({ path }) => foldersAbove(path)));
  for (const folder of folders) mtools('mmd', [`::${folder}`]);
  for (const { path, content } of loader) {
    const file = join(scratch, 'esp-file');
    writeFileSync(file, content);
    utimesSync(file, epoch, epoch);
    mtools('mcopy', ['-m', file, `::${path}`]);
  }
  return image;
}

function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}
