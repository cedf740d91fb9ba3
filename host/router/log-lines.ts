/**
 * Lines for the log on their way from the worker to the main thread. They wait a moment for others: to wake the main thread for each of
 * the two lines of a set-up took it 0.7 ms of processor time, an eighth of the router's for that set-up, and together they take 0.3 ms
 * (`npm run bench -- ike`).
 */
import type { Instant } from '../model/instant.ts';

export interface LogLine {
  readonly level: 'info' | 'warn';
  readonly what: string;
  readonly detail: string;
  /** When it happened, on the boot-time clock. */
  readonly at: Instant;
}

/** No person sees the difference, and a burst of set-ups wakes the main thread four times a second. */
const longestWaitMs = 250;
/** So many go at once, whatever the time: a bound on memory. */
const mostLines = 256;

export class LogLines {
  readonly #post: (lines: readonly LogLine[]) => void;
  #waiting: LogLine[] = [];

  /** @param post takes lines over, in their order */
  constructor(post: (lines: readonly LogLine[]) => void) {
    this.#post = post;
  }

  /** When `postDue` is to be called; undefined when nothing waits. */
  get dueAt(): Instant | undefined {
    const [first] = this.#waiting;
    return first === undefined ? undefined : first.at + longestWaitMs;
  }

  /** Takes a line. A warning waits for nobody, and takes along what came before it. */
  add(line: LogLine): void {
    this.#waiting.push(line);
    if (line.level === 'warn' || this.#waiting.length >= mostLines) this.postAll();
  }

  /** Posts what has waited long enough, and what came after it. Returns how many lines there were. */
  postDue(now: Instant): number {
    const { dueAt } = this;
    return dueAt !== undefined && dueAt <= now ? this.postAll() : 0;
  }

  /** Posts everything. Returns how many lines there were. */
  postAll(): number {
    const lines = this.#waiting;
    if (lines.length === 0) return 0;
    this.#waiting = [];
    this.#post(lines);
    return lines.length;
  }
}
