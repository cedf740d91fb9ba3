/**
 * When the certificates end that channels live by: of which one to warn, and whose time is over. Counts in UTC, which may jump
 * where it is learnt or set right, so it looks again at least once a minute; one look serves all. The time is a lower
 * bound (host/model/trusted-time.ts): nothing ends too early by it.
 */
import type { CertificateValidity } from '../model/certificate-trust.ts';
import { DeadlineHeap } from '../model/deadline-heap.ts';
import type { Instant } from '../model/instant.ts';
import type { CertificateStatus } from '../model/status.ts';
import { type UtcMs, utcText } from '../model/trusted-time.ts';

/** How long a jump of the time is not noticed; ours. */
const lookMs = 60_000;

/** A warning comes again after so long. */
const warnEveryMs = 24 * 3_600_000;

export interface CertificateNews<Subject> {
  readonly subject: Subject;
  /** It ends before long; or its last moment is over. */
  readonly kind: 'ending' | 'ended';
  /** For people. */
  readonly message: string;
}

export class CertificateWatch<Subject> {
  readonly #utcAtLeast: (now: Instant) => UtcMs;
  readonly #nameOf: (subject: Subject) => string;
  /** By UTC and not by `Instant`. */
  readonly #due = new DeadlineHeap<Subject>();
  readonly #validities = new Map<Subject, CertificateValidity>();
  #lookAt: Instant | undefined;

  /** `utcAtLeast` says what time it is at least; `nameOf`, whose certificate a subject stands for. */
  constructor(utcAtLeast: (now: Instant) => UtcMs, nameOf: (subject: Subject) => string) {
    this.#utcAtLeast = utcAtLeast;
    this.#nameOf = nameOf;
  }

  /** When `due` is to be called; undefined while nothing is watched. */
  get deadline(): Instant | undefined {
    return this.#lookAt;
  }

  /**
   * Watches `subject` from now on, or no longer.
   *
   * @param share of the time of warnings by which the first one waits, so that the many who know one certificate do not act
   *   at once
   */
  watch(subject: Subject, validity: CertificateValidity | undefined, now: Instant, share = 0): void {
    if (this.#validities.get(subject) === validity) return;
    if (validity === undefined) this.#validities.delete(subject);
    else this.#validities.set(subject, validity);
    this.#due.set(subject, validity && firstNews(validity, share));
    this.#plan(now);
  }

  /** What there is to say at `now`, each again after a day. */
  due(now: Instant): CertificateNews<Subject>[] {
    if (this.#lookAt === undefined || this.#lookAt > now) return [];
    const utcMs = this.#utcAtLeast(now);
    const news: CertificateNews<Subject>[] = [];
    for (;;) {
      const subject = this.#due.takeDue(utcMs);
      const validity = subject === undefined ? undefined : this.#validities.get(subject);
      if (subject === undefined || validity === undefined) break;
      const isOver = utcMs > validity.untilUtcMs;
      const again = utcMs + warnEveryMs;
      this.#due.set(subject, isOver ? again : Math.min(again, validity.untilUtcMs + 1));
      const until = utcText(validity.untilUtcMs);
      const message = `the certificate of ${this.#nameOf(subject)}, or one above it, ${
        isOver
          ? `has ended at ${until}: expected another by now`
          : `ends at ${until}: expected another before`
      }`;
      news.push({ subject, kind: isOver ? 'ended' : 'ending', message });
    }
    this.#plan(now);
    return news;
  }

  /** All that are watched. */
  standings(now: Instant): CertificateStatus[] {
    const utcMs = this.#utcAtLeast(now);
    return [...this.#validities].map(([subject, { warnFromUtcMs, untilUtcMs }]) => ({
      of: this.#nameOf(subject),
      state: utcMs > untilUtcMs ? 'ended' : utcMs >= warnFromUtcMs ? 'ending' : 'valid',
      until: utcText(untilUtcMs),
      remainingSeconds: Math.floor((untilUtcMs - utcMs) / 1000),
    }));
  }

  #plan(now: Instant): void {
    const next = this.#due.earliest;
    if (next === undefined) {
      this.#lookAt = undefined;
      return;
    }
    const waitMs = Math.ceil(next - this.#utcAtLeast(now));
    this.#lookAt = now + Math.min(lookMs, Math.max(1, waitMs));
  }
}

/** In UTC: the first warning, or the end where that comes before. */
function firstNews({ warnFromUtcMs, untilUtcMs }: CertificateValidity, share: number): UtcMs {
  return Math.min(warnFromUtcMs + share * (untilUtcMs - warnFromUtcMs), untilUtcMs + 1);
}
