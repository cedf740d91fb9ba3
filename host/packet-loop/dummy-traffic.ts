/**
 * When dummies are to be sent (RFC 4303 section 2.6), for the pairs in use whose policy wants them: a pure machine, told by
 * pairs-in-use.ts which those are.
 */
import { DeadlineHeap } from '../model/deadline-heap.ts';
import { addSeconds, type Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';
import type { KnownPair } from './pairs-in-use.ts';

/** One that is to be sent now. */
export interface DueDummy {
  readonly spi: Spi;
  /** Octets before padding. */
  readonly octets: number;
}

/** Dummies look like packets of any length: from a bare IPv6 header to what nearly every path takes. */
export const shortestDummyOctets = 40;
const longest = 1300;

export class DummyTraffic {
  readonly #random: (octets: number) => Uint8Array;
  readonly #intervalSeconds = new Map<Spi, number>();
  readonly #deadlines = new DeadlineHeap<Spi>();

  constructor(random: (octets: number) => Uint8Array) {
    this.#random = random;
  }

  /** When the next is due; undefined when nobody wants any. */
  get dueAt(): Instant | undefined {
    return this.#deadlines.earliest;
  }

  /** Packets go through `pair` from `now` on, and so do dummies, if its policy wants any. */
  start({ spi, dummiesPerSecond }: KnownPair, now: Instant): void {
    if (dummiesPerSecond === 0) return;
    this.#intervalSeconds.set(spi, 1 / dummiesPerSecond);
    this.#schedule(spi, 1 / dummiesPerSecond, now);
  }

  /** No more through this pair. */
  stop(spi: Spi): void {
    this.#intervalSeconds.delete(spi);
    this.#deadlines.set(spi, undefined);
  }

  /** The next one that is due, if any; call again until there is none. */
  takeDue(now: Instant): DueDummy | undefined {
    const spi = this.#deadlines.takeDue(now);
    const intervalSeconds = spi === undefined ? undefined : this.#intervalSeconds.get(spi);
    if (spi === undefined || intervalSeconds === undefined) return undefined;
    this.#schedule(spi, intervalSeconds, now);
    return {
      spi,
      octets: Math.round(shortestDummyOctets + (longest - shortestDummyOctets) * this.#fraction()),
    };
  }

  /** Between half and one and a half of the interval, so that dummies do not show by their beat. */
  #schedule(spi: Spi, intervalSeconds: number, now: Instant): void {
    this.#deadlines.set(spi, addSeconds(now, intervalSeconds * (0.5 + this.#fraction())));
  }

  #fraction(): number {
    const [high = 0, low = 0] = this.#random(2);
    return (256 * high + low) / 65536;
  }
}
