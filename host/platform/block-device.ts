/**
 * A partition, or a file in its place, as the config flash wants it: sectors of 4096 octets, written past the page cache
 * (O_DIRECT) where the file system can, and flushed by fdatasync, which also empties the cache of the drive. O_SYNC
 * would do that after each sector; the flash flushes once for each copy of a record, which is all that it relies on.
 *
 * A writer holds the device alone (flock), so that a command and a running router never write at once.
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
import { BLKGETSIZE64, LOCK_EX, LOCK_NB } from './linux-abi.ts';
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

/**
 * Opens a partition or a file. A reader takes no lock: what it reads was flushed, or is not whole and not taken for a record.
 *
 * @throws HostError FLASH when it is not there, is in use, or is no partition or file; CREDENTIAL_EXPOSED when others may read it
 */
export function openBlockDevice(path: string, access: 'read' | 'write'): OpenBlockDevice {
  const fd = openDirect(path, access);
  try {
    const sectorCount = Math.floor(octetsOf(fd, path) / sectorOctets);
    if (access === 'write' && libc.flock(fd, LOCK_EX | LOCK_NB) < 0) {
      if (errno() !== errnos.EWOULDBLOCK) check(-1, `lock ${path}`);
      throw new HostError(
        'FLASH',
        `${path} is in use, by a router that runs or another command; leave --flash out to ask the router`,
      );
    }
    return deviceOver(fd, sectorCount);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function deviceOver(fd: number, sectorCount: number): OpenBlockDevice {
  const sector = alignedSector();
  return {
    sectorOctets,
    sectorCount,
    readSector(index) {
      const count = readSync(fd, sector, 0, sectorOctets, index * sectorOctets);
      if (count !== sectorOctets) throw new Error(`sector ${index} has ${count} octets`);
      const octets = Uint8Array.from(sector);
      sector.fill(0);
      return octets;
    },
    writeSector(index, octets) {
      if (octets.length !== sectorOctets) throw new RangeError(`a sector of ${octets.length} octets`);
      sector.set(octets);
      try {
        const count = writeSync(fd, sector, 0, sectorOctets, index * sectorOctets);
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
function openDirect(path: string, access: 'read' | 'write'): number {
  const flags = (access === 'write' ? constants.O_RDWR : constants.O_RDONLY) | constants.O_NONBLOCK;
  try {
    return openSync(path, flags | constants.O_DIRECT);
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw unusable(path, error);
  }
  try {
    return openSync(path, flags);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): HostError {
  const advice =
    codeOf(cause) === 'ENOENT'
      ? `; a file in place of a partition is made by: (umask 077; truncate -s 1M ${path})`
      : '';
  return new HostError('FLASH', `cannot open the config flash ${path}: ${String(cause)}${advice}`, { cause });
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
}

function octetsOf(fd: number, path: string): number {
  const status = fstatSync(fd);
  refuseExposed(status, path);
  const octets = status.isFile() ? status.size : partitionOctets(fd, path);
  if (octets > mostOctets) {
    throw new HostError(
      'FLASH',
      `${path} has ${octets} octets, and a config flash at most ${mostOctets}: is it the right partition?`,
    );
  }
  return octets;
}

/** Of a partition its group may be `disk`, which may read it anyhow. */
function refuseExposed(status: Stats, path: string): void {
  if (!status.isFile() && !status.isBlockDevice()) {
    throw new HostError('FLASH', `${path} is neither a partition nor a file`);
  }
  if ((status.mode & (status.isFile() ? 0o077 : 0o007)) === 0) return;
  throw new HostError(
    'CREDENTIAL_EXPOSED',
    `the config flash ${path} is open to other users and holds credentials. Run: chmod ${status.isFile() ? '600' : 'o-rwx'} ${path}`,
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
