/**
 * Points in time, as milliseconds on the boot-time clock (CLOCK_BOOTTIME: never set back, counts while suspended).
 * Machines get `now` as an argument and never read a clock; lifetimes therefore survive a change of the wall clock.
 */
export type Instant = number;

/** `instant` moved by whole or fractional `seconds`. */
export function addSeconds(instant: Instant, seconds: number): Instant {
  return instant + seconds * 1000;
}

/** The earlier of two deadlines, where `undefined` means "never". */
export function earliest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return Math.min(a, b);
}
