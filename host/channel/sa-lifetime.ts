/**
 * When one of the channel's SAs is rekeyed, and when it is too old for that. Lifetimes are each end's own (RFC 7296 section
 * 2.8). Both ends count; the router is meant to be first, so that they rarely rekey at once, and within its span every router
 * draws its own moment, so that a fleet that came up together does not rekey together.
 */
import { addSeconds, earliest, type Instant } from '../model/instant.ts';
import { randomFraction } from '../model/random-fraction.ts';
import type { ChannelRekeyings } from '../model/status.ts';

/** Fractions of the lifetime; ours. */
export interface RekeySpan {
  readonly from: number;
  readonly to: number;
  /** No rekeying has come about: the SA is to be replaced in another way. */
  readonly end: number;
}

export const routerSpan: RekeySpan = { from: 0.7, to: 0.85, end: 0.95 };
/** For routers that do not rekey themselves. */
export const serverSpan: RekeySpan = { from: 0.88, to: 0.93, end: 1 };

export class SaLifetime {
  readonly #span: RekeySpan;
  readonly #seconds: number;
  readonly #random: (octets: number) => Uint8Array;
  #rekeyAt: Instant | undefined;
  #endAt: Instant | undefined;
  #count = 0;

  constructor(span: RekeySpan, seconds: number, random: (octets: number) => Uint8Array) {
    this.#span = span;
    this.#seconds = seconds;
    this.#random = random;
  }

  get deadline(): Instant | undefined {
    return earliest(this.#rekeyAt, this.#endAt);
  }

  /** For `status`. */
  rekeyings(now: Instant): ChannelRekeyings['ikeSa'] {
    const at = this.#rekeyAt;
    return { count: this.#count, nextSeconds: at === undefined ? null : Math.round((at - now) / 1000) };
  }

  /** The first SA of a channel is in use. */
  start(now: Instant): void {
    this.#count = 0;
    this.#plan(now);
  }

  /** The SA was rekeyed, by whichever end. */
  renew(now: Instant): void {
    this.#count += 1;
    this.#plan(now);
  }

  #plan(now: Instant): void {
    const { from, to, end } = this.#span;
    const fraction = from + (to - from) * randomFraction(this.#random);
    this.#rekeyAt = addSeconds(now, this.#seconds * fraction);
    this.#endAt = addSeconds(now, this.#seconds * end);
  }

  /** What is due `now`, each once: a rekeying, or the end of an SA that was not rekeyed. */
  due(now: Instant): 'rekey' | 'end' | undefined {
    if (this.#endAt !== undefined && this.#endAt <= now) {
      this.stop();
      return 'end';
    }
    if (this.#rekeyAt === undefined || this.#rekeyAt > now) return undefined;
    this.#rekeyAt = undefined;
    return 'rekey';
  }

  /** Nothing is due any more. */
  stop(): void {
    this.#rekeyAt = undefined;
    this.#endAt = undefined;
  }
}
