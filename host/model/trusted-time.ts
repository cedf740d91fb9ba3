/**
 * What time it is, on a machine whose clock cannot be trusted: a board boots in 1970, and whoever can turn back a clock
 * could bring an expired certificate back to life. So the time is a lower bound, the latest of what is known for sure:
 * when the software was built, the latest time seen before, what the setting server said. It never goes back.
 */
import type { Instant } from './instant.ts';

/** Milliseconds since 1970-01-01 UTC. */
export type UtcMs = number;

// Swedish dates are ISO 8601's.
const format = new Intl.DateTimeFormat('sv-SE', { timeZone: 'UTC', dateStyle: 'short', timeStyle: 'medium' });

/** `2026-11-27 11:37:02 UTC` */
export function utcText(utcMs: UtcMs): string {
  return `${format.format(utcMs)} UTC`;
}

/** What can be said about the present time. */
export interface TimeBounds {
  readonly atLeastUtcMs: UtcMs;
  /** Absent where nothing is known but the lower bound: then nothing can be too early. */
  readonly atMostUtcMs?: UtcMs;
}

/** The latest time seen is worth a write to flash when so much is new: at most 24 writes a day. */
const persistEveryMs = 3_600_000;

export interface TrustedTimeOptions {
  readonly buildUtcMs: UtcMs;
  /** As kept by the process before; undefined at the first start. */
  readonly lastSeenUtcMs: UtcMs | undefined;
  readonly startedAt: Instant;
}

export class TrustedTime {
  /** What was known for sure at `#at`; since then the boot-time clock counts on. */
  #utcMs: UtcMs;
  #at: Instant;
  #persistedUtcMs: UtcMs;

  constructor({ buildUtcMs, lastSeenUtcMs, startedAt }: TrustedTimeOptions) {
    this.#utcMs = Math.max(buildUtcMs, lastSeenUtcMs ?? 0);
    this.#at = startedAt;
    this.#persistedUtcMs = lastSeenUtcMs ?? 0;
  }

  /** The lower bound at `now`. */
  atLeast(now: Instant): UtcMs {
    return this.#utcMs + Math.max(0, now - this.#at);
  }

  /**
   * The lower bound with the machine's own clock taken into account, where that is later. A clock that runs ahead can
   * refuse what is valid, until it is set right: it is not remembered.
   */
  atLeastBy(now: Instant, clockUtcMs: UtcMs): UtcMs {
    return Math.max(this.atLeast(now), clockUtcMs);
  }

  /** Takes the word of an authenticated server; one that is earlier than what is known changes nothing. */
  learn(utcMs: UtcMs, now: Instant): void {
    if (!Number.isFinite(utcMs) || utcMs <= this.atLeast(now)) return;
    this.#utcMs = utcMs;
    this.#at = now;
  }

  /** The time to write down, when enough of it is new; then `isPersisted` is to be called. */
  due(now: Instant): UtcMs | undefined {
    const seen = this.atLeast(now);
    return seen - this.#persistedUtcMs >= persistEveryMs ? seen : undefined;
  }

  /** The time to write down because something was seen to expire: whatever is new counts. */
  dueAtExpiry(now: Instant): UtcMs | undefined {
    const seen = this.atLeast(now);
    return seen > this.#persistedUtcMs ? seen : undefined;
  }

  /** `utcMs` is on disk. */
  isPersisted(utcMs: UtcMs): void {
    this.#persistedUtcMs = Math.max(this.#persistedUtcMs, utcMs);
  }
}
