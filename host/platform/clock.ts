/**
 * The clock by which lifetimes and deadlines count: CLOCK_BOOTTIME, which is never set back and goes on while the machine
 * sleeps (an SA must not outlive its hour because a laptop was closed). Two calls of one boot are comparable, also between
 * threads and processes.
 */
import type { Instant } from '../model/instant.ts';
import { addressOfBuffer, check, libc } from './libc.ts';
import { CLOCK_BOOTTIME } from './linux-abi.ts';

const timespec = new BigInt64Array(new ArrayBuffer(16));
const timespecAddress = addressOfBuffer(timespec.buffer);

/** Milliseconds since the machine started, suspend included, with fractions. */
export function bootTimeMs(): Instant {
  check(libc.clock_gettime(CLOCK_BOOTTIME, timespecAddress), 'read CLOCK_BOOTTIME');
  return Number(timespec[0] ?? 0n) * 1000 + Number(timespec[1] ?? 0n) / 1e6;
}
