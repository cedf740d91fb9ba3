/** When a router tries again to set its channel up: ever more slowly, and each router of a fleet at a moment of its own. */
import { addSeconds, type Instant } from '../model/instant.ts';
import { randomFraction } from '../model/random-fraction.ts';
import type { ChannelTimers } from './timers.ts';

export class SetUpRetry {
  readonly #timers: ChannelTimers;
  readonly #random: (octets: number) => Uint8Array;
  #seconds: number;
  #at: Instant | undefined;

  constructor(timers: ChannelTimers, random: (octets: number) => Uint8Array) {
    this.#timers = timers;
    this.#random = random;
    this.#seconds = timers.firstRetrySeconds;
  }

  get deadline(): Instant | undefined {
    return this.#at;
  }

  /** A set-up has failed: waits about twice as long as the time before, up to the longest. */
  afterFailure(now: Instant): void {
    this.#at = addSeconds(now, this.#seconds * (0.75 + 0.5 * randomFraction(this.#random)));
    this.#seconds = Math.min(this.#seconds * 2, this.#timers.longestRetrySeconds);
  }

  /** There is no room for a set-up. */
  afterLongest(now: Instant): void {
    this.#at = addSeconds(now, this.#timers.longestRetrySeconds);
  }

  /** A set-up is under way. */
  stop(): void {
    this.#at = undefined;
  }

  /** One has come to something: the next failure is the first again. */
  reset(): void {
    this.#seconds = this.#timers.firstRetrySeconds;
  }
}
