/**
 * When a rekeying that met TEMPORARY_FAILURE is tried again, and when no more. The waits are random, so that two ends that
 * got in each other's way do not meet again at every try. RFC 7296 section 2.25.
 */
import type { Instant } from '../../model/instant.ts';
import { randomFraction } from '../../model/random-fraction.ts';

/** First wait, drawn from half of it to one and a half; doubles up to the longest. Ours. */
const firstWaitMs = 1000;
const longestWaitMs = 16_000;
/** "Several minutes" (RFC 7296 section 2.25), after which the two ends do not mean the same SA any more. */
export const patienceMs = 180_000;

export class RekeyRetry {
  readonly #random: (octets: number) => Uint8Array;
  #since: Instant | undefined;
  #until: Instant | undefined;
  #waitMs = firstWaitMs;

  constructor(random: (octets: number) => Uint8Array) {
    this.#random = random;
  }

  /** When the wait is over; undefined when there is none. */
  get waitsUntil(): Instant | undefined {
    return this.#until;
  }

  /** True while a rekeying must wait. */
  holds(now: Instant): boolean {
    if (this.#until !== undefined && now >= this.#until) this.#until = undefined;
    return this.#until !== undefined;
  }

  /** Starts a wait; false when there have been too many. */
  again(now: Instant): boolean {
    this.#since ??= now;
    if (now - this.#since >= patienceMs) return false;
    this.#until = now + this.#waitMs * (0.5 + randomFraction(this.#random));
    this.#waitMs = Math.min(this.#waitMs * 2, longestWaitMs);
    return true;
  }

  /** The last one succeeded, at whichever end, or was given up. */
  reset(): void {
    this.#since = undefined;
    this.#until = undefined;
    this.#waitMs = firstWaitMs;
  }
}
