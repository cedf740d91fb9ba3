/**
 * How the device of a config flash is divided: settings in front, and behind them the router's other documents (state-flash.ts),
 * so that what is written each hour does not wear the sectors of what is written once a year, nor can fill them.
 *
 * The rule: a quarter is for the state, at most 1 MiB, and nothing where the device has fewer than 64 sectors, as a small file has. It
 * is worked out from the device's size alone, so each version and each command comes to the same.
 */
import type { BlockDevice } from './block-device.ts';

/** 256 KiB of 4096 octets: with less, a quarter has no room for what it is for. */
const leastToDivide = 64;
/** A scan of it takes milliseconds. */
const mostStateSectors = 256;

export interface DevicePart {
  readonly first: number;
  readonly sectors: number;
}

/** Where the settings are on a device of so many sectors. */
export function settingsPart(sectorCount: number): DevicePart {
  return { first: 0, sectors: sectorCount - stateSectors(sectorCount) };
}

/** Where the state is; undefined where the device is too small to have any. */
export function statePart(sectorCount: number): DevicePart | undefined {
  const sectors = stateSectors(sectorCount);
  return sectors === 0 ? undefined : { first: sectorCount - sectors, sectors };
}

/** A part of a device, as a device. */
export function partOf(device: BlockDevice, { first, sectors }: DevicePart): BlockDevice {
  const within = (index: number): number => {
    if (index < 0 || index >= sectors) throw new RangeError(`there is no sector ${index}`);
    return first + index;
  };
  return {
    sectorOctets: device.sectorOctets,
    sectorCount: sectors,
    readSector: (index) => device.readSector(within(index)),
    writeSector: (index, octets) => device.writeSector(within(index), octets),
    flush: () => device.flush(),
  };
}

function stateSectors(sectorCount: number): number {
  return sectorCount < leastToDivide ? 0 : Math.min(mostStateSectors, Math.floor(sectorCount / 4));
}
