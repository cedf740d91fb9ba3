/**
 * Virtual time: what is going to happen, in order. The clock jumps from one thing to the next; things at the same instant
 * happen in the order in which they were planned.
 */
interface Item {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Agenda {
  now: number;
  /** Things done so far. */
  steps = 0;
  readonly #heap: Item[] = [];
  #order = 0;

  constructor(start: number) {
    this.now = start;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Plans `run` for `at`, or for now where that has passed. */
  at(at: number, run: () => void): void {
    const heap = this.#heap;
    const item = { at: Math.max(at, this.now), order: this.#order++, run };
    let place = heap.length;
    heap.push(item);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent]!;
      if (isBefore(above, item)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = item;
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  /** Does the next thing up to `end`; false when there is none, and it is `end` then. */
  step(end: number): boolean {
    const first = this.#heap[0];
    if (first === undefined || first.at > end) {
      this.now = end;
      return false;
    }
    this.#removeFirst();
    this.now = first.at;
    this.steps += 1;
    first.run();
    return true;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const { length } = heap;
    if (length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(last, heap[child]!)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
  }
}

function isBefore(a: Item, b: Item): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
