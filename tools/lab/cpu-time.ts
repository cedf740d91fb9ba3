/** The processor time of a process, all its threads together. */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Milliseconds on a processor, in the program and in the kernel, of all threads that live (the kernel's schedstat, in nanoseconds:
 * the figures of `stat` come in steps of 10 ms).
 */
export function cpuTimeMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + threadTimeMs(pid, thread), 0);
}

function threadTimeMs(pid: number, thread: string): number {
  try {
    const [nanoseconds = ''] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    return Number(nanoseconds) / 1e6;
  } catch {
    return 0; // it has just ended
  }
}
