/**
 * Says one thing at most once in an interval, with the count of what was left unsaid: so that hostile input is visible in
 * the log and cannot fill it.
 */
import type { Instant } from './instant.ts';

const intervalMs = 10_000;

export class IntervalLog {
  readonly #said = new Map<string, { at: Instant; unsaid: number }>();
  readonly #say: (code: string, message: string) => void;

  /** `say` writes a line. Codes come from closed unions, so their number is bounded. */
  constructor(say: (code: string, message: string) => void) {
    this.#say = say;
  }

  /** Says `message` unless something with this code was said during the last 10 s. */
  note(code: string, message: string, now: Instant): void {
    const last = this.#said.get(code);
    if (last !== undefined && now - last.at < intervalMs) {
      last.unsaid += 1;
      return;
    }
    const unsaid = last === undefined || last.unsaid === 0 ? '' : ` (and ${last.unsaid} more like it before)`;
    this.#said.set(code, { at: now, unsaid: 0 });
    this.#say(code, message + unsaid);
  }
}
