/**
 * Whether the peers of SAs are still there (RFC 7296 section 2.4: no more is asked than traffic needs, and every authentic
 * packet is an answer): a pure machine that looks at each pair in use now and then.
 *
 * An end that received packets and then had none of its own to send gives a sign of life, a dummy (RFC 4303 section 2.6). So
 * traffic that goes one way by nature is answered too, and an end that sends packet after packet without hearing anything
 * knows that nobody is there. Idle pairs send nothing. AH has no dummies: its pairs are not judged.
 */
import type { SaPair, TableChange } from '../dataplane/engine.ts';
import { DeadlineHeap } from '../model/deadline-heap.ts';
import { addSeconds, type Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';

/** What a pair's slots count, modulo 2^32; the numbers matter only in that they change. */
export interface PairActivity {
  /** Packets that went out, dummies too. */
  readonly sent: number;
  /** Packets that came out of the inbound SA; dummies do not. */
  readonly received: number;
  /** Highest number of an authentic packet, dummies too. */
  readonly heard: number;
}

export type LivenessFinding =
  /** Send a dummy through the pair, and tell `sentDummy`. */
  { readonly kind: 'sign-of-life'; readonly spi: Spi } | { readonly kind: 'unanswered'; readonly spi: Spi };

interface Watched {
  /** Undefined until the first look. */
  last: PairActivity | undefined;
  /** Of what `sent` will have grown by at the next look, this is ours. */
  dummies: number;
  /** Packets came in before the last look, and have had no answer since. */
  owesAnswer: boolean;
  /** Since when packets go out and nothing comes, and at how many looks it was so. */
  unansweredSince: Instant | undefined;
  unansweredLooks: number;
}

/** From one look to the next. A sign of life goes out at the second look after a packet, at the latest. */
const lookSeconds = 5;
/** A single packet, and a single sign of life that was lost, prove nothing. */
const leastUnansweredLooks = 3;

export class Liveness {
  readonly #unansweredSeconds: number;
  readonly #watched = new Map<Spi, Watched>();
  readonly #inUse = new Map<string, Spi>();
  /** Pairs that may come into use: their purpose, and the entry to which they belong. */
  readonly #known = new Map<Spi, { readonly purpose: string; readonly entry: string }>();
  readonly #looks = new DeadlineHeap<Spi>();

  /** @param unansweredSeconds for so long a pair may send and hear nothing; 0 is for ever */
  constructor(unansweredSeconds: number) {
    this.#unansweredSeconds = unansweredSeconds;
  }

  /** When the next look is due. */
  get dueAt(): Instant | undefined {
    return this.#looks.earliest;
  }

  /** Takes note of a change that took effect. */
  change({ spd, install = [], use = [], remove = [] }: TableChange, now: Instant): void {
    if (spd !== undefined) {
      const names = new Set(spd.map(({ name }) => name));
      for (const [spi, { entry }] of this.#known) if (!names.has(entry)) this.#forget(spi);
    }
    for (const { pair, use: isUsed } of install) {
      if (!isWatched(pair)) continue;
      const { spi } = pair.inbound;
      this.#known.set(spi, { purpose: JSON.stringify([pair.entry, pair.kind]), entry: pair.entry });
      if (isUsed) this.#use(spi, now);
    }
    for (const spi of use) this.#use(spi, now);
    for (const spi of remove) this.#forget(spi);
  }

  /** A dummy went out through the pair, for whatever purpose. */
  sentDummy(spi: Spi): void {
    const watched = this.#watched.get(spi);
    if (watched !== undefined) watched.dummies += 1;
  }

  /** Looks at the pairs whose time has come; call until undefined. `activityOf` reads a pair's counts. */
  takeDue(now: Instant, activityOf: (spi: Spi) => PairActivity | undefined): LivenessFinding | undefined {
    for (let spi = this.#looks.takeDue(now); spi !== undefined; spi = this.#looks.takeDue(now)) {
      const watched = this.#watched.get(spi);
      const activity = activityOf(spi);
      if (watched === undefined || activity === undefined) continue;
      this.#looks.set(spi, addSeconds(now, lookSeconds));
      const finding = this.#look(watched, activity, now);
      if (finding !== undefined) return { kind: finding, spi };
    }
    return undefined;
  }

  #look(watched: Watched, activity: PairActivity, now: Instant): LivenessFinding['kind'] | undefined {
    const { last, dummies } = watched;
    watched.last = activity;
    watched.dummies = 0;
    if (last === undefined) return undefined;
    const hasSent = activity.sent !== last.sent;
    const hasSentPackets = activity.sent !== (last.sent + dummies) >>> 0;
    const owedAnswer = watched.owesAnswer;
    watched.owesAnswer = activity.received !== last.received;
    if (activity.heard !== last.heard) {
      watched.unansweredSince = undefined;
    } else if (hasSentPackets && this.#isUnanswered(watched, now)) {
      watched.unansweredSince = undefined;
      return 'unanswered';
    }
    return owedAnswer && !hasSent ? 'sign-of-life' : undefined;
  }

  /** Counts a look at which packets had gone out and nothing had come. True when it is enough. */
  #isUnanswered(watched: Watched, now: Instant): boolean {
    if (watched.unansweredSince === undefined) {
      watched.unansweredSince = now;
      watched.unansweredLooks = 0;
    }
    watched.unansweredLooks += 1;
    return (
      this.#unansweredSeconds > 0 &&
      watched.unansweredLooks >= leastUnansweredLooks &&
      now >= addSeconds(watched.unansweredSince, this.#unansweredSeconds)
    );
  }

  #use(spi: Spi, now: Instant): void {
    const known = this.#known.get(spi);
    if (known === undefined || this.#watched.has(spi)) return;
    const before = this.#inUse.get(known.purpose);
    if (before !== undefined) this.#unwatch(before);
    this.#inUse.set(known.purpose, spi);
    this.#watched.set(spi, {
      last: undefined,
      dummies: 0,
      owesAnswer: false,
      unansweredSince: undefined,
      unansweredLooks: 0,
    });
    // At once, for the counts from which on the next look compares.
    this.#looks.set(spi, now);
  }

  #unwatch(spi: Spi): void {
    this.#watched.delete(spi);
    this.#looks.set(spi, undefined);
  }

  #forget(spi: Spi): void {
    const known = this.#known.get(spi);
    this.#known.delete(spi);
    this.#unwatch(spi);
    if (known !== undefined && this.#inUse.get(known.purpose) === spi) this.#inUse.delete(known.purpose);
  }
}

/** The channel's pairs have IKE's own questions, and AH has no dummies to answer with. */
function isWatched({ entry, inbound }: SaPair): boolean {
  return entry !== '' && inbound.protocol === 'esp';
}
