/** Brings times of the wall clock (captures, ping) onto the boot-time clock that routers and server write their events by. */
import { bootTimeMs } from '../../host/platform/clock.ts';
import { addressOfBuffer, check, libc } from '../../host/platform/libc.ts';

const CLOCK_REALTIME = 0;
const timespec = new BigInt64Array(new ArrayBuffer(16));
const timespecAddress = addressOfBuffer(timespec.buffer);

/** Milliseconds since 1970-01-01 UTC with fractions. */
export function wallTimeMs(): number {
  check(libc.clock_gettime(CLOCK_REALTIME, timespecAddress), 'read CLOCK_REALTIME');
  return Number(timespec[0] ?? 0n) * 1000 + Number(timespec[1] ?? 0n) / 1e6;
}

/** What to add to a wall-clock time to get boot-time milliseconds, good to a few microseconds. */
export function bootMinusWallMs(): number {
  let best = { spread: Number.POSITIVE_INFINITY, difference: 0 };
  for (let sample = 0; sample < 16; sample++) {
    const before = bootTimeMs();
    const wall = wallTimeMs();
    const after = bootTimeMs();
    if (after - before < best.spread)
      best = { spread: after - before, difference: (before + after) / 2 - wall };
  }
  return best.difference;
}
