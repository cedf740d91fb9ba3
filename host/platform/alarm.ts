/**
 * One alarm clock for a shell that has several machines: it is set to the earliest of their deadlines, and set anew after
 * each event. Never early; late by as much as the event loop is.
 */
import type { Instant } from '../model/instant.ts';

/** Longest time that a Node timer takes; a later alarm is looked at again then. */
const longestMs = 0x7fffffff;

export class Alarm {
  readonly #now: () => Instant;
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  #at: Instant | undefined;

  constructor(now: () => Instant, ring: () => void) {
    this.#now = now;
    this.#ring = ring;
  }

  /** Rings at `at`, once; replaces what was set before. Undefined: not at all. */
  set(at: Instant | undefined): void {
    if (at === this.#at && this.#timer !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#at = at;
    if (at === undefined) return;
    const wait = Math.min(longestMs, Math.max(0, Math.ceil(at - this.#now())));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#ring();
    }, wait);
  }
}
