/**
 * When dummies are to be sent (RFC 4303 section 2.6), for the pairs whose policy wants them: a pure machine that follows the
 * changes of the tables. At most one pair of an entry and kind sends any: the one that its packets go through.
 */
import type { SaPair, TableChange } from '../dataplane/engine.ts';
import { DeadlineHeap } from '../model/deadline-heap.ts';
import { addSeconds, type Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';

/** One that is to be sent now. */
export interface DueDummy {
  readonly spi: Spi;
  /** Octets before padding. */
  readonly octets: number;
}

interface Source {
  readonly spi: Spi;
  readonly entry: string;
  /** Infinity for none. */
  readonly intervalSeconds: number;
  /** What only one pair serves at a time. */
  readonly purpose: string;
}

/** Dummies look like packets of any length: from a bare IPv6 header to what nearly every path takes. */
export const shortestDummyOctets = 40;
const longest = 1300;

export class DummyTraffic {
  readonly #random: (octets: number) => Uint8Array;
  /** Every pair, also those that send none: one of them may follow one that does. */
  readonly #sources = new Map<Spi, Source>();
  readonly #inUse = new Map<string, Spi>();
  readonly #deadlines = new DeadlineHeap<Spi>();

  constructor(random: (octets: number) => Uint8Array) {
    this.#random = random;
  }

  /** When the next is due; undefined when nobody wants any. */
  get dueAt(): Instant | undefined {
    return this.#deadlines.earliest;
  }

  /** Takes note of a change that took effect. */
  change({ spd, install = [], use = [], remove = [] }: TableChange, now: Instant): void {
    if (spd !== undefined) this.#keepEntries(new Set(spd.map(({ name }) => name)));
    for (const { pair, use: isUsed } of install) {
      const source = sourceOf(pair);
      this.#sources.set(source.spi, source);
      if (isUsed) this.#use(pair.inbound.spi, now);
    }
    for (const spi of use) this.#use(spi, now);
    for (const spi of remove) this.stop(spi);
  }

  /** Forgets pairs whose entry is gone, as the engine does; those of the channel have none. */
  #keepEntries(names: ReadonlySet<string>): void {
    for (const { spi, entry } of this.#sources.values()) {
      if (entry !== '' && !names.has(entry)) this.stop(spi);
    }
  }

  /** The next one that is due, if any; call again until there is none. */
  takeDue(now: Instant): DueDummy | undefined {
    const spi = this.#deadlines.takeDue(now);
    const source = spi === undefined ? undefined : this.#sources.get(spi);
    if (source === undefined) return undefined;
    this.#schedule(source, now);
    return {
      spi: source.spi,
      octets: Math.round(shortestDummyOctets + (longest - shortestDummyOctets) * this.#fraction()),
    };
  }

  /** Forgets a pair. */
  stop(spi: Spi): void {
    const source = this.#sources.get(spi);
    if (source === undefined) return;
    this.#sources.delete(spi);
    this.#deadlines.set(spi, undefined);
    if (this.#inUse.get(source.purpose) === spi) this.#inUse.delete(source.purpose);
  }

  #use(spi: Spi, now: Instant): void {
    const source = this.#sources.get(spi);
    if (source === undefined) return;
    const before = this.#inUse.get(source.purpose);
    if (before !== undefined && before !== spi) this.#deadlines.set(before, undefined);
    this.#inUse.set(source.purpose, spi);
    if (source.intervalSeconds < Number.POSITIVE_INFINITY && !this.#deadlines.has(spi))
      this.#schedule(source, now);
  }

  /** Between half and one and a half of the interval, so that dummies do not show by their beat. */
  #schedule({ spi, intervalSeconds }: Source, now: Instant): void {
    this.#deadlines.set(spi, addSeconds(now, intervalSeconds * (0.5 + this.#fraction())));
  }

  #fraction(): number {
    const [high = 0, low = 0] = this.#random(2);
    return (256 * high + low) / 65536;
  }
}

function sourceOf({ entry, kind, outbound, inbound }: SaPair): Source {
  const rate = outbound.dummiesPerSecond ?? 0;
  return { spi: inbound.spi, entry, intervalSeconds: 1 / rate, purpose: JSON.stringify([entry, kind]) };
}
