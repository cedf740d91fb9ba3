/** The processor time of a process, all its threads together. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Milliseconds on a processor, in the program and in the kernel, of all threads that live (the kernel's schedstat, in nanoseconds:
 * the figures of `stat` come in steps of 10 ms).
 */
export function cpuTimeMs(pid: number): number {
  return timesOf(pid).usedMs;
}

/** Also how long its threads were ready and had to wait for a processor. */
function timesOf(pid: number): { usedMs: number; waitedMs: number } {
  let [usedMs, waitedMs] = [0, 0];
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
      const [used = 0, waited = 0] = text.split(' ').map(Number);
      usedMs += used / 1e6;
      waitedMs += waited / 1e6;
    } catch {
      // It has just ended.
    }
  }
  return { usedMs, waitedMs };
}

/** A guest that boots or rehearses takes a processor as a whole; one at rest a tenth. */
const calmShare = 0.3;
const lookMs = 1000;

/** Returns when each process is at rest, or some time later, when whoever measures has to live with it. */
export async function untilCalm(pids: readonly number[], withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  // What waits for a processor would use it: a busy machine does not make a process calm.
  const wanted = () => pids.map(timesOf).map(({ usedMs, waitedMs }) => usedMs + waitedMs);
  for (let before = wanted(); performance.now() < deadline; ) {
    await sleep(lookMs);
    const now = wanted();
    if (now.every((used, index) => used - (before[index] ?? 0) < calmShare * lookMs)) return;
    before = now;
  }
}
