/**
 * Where a router's small documents survive a restart (host/flash/state.ts): on the config flash of a board, in a folder on a PC. Each
 * is opened for as long as one document is read or written, so that commands and a running router take turns.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { statePart } from '../flash/device-part.ts';
import type { StateStore } from '../flash/state.ts';
import { StateFlash } from '../flash/state-flash.ts';
import { HostError } from '../model/host-error.ts';
import { type DeviceUse, type OpenBlockDevice, openBlockDevice } from '../platform/block-device.ts';
import { writeFileAtomically } from '../platform/files.ts';

/** A writer is done in a fraction of that. */
const waitMs = 2000;
const waitStepMs = 20;

const use: DeviceUse = {
  name: "the state's part of the config flash",
  whenInUse: 'by another command that writes it; try again in a moment',
  whenAbsent: () => '',
  part: statePart,
};

/**
 * The documents of a router.
 *
 * @param flash device of the config flash; undefined for a router that has its settings from a file
 * @param folder where they are without a flash, or with one that is too small to have room for them
 * @throws HostError FLASH when the flash cannot be read
 */
export function openState(flash: string | undefined, folder: string): StateStore {
  return flash !== undefined && hasStatePart(flash) ? stateOnFlash(flash) : stateInFolder(folder);
}

/** On the flash alone. Its methods throw HostError FLASH. */
export function stateOnFlash(device: string): StateStore {
  return {
    read: (name) =>
      withDevice(openBlockDevice(device, 'read', use), (part) => new StateFlash(part).read(name)),
    write: (name, content) =>
      withDevice(openInTurn(device), (part) => new StateFlash(part).write(name, content)),
  };
}

/** A file for each name. */
export function stateInFolder(folder: string): StateStore {
  return {
    read: (name) => {
      try {
        return Uint8Array.from(readFileSync(fileOf(folder, name)));
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw new HostError('FLASH', `${fileOf(folder, name)} cannot be read: ${String(cause)}`, { cause });
      }
    },
    write: (name, content) => {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        writeFileAtomically(fileOf(folder, name), content, 0o644);
      } catch (cause) {
        throw new HostError('FLASH', `${fileOf(folder, name)} cannot be kept: ${String(cause)}`, { cause });
      }
    },
  };
}

/** Overwrites what is in the state's part of a flash and is not ours; where it is ours, it stays. Throws HostError FLASH. */
export function clearForeignState(device: string): void {
  if (!hasStatePart(device)) return;
  withDevice(openInTurn(device), (part) => {
    if (!new StateFlash(part).isForeign) return;
    const zeros = new Uint8Array(part.sectorOctets);
    for (let sector = 0; sector < part.sectorCount; sector++) part.writeSector(sector, zeros);
    part.flush();
  });
}

function hasStatePart(device: string): boolean {
  const whole: DeviceUse = { ...use, part: (sectorCount) => ({ first: 0, sectors: sectorCount }) };
  return withDevice(
    openBlockDevice(device, 'read', whole),
    ({ sectorCount }) => statePart(sectorCount) !== undefined,
  );
}

function withDevice<Value>(device: OpenBlockDevice, work: (device: OpenBlockDevice) => Value): Value {
  try {
    return work(device);
  } finally {
    device.close();
  }
}

/** For writing, after whoever writes at the moment. Throws HostError FLASH. */
function openInTurn(path: string): OpenBlockDevice {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; ; waitedMs += waitStepMs) {
    try {
      return openBlockDevice(path, 'write', use);
    } catch (error) {
      const isInUse = error instanceof HostError && / is in use, /.test(error.message);
      if (!isInUse || waitedMs >= waitMs) throw error;
      Atomics.wait(pause, 0, 0, waitStepMs);
    }
  }
}

/** Names are ours, and no way out of the folder. */
function fileOf(folder: string, name: string): string {
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) throw new RangeError(`no name of a document: ${name}`);
  return join(folder, name);
}
