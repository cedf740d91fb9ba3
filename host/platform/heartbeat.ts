/**
 * A sign of life for whoever watches a process from outside, a hardware watchdog's feeder above all: a file with the seconds since
 * the machine started at which all was well last. Beside /proc/uptime it needs no clock and no question.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { bootTimeMs } from './clock.ts';

/** A feeder that gives up after 30 s sees five misses. */
const everyMs = 5000;

/**
 * Writes `file` at once and then every five seconds, for as long as `isWell` resolves. Returns what stops it.
 *
 * @param file belongs in memory (/run): it is written without end; undefined where nobody watches
 */
export function startHeartbeat(file: string | undefined, isWell: () => Promise<unknown>): () => void {
  if (file === undefined) return () => {};
  const beat = async (): Promise<void> => {
    try {
      await isWell();
      // By another name, so that nobody reads a file without its content.
      writeFileSync(`${file}.next`, `${Math.floor(bootTimeMs() / 1000)}\n`);
      renameSync(`${file}.next`, file);
    } catch {
      // No beat: that is what the watcher has to see.
    }
  };
  void beat();
  const timer = setInterval(() => void beat(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
