/**
 * The timers of setting management: each has a name, by which it is moved and cancelled, and says what it is for. It reads
 * no clock and calls nobody: the machine asks what is due.
 */
import { DeadlineHeap } from '../../model/deadline-heap.ts';
import type { Instant } from '../../model/instant.ts';

export class Deadlines<Timer> {
  readonly #heap = new DeadlineHeap<string>();
  readonly #timers = new Map<string, Timer>();

  /** Sets or moves the timer called `key`. */
  set(key: string, at: Instant, timer: Timer): void {
    this.#timers.set(key, timer);
    this.#heap.set(key, at);
  }

  /** Cancels the timer; one that is not set is ignored. */
  clear(key: string): void {
    this.#timers.delete(key);
    this.#heap.set(key, undefined);
  }

  /** When the next timer is due; undefined when none is set. */
  next(): Instant | undefined {
    return this.#heap.earliest;
  }

  /** Takes one timer that is due at `now`; call until undefined. */
  takeDue(now: Instant): Timer | undefined {
    const key = this.#heap.takeDue(now);
    if (key === undefined) return undefined;
    const timer = this.#timers.get(key);
    this.#timers.delete(key);
    return timer;
  }
}
