/**
 * A partition, or a file in its place, as the config flash and the slots want it: sectors of 4096 octets, written past the page cache
 * (O_DIRECT) where the file system can, and flushed by fdatasync, which also empties the cache of the drive. O_SYNC
 * would do that after each sector; the flash flushes once for each copy of a record, which is all that it relies on.
 *
 * A writer holds the device, or the part of it that it opens, alone: so that a command and a running router never write at once.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  openSync,
  readSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { HostError } from '../model/host-error.ts';
import { addressOfBuffer, check, errno, libc } from './libc.ts';
import {
  BLKGETSIZE64,
  F_OFD_SETLK,
  F_WRLCK,
  FLOCK_LEN,
  FLOCK_LENGTH,
  FLOCK_START,
  FLOCK_TYPE,
} from './linux-abi.ts';
import { errnos } from './system-call-error.ts';

/** The physical sector of what is sold today, and a page: a write of it is never a read and a write. */
const sectorOctets = 4096;

/** A drive of this size is no config partition; somebody has named the wrong one. */
const mostOctets = 1024 ** 3;

/** Fits the flash's interface for a device; see host/flash/block-device.ts. */
export interface OpenBlockDevice {
  readonly sectorOctets: number;
  readonly sectorCount: number;
  readSector(index: number): Uint8Array;
  writeSector(index: number, octets: Uint8Array): void;
  flush(): void;
  close(): void;
}

/** What it is opened for, in messages. */
export interface DeviceUse {
  readonly name: string;
  /** What to do when somebody else has it. */
  readonly whenInUse: string;
  /** What to do when it is not there; given its path. */
  readonly whenAbsent: (path: string) => string;
  /** The sectors that are opened, of so many; undefined where there are none. Absent: all of them. */
  readonly part?: (sectorCount: number) => { readonly first: number; readonly sectors: number } | undefined;
}

export const configFlash: DeviceUse = {
  name: 'the config flash',
  whenInUse: 'by a router that runs or another command; leave --flash out to ask the router',
  whenAbsent: (path) => `; a file in place of a partition is made by: (umask 077; truncate -s 1M ${path})`,
};

/**
 * Opens a partition or a file. A reader takes no lock: what it reads was flushed, or is not whole and not taken for a record.
 *
 * @throws HostError FLASH when it is not there, is in use, or is no partition or file; CREDENTIAL_EXPOSED when others may read it
 */
export function openBlockDevice(
  path: string,
  access: 'read' | 'write',
  use: DeviceUse = configFlash,
): OpenBlockDevice {
  const fd = openDirect(path, access, use);
  try {
    const sectorCount = Math.floor(octetsOf(fd, path, use) / sectorOctets);
    const part = use.part === undefined ? { first: 0, sectors: sectorCount } : use.part(sectorCount);
    if (part === undefined) throw new HostError('FLASH', `${path} is too small for ${use.name}`);
    if (access === 'write' && !lock(fd, path, part.first * sectorOctets, part.sectors * sectorOctets)) {
      throw new HostError('FLASH', `${path} is in use, ${use.whenInUse}`);
    }
    return deviceOver(fd, part.first, part.sectors);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Until the file is closed. Returns false where somebody else has one of these octets. */
function lock(fd: number, path: string, start: number, length: number): boolean {
  const range = new DataView(new ArrayBuffer(FLOCK_LENGTH));
  range.setInt16(FLOCK_TYPE, F_WRLCK, true);
  range.setBigInt64(FLOCK_START, BigInt(start), true);
  range.setBigInt64(FLOCK_LEN, BigInt(length), true);
  if (libc.lockRange(fd, F_OFD_SETLK, addressOfBuffer(range.buffer)) >= 0) return true;
  if (errno() !== errnos.EWOULDBLOCK) check(-1, `lock ${path}`);
  return false;
}

function deviceOver(fd: number, first: number, sectorCount: number): OpenBlockDevice {
  const sector = alignedSector();
  const offsetOf = (index: number): number => {
    if (index < 0 || index >= sectorCount) throw new RangeError(`there is no sector ${index}`);
    return (first + index) * sectorOctets;
  };
  return {
    sectorOctets,
    sectorCount,
    readSector(index) {
      const count = readSync(fd, sector, 0, sectorOctets, offsetOf(index));
      if (count !== sectorOctets) throw new Error(`sector ${index} has ${count} octets`);
      const octets = Uint8Array.from(sector);
      sector.fill(0);
      return octets;
    },
    writeSector(index, octets) {
      if (octets.length !== sectorOctets) throw new RangeError(`a sector of ${octets.length} octets`);
      sector.set(octets);
      try {
        const count = writeSync(fd, sector, 0, sectorOctets, offsetOf(index));
        if (count !== sectorOctets) throw new Error(`only ${count} octets of sector ${index} were written`);
      } finally {
        sector.fill(0);
      }
    },
    flush: () => fdatasyncSync(fd),
    close: () => closeSync(fd),
  };
}

/** Without O_DIRECT where the file system has none, such as a tmpfs of older kernels. */
function openDirect(path: string, access: 'read' | 'write', use: DeviceUse): number {
  const flags = (access === 'write' ? constants.O_RDWR : constants.O_RDONLY) | constants.O_NONBLOCK;
  try {
    return openSync(path, flags | constants.O_DIRECT);
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw unusable(path, error, use);
  }
  try {
    return openSync(path, flags);
  } catch (error) {
    throw unusable(path, error, use);
  }
}

function unusable(path: string, cause: unknown, use: DeviceUse): HostError {
  const advice = codeOf(cause) === 'ENOENT' ? use.whenAbsent(path) : '';
  return new HostError('FLASH', `cannot open ${use.name} ${path}: ${String(cause)}${advice}`, { cause });
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
}

function octetsOf(fd: number, path: string, use: DeviceUse): number {
  const status = fstatSync(fd);
  refuseExposed(status, path, use);
  const octets = status.isFile() ? status.size : partitionOctets(fd, path);
  if (octets > mostOctets) {
    throw new HostError(
      'FLASH',
      `${path} has ${octets} octets, expected at most ${mostOctets} of ${use.name}: is it the right partition?`,
    );
  }
  return octets;
}

/** Of a partition its group may be `disk`, which may read it anyhow. */
function refuseExposed(status: Stats, path: string, use: DeviceUse): void {
  if (!status.isFile() && !status.isBlockDevice()) {
    throw new HostError('FLASH', `${path} is neither a partition nor a file`);
  }
  if ((status.mode & (status.isFile() ? 0o077 : 0o007)) === 0) return;
  throw new HostError(
    'CREDENTIAL_EXPOSED',
    `${use.name} ${path} is open to other users and holds credentials. Run: chmod ${status.isFile() ? '600' : 'o-rwx'} ${path}`,
  );
}

function partitionOctets(fd: number, path: string): number {
  const size = new BigUint64Array(1);
  check(libc.ioctl(fd, BLKGETSIZE64, addressOfBuffer(size.buffer)), `ask for the size of ${path}`);
  return Number(size[0]);
}

/** O_DIRECT wants memory at a multiple of the device's sector. An ArrayBuffer does not move. */
function alignedSector(): Uint8Array {
  const memory = new ArrayBuffer(2 * sectorOctets);
  const over = addressOfBuffer(memory) % sectorOctets;
  return new Uint8Array(memory, over === 0 ? 0 : sectorOctets - over, sectorOctets);
}
