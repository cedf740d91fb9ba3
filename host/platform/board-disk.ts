/**
 * The disk of a board that an image was written to (docs/image.md): its partitions by their names, and what the boot loader says
 * on the kernel's command line. On a machine that is no such board there is none of it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DeviceUse, type OpenBlockDevice, openBlockDevice } from './block-device.ts';

/** Where the kernel tells of both; elsewhere in tests. */
const kernelFolders = { blocks: '/sys/class/block', commandLine: '/proc/cmdline', devices: '/dev' };
type KernelFolders = typeof kernelFolders;

/** sysfs counts in these, whatever the device's sectors are. */
const sysfsSectorOctets = 512;

export interface BoardPartition {
  readonly name: string;
  /** File below /dev. */
  readonly path: string;
  readonly octets: number;
}

/** What the boot loader chose. */
export interface BoardStart {
  readonly slot: 'a' | 'b';
  /** `trial`, `active`, `other`, `turns` or `damaged`, as tools/image/guest/choose-slot.cfg has them; absent with a kernel given from outside. */
  readonly how: string | undefined;
}

/** A partition of the GPT by its name; undefined where there is none. */
export function boardPartition(
  name: string,
  folders: KernelFolders = kernelFolders,
): BoardPartition | undefined {
  for (const device of namesIn(folders.blocks)) {
    const folder = join(folders.blocks, device);
    if (!textOf(join(folder, 'uevent')).split('\n').includes(`PARTNAME=${name}`)) continue;
    const octets = Number(textOf(join(folder, 'size'))) * sysfsSectorOctets;
    return { name, path: join(folders.devices, device), octets };
  }
  return undefined;
}

/** Which slot this system runs from; undefined where no boot loader of ours started it. */
export function boardStart(folders: KernelFolders = kernelFolders): BoardStart | undefined {
  const words = textOf(folders.commandLine).trim().split(/\s+/);
  const value = (key: string): string | undefined =>
    words.findLast((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  const slot = value('sekisho.slot');
  return slot === 'a' || slot === 'b' ? { slot, how: value('sekisho.start') } : undefined;
}

/** Opens a partition, for writing alone. Throws HostError FLASH. */
export function openBoardPartition({ name, path }: BoardPartition): OpenBlockDevice {
  const use: DeviceUse = {
    name: `the partition ${name}`,
    whenInUse: 'by a version-up or a router that is at it; try again in a moment',
    whenAbsent: () => '',
  };
  return openBlockDevice(path, 'write', use);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // No sysfs, no board.
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // Gone meanwhile, or never there.
  }
}
