/**
 * The timers of a pure machine: which named thing is due when. A binary heap, so that an event costs the logarithm of
 * what is waiting and never a walk over all of it.
 *
 * It reads no clock and calls nobody: the machine asks what is due. Timers due at the same instant come in the order in
 * which they were set, so that a run repeats itself exactly.
 */
import type { Instant } from '../../model/instant.ts';

interface Waiting<Timer> {
  readonly key: string;
  readonly at: Instant;
  readonly order: number;
  readonly timer: Timer;
}

export class Deadlines<Timer> {
  /** Heap by (at, order); what `#current` no longer names was cancelled and is skipped when it surfaces. */
  #heap: Waiting<Timer>[] = [];
  readonly #current = new Map<string, Waiting<Timer>>();
  #order = 0;

  /** Sets or moves the timer called `key`. */
  set(key: string, at: Instant, timer: Timer): void {
    const waiting = { key, at, order: this.#order++, timer };
    this.#current.set(key, waiting);
    this.#heap.push(waiting);
    this.#rise(this.#heap.length - 1);
    if (this.#heap.length > 2 * this.#current.size + 64) this.#compact();
  }

  /** Cancels the timer; one that is not set is ignored. */
  clear(key: string): void {
    this.#current.delete(key);
  }

  clearAll(): void {
    this.#heap = [];
    this.#current.clear();
  }

  /** When the next timer is due; undefined when none is set. */
  next(): Instant | undefined {
    this.#skipCancelled();
    return this.#heap[0]?.at;
  }

  /** Takes one timer that is due at `now`; call until undefined. */
  takeDue(now: Instant): Timer | undefined {
    this.#skipCancelled();
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#removeFirst();
    this.#current.delete(first.key);
    return first.timer;
  }

  #skipCancelled(): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || this.#current.get(first.key) === first) return;
      this.#removeFirst();
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #compact(): void {
    this.#heap = [...this.#current.values()].sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  #rise(index: number): void {
    let child = index;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#swapUnlessOrdered(parent, child)) return;
      child = parent;
    }
  }

  #sink(index: number): void {
    let parent = index;
    for (;;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      const leftItem = this.#heap[left];
      if (leftItem === undefined) return;
      const rightItem = this.#heap[right];
      const child = rightItem !== undefined && isBefore(rightItem, leftItem) ? right : left;
      if (!this.#swapUnlessOrdered(parent, child)) return;
      parent = child;
    }
  }

  #swapUnlessOrdered(parent: number, child: number): boolean {
    const above = this.#heap[parent];
    const below = this.#heap[child];
    if (above === undefined || below === undefined || isBefore(above, below)) return false;
    this.#heap[parent] = below;
    this.#heap[child] = above;
    return true;
  }
}

function isBefore(
  a: { readonly at: Instant; readonly order: number },
  b: { readonly at: Instant; readonly order: number },
): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
