/**
 * When a request is sent again and when its sender gives up. Only requests are retransmitted; a response is repeated
 * when its request is. RFC 7296 sections 2.1 and 2.4; schedule and defaults as in strongSwan's task manager.
 */
import type { Instant } from '../model/instant.ts';

export interface RetransmissionTimes {
  /** Wait before the first retransmission; each later wait is `base` times the one before. */
  readonly timeoutMs: number;
  readonly base: number;
  /** Retransmissions, the first transmission not counted; after the last one there is one more wait. */
  readonly tries: number;
}

/** strongSwan's: gives up after 165 s. */
export const defaultRetransmission: RetransmissionTimes = { timeoutMs: 4000, base: 1.8, tries: 5 };

/** For the channel, where both ends are ours and a packet of a host waits: gives up after 20.6 s. */
export const promptRetransmission: RetransmissionTimes = { timeoutMs: 500, base: 1.8, tries: 5 };

export class Retransmission {
  readonly #times: RetransmissionTimes;
  #sent = 0;
  #deadline: Instant;

  /** Starts the schedule of a request whose first transmission happens `now`. */
  constructor(times: RetransmissionTimes, now: Instant) {
    this.#times = times;
    this.#deadline = now + times.timeoutMs;
  }

  get deadline(): Instant {
    return this.#deadline;
  }

  /** What is due `now`; `resend` moves the deadline. */
  expire(now: Instant): 'wait' | 'resend' | 'give-up' {
    if (now < this.#deadline) return 'wait';
    if (this.#sent === this.#times.tries) return 'give-up';
    this.#sent += 1;
    this.#deadline = now + this.#times.timeoutMs * this.#times.base ** this.#sent;
    return 'resend';
  }
}
