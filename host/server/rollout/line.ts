/** Routers that stand in line to be told: a bounded number at once, then a pause, so that neither channels nor the release's server are flooded. */
import type { Instant } from '../../model/instant.ts';
import type { Member } from './members.ts';

/** 125 a second. */
const atOnce = 25;
const pauseMs = 200;

export class TellingLine {
  #waiting: Member[] = [];
  #nextAt: Instant = 0;

  /** When `take` has somebody. */
  get dueAt(): Instant | undefined {
    return this.#waiting.length === 0 ? undefined : this.#nextAt;
  }

  /** Puts the router at the end, unless it stands in line already. */
  add(member: Member): void {
    if (member.isQueued) return;
    member.isQueued = true;
    this.#waiting.push(member);
  }

  clear(): void {
    for (const member of this.#waiting.splice(0)) member.isQueued = false;
  }

  /** Whose turn it is; nobody during a pause. */
  take(now: Instant): Member[] {
    if (this.#waiting.length === 0 || now < this.#nextAt) return [];
    this.#nextAt = now + pauseMs;
    const taken = this.#waiting.splice(0, atOnce);
    for (const member of taken) member.isQueued = false;
    return taken;
  }
}
