/**
 * How the device of a config flash is divided: settings in front, and behind them the router's other documents (state-flash.ts),
 * so that what is written each hour does not wear the sectors of what is written once a year, nor can fill them.
 *
 * The rule: the last quarter is for the state, and what is before for the settings; of each at most 256 sectors, 1 MiB, because all of it
 * is read at each start, which takes a slow board a second. A device of fewer than 64 sectors, as a small file is, has no state. All of that comes
 * from the device's size alone, so each version and each command comes to the same.
 */

/** 256 KiB of 4096 octets: with less, a quarter has no room for what it is for. */
const leastToDivide = 64;
const mostSectors = 256;

export interface DevicePart {
  readonly first: number;
  readonly sectors: number;
}

/** Where the settings are on a device of so many sectors. */
export function settingsPart(sectorCount: number): DevicePart {
  return { first: 0, sectors: Math.min(mostSectors, sectorCount - stateSectors(sectorCount)) };
}

/** Where the state is; undefined where the device is too small to have any. */
export function statePart(sectorCount: number): DevicePart | undefined {
  const sectors = stateSectors(sectorCount);
  return sectors === 0 ? undefined : { first: sectorCount - sectors, sectors };
}

function stateSectors(sectorCount: number): number {
  return sectorCount < leastToDivide ? 0 : Math.min(mostSectors, Math.floor(sectorCount / 4));
}
