/**
 * Whether the peers of SAs are still there (RFC 7296 section 2.4: no more is asked than traffic needs, and every authentic
 * packet is an answer): a pure machine that looks at all pairs in use now and then, at one beat, so that a router with a thousand
 * idle pairs sleeps as long as one with a single pair. Told by pairs-in-use.ts which those are.
 *
 * An end that received packets and then had none of its own to send gives a sign of life, a dummy (RFC 4303 section 2.6). So
 * traffic that goes one way by nature is answered too, and an end that sends packet after packet without hearing anything
 * knows that nobody is there. Idle pairs send nothing. AH has no dummies: its pairs are not judged.
 */
import { addSeconds, type Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';
import type { KnownPair } from './pairs-in-use.ts';

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
  /** At the look before; undefined before the first. */
  last: PairActivity | undefined;
  /** Of what `sent` will have grown by at the next look, this is ours. */
  dummies: number;
  /** Packets came in before the last look, and have had no answer since. */
  owesAnswer: boolean;
  /** Since when packets go out and nothing comes, and at how many looks it was so. */
  unansweredSince: Instant | undefined;
  unansweredLooks: number;
}

/** From one beat to the next. A sign of life goes out at the second look after a packet, at the latest. */
const lookSeconds = 5;
/** A single packet, and a single sign of life that was lost, prove nothing. */
const leastUnansweredLooks = 3;
/** Pairs looked at in one round of the packet loop: a fraction of a millisecond between two batches. */
const looksARound = 256;

const none: readonly LivenessFinding[] = [];

export class Liveness {
  readonly #unansweredSeconds: number;
  readonly #watched = new Map<Spi, Watched>();
  /** Pairs that this beat still has to look at. */
  #rest: Spi[] = [];
  #beatAt: Instant | undefined;

  /** @param unansweredSeconds for so long a pair may send and hear nothing; 0 is for ever */
  constructor(unansweredSeconds: number) {
    this.#unansweredSeconds = unansweredSeconds;
  }

  /** When the next look is due; undefined while there are no pairs. */
  get dueAt(): Instant | undefined {
    return this.#rest.length > 0 ? 0 : this.#beatAt;
  }

  /** Packets go through `pair` from `now` on; `activity` is what it counts now. */
  start({ spi, protocol }: KnownPair, activity: PairActivity | undefined, now: Instant): void {
    if (protocol !== 'esp') return;
    this.#beatAt ??= addSeconds(now, lookSeconds);
    this.#watched.set(spi, {
      last: activity,
      dummies: 0,
      owesAnswer: false,
      unansweredSince: undefined,
      unansweredLooks: 0,
    });
  }

  /** None go through it any more. */
  stop(spi: Spi): void {
    this.#watched.delete(spi);
    if (this.#watched.size > 0) return;
    this.#beatAt = undefined;
    this.#rest = [];
  }

  /** A dummy went out through the pair, for whatever purpose. */
  sentDummy(spi: Spi): void {
    const watched = this.#watched.get(spi);
    if (watched !== undefined) watched.dummies += 1;
  }

  /** Looks at pairs whose time has come, a bounded number; the rest is due at once. `activityOf` reads a pair's counts. */
  look(now: Instant, activityOf: (spi: Spi) => PairActivity | undefined): readonly LivenessFinding[] {
    if (this.#rest.length === 0) {
      if (this.#beatAt === undefined || this.#beatAt > now) return none;
      this.#beatAt = addSeconds(now, lookSeconds);
      this.#rest = [...this.#watched.keys()];
    }
    const findings: LivenessFinding[] = [];
    for (let looks = 0; looks < looksARound; looks++) {
      const spi = this.#rest.pop();
      if (spi === undefined) break;
      const watched = this.#watched.get(spi);
      const activity = watched && activityOf(spi);
      const kind = watched && activity && this.#judge(watched, activity, now);
      if (kind !== undefined) findings.push({ kind, spi });
    }
    return findings;
  }

  #judge(watched: Watched, activity: PairActivity, now: Instant): LivenessFinding['kind'] | undefined {
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
}
