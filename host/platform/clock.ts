/**
 * The clock by which lifetimes and deadlines count: CLOCK_BOOTTIME, which is never set back and goes on while the machine
 * sleeps (an SA must not outlive its hour because a laptop was closed). Two calls of one boot are comparable, also between
 * threads and processes.
 */
import type { Instant } from '../model/instant.ts';
import { addressOfBuffer, check, libc } from './libc.ts';
import { CLOCK_BOOTTIME } from './linux-abi.ts';

/** Two numbers of 64 bits, read as words: a BigInt is an object, and the loop looks at the clock with every batch. */
const timespec = new Uint32Array(new ArrayBuffer(16));
const timespecAddress = addressOfBuffer(timespec.buffer);

/** Milliseconds since the machine started, suspend included, with fractions. */
export function bootTimeMs(): Instant {
  check(libc.clock_gettime(CLOCK_BOOTTIME, timespecAddress), 'read CLOCK_BOOTTIME');
  const seconds = (timespec[0] ?? 0) + (timespec[1] ?? 0) * 0x1_0000_0000;
  return seconds * 1000 + (timespec[2] ?? 0) / 1e6;
}
