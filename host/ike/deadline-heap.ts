/**
 * The earliest deadline of many machines: a binary heap with the place of each member, so that adding, moving and
 * removing one costs the logarithm of their number and reading the earliest costs nothing.
 */
import type { Instant } from '../model/instant.ts';

interface Entry<Member> {
  readonly member: Member;
  deadline: Instant;
}

export class DeadlineHeap<Member> {
  readonly #entries: Entry<Member>[] = [];
  readonly #places = new Map<Member, number>();

  get earliest(): Instant | undefined {
    return this.#entries[0]?.deadline;
  }

  /** The member with the earliest deadline. */
  get first(): Member | undefined {
    return this.#entries[0]?.member;
  }

  /** Sets the deadline of `member`; `undefined` takes it out. */
  set(member: Member, deadline: Instant | undefined): void {
    const place = this.#places.get(member);
    if (deadline === undefined) {
      if (place !== undefined) this.#remove(place);
      return;
    }
    if (place === undefined) {
      this.#place({ member, deadline }, this.#entries.length);
      this.#up(this.#entries.length - 1);
      return;
    }
    const entry = this.#entries[place];
    if (entry === undefined || entry.deadline === deadline) return;
    entry.deadline = deadline;
    this.#down(this.#up(place));
  }

  #remove(place: number): void {
    const removed = this.#entries[place];
    const last = this.#entries.pop();
    if (removed === undefined || last === undefined) return;
    this.#places.delete(removed.member);
    if (last !== removed) {
      this.#place(last, place);
      this.#down(this.#up(place));
    }
  }

  /** Moves the entry at `start` up as far as it belongs; returns where it ended. */
  #up(start: number): number {
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (this.#deadlineAt(parent) <= this.#deadlineAt(place)) break;
      this.#swap(parent, place);
      place = parent;
    }
    return place;
  }

  #down(start: number): void {
    for (let place = start; ; ) {
      const left = 2 * place + 1;
      let least = place;
      if (this.#deadlineAt(left) < this.#deadlineAt(least)) least = left;
      if (this.#deadlineAt(left + 1) < this.#deadlineAt(least)) least = left + 1;
      if (least === place) return;
      this.#swap(least, place);
      place = least;
    }
  }

  #deadlineAt(place: number): Instant {
    return this.#entries[place]?.deadline ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const entryA = this.#entries[a];
    const entryB = this.#entries[b];
    if (entryA === undefined || entryB === undefined) return;
    this.#place(entryA, b);
    this.#place(entryB, a);
  }

  #place(entry: Entry<Member>, place: number): void {
    this.#entries[place] = entry;
    this.#places.set(entry.member, place);
  }
}
