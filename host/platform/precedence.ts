/**
 * Precedence for the thread that carries packets. What the kernel does to a packet goes before every program; what is done
 * here is the rest of that, and a round trip would otherwise wait for slices of other programs, a millisecond and more for each router on
 * the way. No real-time class: other programs get less of a processor that is short, and not nothing.
 */
import { arch } from 'node:os';
import { addressOfBuffer, libc } from './libc.ts';

/** sched_setattr(2), which C libraries before glibc 2.41 do not have; by the architectures of libc.ts. */
const SYS_SCHED_SETATTR = arch() === 'x64' ? 314 : 274;
const SCHED_ATTR_LENGTH = 56;
const SCHED_ATTR_NICE = 16;
const SCHED_ATTR_RUNTIME = 24;

/** As for kernel threads that must not wait (WQ_HIGHPRI is -20), and half of that. */
const nice = -10;
/**
 * How long the thread wants to run at a time. Linux since 6.12 lets a thread that wakes up go before one with longer slices (its
 * own are some milliseconds); earlier ones take no notice.
 */
const sliceNanoseconds = 200_000;

/** Gives this thread precedence over other programs, where this user may (CAP_SYS_NICE). Returns whether it has it. */
export function takePrecedence(): boolean {
  const attributes = new DataView(new ArrayBuffer(SCHED_ATTR_LENGTH));
  attributes.setUint32(0, SCHED_ATTR_LENGTH, true);
  attributes.setInt32(SCHED_ATTR_NICE, nice, true);
  attributes.setBigUint64(SCHED_ATTR_RUNTIME, BigInt(sliceNanoseconds), true);
  return libc.syscall(SYS_SCHED_SETATTR, 0, addressOfBuffer(attributes.buffer), 0, 0, 0) === 0;
}
