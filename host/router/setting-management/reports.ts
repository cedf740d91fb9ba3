/**
 * What this router tells the server without being asked: unknown SPIs, deleted SAs, startups that it cannot follow. A
 * stranger can make unknown SPIs at line rate, so their reports are few and what is remembered about them is bounded.
 *
 * The server answers the report of a deleted SA by a withdrawal of its id, whether or not it knew it; until then it is
 * repeated. The other reports have no answer: whatever caused them happens again.
 */
import type { MessageId, Report, ReportKind } from '../../messages/message.ts';
import type { Endpoint } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import type { Spi } from '../../model/security-association.ts';
import type { SettingTimers } from './timers.ts';

/** Why this router deleted an SA by itself. */
export type DeletionReport = Extract<ReportKind, 'sa-deleted' | 'no-path' | 'unanswered'>;

/** Deleted SAs that wait to be reported (again); more are left to the peer's own packets and the server's bounds. */
const maxDeleted = 4096;

interface BadSpi {
  count: number;
  nextAt: Instant;
}

interface Deleted {
  readonly report: Report;
  tries: number;
  nextAt: Instant;
}

export class Reports {
  readonly #source: string;
  readonly #timers: SettingTimers;
  readonly #freshId: () => MessageId;
  readonly #badSpis = new Map<Spi, BadSpi>();
  #burstEndsAt: Instant = 0;
  #burstLeft = 0;
  readonly #deleted = new Map<MessageId, Deleted>();

  constructor(source: string, timers: SettingTimers, freshId: () => MessageId) {
    this.#source = source;
    this.#timers = timers;
    this.#freshId = freshId;
  }

  /** The report of a packet for an SPI that nobody here has, or undefined where its time has not come. */
  unknownSpi(spi: Spi, from: Endpoint, now: Instant): Report | undefined {
    const known = this.#badSpis.get(spi);
    if (known !== undefined && now < known.nextAt) {
      known.count += 1;
      return undefined;
    }
    if (now >= this.#burstEndsAt) {
      this.#burstEndsAt = now + this.#timers.badSpiIntervalMs;
      this.#burstLeft = this.#timers.badSpiBurst;
    }
    if (this.#burstLeft === 0) return undefined;
    this.#burstLeft -= 1;
    const count = (known?.count ?? 0) + 1;
    // Re-inserted, so that the map's order is that of last use and the first key is the one to forget.
    this.#badSpis.delete(spi);
    this.#badSpis.set(spi, { count: 0, nextAt: now + this.#timers.badSpiIntervalMs });
    if (this.#badSpis.size > 2 * this.#timers.badSpiBurst) {
      const oldest = this.#badSpis.keys().next();
      if (!oldest.done) this.#badSpis.delete(oldest.value);
    }
    return this.#report({ what: 'bad-spi', id: this.#freshId(), peer: '', kind: '', spi, from, count });
  }

  /** A startup names a peer, or selectors, for which the SPD has no entry; the id is the startup's. */
  noSpdEntry(startup: { readonly id: MessageId; readonly peer: string; readonly kind: string }): Report {
    return this.#report({ what: 'no-spd-entry', ...envelopeOf(startup), spi: 0, from: null, count: 1 });
  }

  /** A distribution has nothing in common with the SPD entry that asked for it. */
  selectorsDisjoint(request: {
    readonly id: MessageId;
    readonly peer: string;
    readonly kind: string;
    readonly spi: Spi;
  }): Report {
    return this.#report({
      what: 'selectors-disjoint',
      ...envelopeOf(request),
      spi: request.spi,
      from: null,
      count: 1,
    });
  }

  /** An SA, or a request under way, of this router is gone before its time: queued until `takeDue`. */
  deleted(
    sa: { readonly id: MessageId; readonly peer: string; readonly kind: string; readonly spi: Spi },
    now: Instant,
    what: DeletionReport = 'sa-deleted',
  ): void {
    if (this.#deleted.size >= maxDeleted || this.#deleted.has(sa.id)) return;
    const report = this.#report({
      what,
      ...envelopeOf(sa),
      spi: sa.spi,
      from: null,
      count: 1,
    });
    this.#deleted.set(sa.id, { report, tries: 0, nextAt: now });
  }

  /** The server has it that the SA with this id is gone. */
  acknowledge(id: MessageId): void {
    this.#deleted.delete(id);
  }

  /** Queued reports whose time has come. Call only while the channel is up. */
  takeDue(now: Instant): Report[] {
    const { reportIntervalMs, reportIntervalMaxMs, reportTries } = this.#timers;
    const due: Report[] = [];
    for (const [id, one] of this.#deleted) {
      if (one.nextAt > now) continue;
      due.push(one.report);
      one.nextAt = now + Math.min(reportIntervalMs * 2 ** Math.min(one.tries, 16), reportIntervalMaxMs);
      one.tries += 1;
      if (one.tries >= reportTries) this.#deleted.delete(id);
    }
    return due;
  }

  /** When `takeDue` has something again. */
  nextDue(): Instant | undefined {
    let next: Instant | undefined;
    for (const { nextAt } of this.#deleted.values())
      next = next === undefined ? nextAt : Math.min(next, nextAt);
    return next;
  }

  #report(report: Omit<Report, 'type' | 'source'>): Report {
    return { type: 'report', source: this.#source, ...report };
  }
}

function envelopeOf(about: { readonly id: MessageId; readonly peer: string; readonly kind: string }): {
  readonly id: MessageId;
  readonly peer: string;
  readonly kind: string;
} {
  return { id: about.id, peer: about.peer, kind: about.kind };
}
