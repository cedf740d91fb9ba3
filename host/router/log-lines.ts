/**
 * Lines for the log on their way from the worker to the main thread. They wait a moment for others: to wake the main thread takes it up
 * to a millisecond of processor time, however few they are, and all else that a router does for a new peer takes some three
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

/** Nobody who reads a log sees the difference, and set-ups wake the main thread once a second at most. */
const longestWaitMs = 1000;
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
