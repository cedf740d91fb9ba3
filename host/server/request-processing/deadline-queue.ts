/**
 * The deadlines of request processing: a binary heap whose elements know their place in it, so that setting, moving and
 * cancelling one of a million timers costs the logarithm. It has no clock: the machine asks for what is due.
 */
import type { Instant } from '../../model/instant.ts';

/** Something that is to happen at an instant; in at most one queue, at most once. */
export class Timer {
  readonly run: (now: Instant) => void;
  /** Meaningful while queued. */
  at: Instant = 0;
  /** Index in the heap, or -1. */
  place = -1;

  constructor(run: (now: Instant) => void) {
    this.run = run;
  }
}

export class DeadlineQueue {
  readonly #heap: Timer[] = [];

  /** The earliest deadline. */
  next(): Instant | undefined {
    return this.#heap[0]?.at;
  }

  /** Queues the timer for `at`, wherever it was before. */
  set(timer: Timer, at: Instant): void {
    timer.at = at;
    if (timer.place < 0) {
      timer.place = this.#heap.length;
      this.#heap.push(timer);
    }
    this.#sink(this.#rise(timer.place));
  }

  /** Takes the timer out; nothing happens when it is not queued. */
  cancel(timer: Timer): void {
    const place = timer.place;
    if (place < 0) return;
    timer.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === timer) return;
    this.#heap[place] = last;
    last.place = place;
    this.#sink(this.#rise(place));
  }

  /** Takes out the earliest timer that is due at `now`. */
  due(now: Instant): Timer | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.cancel(first);
    return first;
  }

  #rise(start: number): number {
    let place = start;
    while (place > 0 && this.#swapIfLater((place - 1) >> 1, place)) place = (place - 1) >> 1;
    return place;
  }

  #sink(start: number): void {
    let place = start;
    for (;;) {
      const left = 2 * place + 1;
      const right = left + 1;
      const earlier = this.#at(right) < this.#at(left) ? right : left;
      if (!this.#swapIfLater(place, earlier)) return;
      place = earlier;
    }
  }

  #at(place: number): Instant {
    return this.#heap[place]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Swaps parent and child when the parent is due later. */
  #swapIfLater(parent: number, child: number): boolean {
    const upper = this.#heap[parent];
    const lower = this.#heap[child];
    if (upper === undefined || lower === undefined || upper.at <= lower.at) return false;
    this.#heap[parent] = lower;
    this.#heap[child] = upper;
    lower.place = parent;
    upper.place = child;
    return true;
  }
}
