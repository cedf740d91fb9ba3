/**
 * Which member is due when: a binary heap with the place of each member, so that setting, moving and taking out one of a
 * million costs the logarithm of their number, and reading the earliest costs nothing. Members due at the same instant
 * come in the order in which they were set, so that a machine that uses it repeats itself exactly. It reads no clock.
 */
import type { Instant } from './instant.ts';

interface Entry<Member> {
  readonly member: Member;
  readonly deadline: Instant;
  /** Rises with each `set`. */
  readonly order: number;
}

export class DeadlineHeap<Member> {
  readonly #entries: Entry<Member>[] = [];
  readonly #places = new Map<Member, number>();
  #order = 0;

  get earliest(): Instant | undefined {
    return this.#entries[0]?.deadline;
  }

  /** The member with the earliest deadline. */
  get first(): Member | undefined {
    return this.#entries[0]?.member;
  }

  has(member: Member): boolean {
    return this.#places.has(member);
  }

  /** Sets or moves the deadline of `member`; `undefined` takes it out. */
  set(member: Member, deadline: Instant | undefined): void {
    const place = this.#places.get(member);
    if (deadline === undefined) {
      if (place !== undefined) this.#remove(place);
      return;
    }
    const to = place ?? this.#entries.length;
    this.#put({ member, deadline, order: this.#order++ }, to);
    this.#down(this.#up(to));
  }

  /** Takes out and returns the earliest member, if it is due at `now`. */
  takeDue(now: Instant): Member | undefined {
    const first = this.#entries[0];
    if (first === undefined || first.deadline > now) return undefined;
    this.#remove(0);
    return first.member;
  }

  #remove(place: number): void {
    const removed = this.#entries[place];
    const last = this.#entries.pop();
    if (removed === undefined || last === undefined) return;
    this.#places.delete(removed.member);
    if (last === removed) return;
    this.#put(last, place);
    this.#down(this.#up(place));
  }

  /** Moves the entry at `start` up as far as it belongs; returns where it ended. */
  #up(start: number): number {
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (!this.#isBefore(place, parent)) break;
      this.#swap(parent, place);
      place = parent;
    }
    return place;
  }

  #down(start: number): void {
    for (let place = start; ; ) {
      const left = 2 * place + 1;
      let least = place;
      if (this.#isBefore(left, least)) least = left;
      if (this.#isBefore(left + 1, least)) least = left + 1;
      if (least === place) return;
      this.#swap(least, place);
      place = least;
    }
  }

  /** False where either place is empty. */
  #isBefore(a: number, b: number): boolean {
    const one = this.#entries[a];
    const other = this.#entries[b];
    if (one === undefined || other === undefined) return false;
    return one.deadline < other.deadline || (one.deadline === other.deadline && one.order < other.order);
  }

  #swap(a: number, b: number): void {
    const entryA = this.#entries[a];
    const entryB = this.#entries[b];
    if (entryA === undefined || entryB === undefined) return;
    this.#put(entryA, b);
    this.#put(entryB, a);
  }

  #put(entry: Entry<Member>, place: number): void {
    this.#entries[place] = entry;
    this.#places.set(entry.member, place);
  }
}
