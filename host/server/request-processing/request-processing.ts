/**
 * The part of the setting server that answers: a pure machine over the management table. Events and the time go in,
 * actions come out; randomness and the wall clock are injected. Its rules are the files beside it, its states the table
 * in host/server/README.md. Nothing that it does for one message costs more as the fleet grows.
 */
import type { Message, RouterMessage } from '../../messages/message.ts';
import { DeadlineHeap } from '../../model/deadline-heap.ts';
import type { Instant } from '../../model/instant.ts';
import type { EnrolledRouter, PolicySet } from '../distribution-policies/policy-set.ts';
import type { Random } from '../key-generation.ts';
import type { StoredEntry } from '../management-table/entry.ts';
import { ManagementTable } from '../management-table/management-table.ts';
import { receiveInstalled } from './distribution.ts';
import type { RequestAction, RequestEvent, StoredRouter } from './events.ts';
import { Outbox } from './outbox.ts';
import { type DeadPath, DeadPaths } from './path-report.ts';
import { replacePolicies } from './policy-reload.ts';
import type { Processing } from './processing.ts';
import { receiveRequest } from './request.ts';
import { restoreEntries } from './restart.ts';
import { RouterBook, type RouterStanding } from './router-book.ts';
import { receiveChannelDown, receiveChannelUp, receiveHello, receiveReport } from './router-event.ts';
import { openEchoPeer } from './self-test.ts';
import { defaultProcessingSettings, type ProcessingSettings } from './settings.ts';
import { type ManagementTableRow, tableRows } from './table-row.ts';
import type { Timer } from './timer.ts';
import { Tombstones } from './tombstones.ts';
import { receiveUpgradeReport } from './version-report.ts';
import { receiveWithdrawn } from './withdrawal.ts';

export interface RequestProcessingOptions {
  readonly policies: PolicySet;
  readonly random: Random;
  /** The wall clock's UTC time in milliseconds, at an instant of the boot-time clock. */
  readonly utcMsAt: (instant: Instant) => number;
  readonly settings?: Partial<ProcessingSettings>;
  /** What the store has from the server's earlier life. */
  readonly entries?: readonly StoredEntry[];
  readonly routers?: readonly StoredRouter[];
}

export class RequestProcessing {
  readonly #processing: Processing;
  /** Until they are taken up. */
  #restored: readonly StoredEntry[] | undefined;

  constructor(options: RequestProcessingOptions) {
    const settings: ProcessingSettings = { ...defaultProcessingSettings, ...options.settings };
    const deadlines = new DeadlineHeap<Timer>();
    const out = new Outbox();
    this.#processing = {
      policies: options.policies,
      settings,
      table: new ManagementTable(deadlines),
      routers: new RouterBook(settings),
      tombstones: new Tombstones(settings, deadlines, out),
      withdrawals: new Map(),
      deadPaths: new DeadPaths(),
      deadlines,
      random: options.random,
      utcMsAt: options.utcMsAt,
      out,
    };
    openEchoPeer(this.#processing.routers);
    for (const router of options.routers ?? []) this.#processing.routers.restore(router);
    this.#restored = options.entries ?? [];
  }

  /**
   * Takes up what the store had, to be called once before the first event: entries that both ends have stay if the
   * policies still say the same; all others are withdrawn. The first `handle` does it otherwise.
   */
  start(now: Instant): RequestAction[] {
    this.#takeUp(now);
    return this.#processing.out.drain();
  }

  /** Handles one event. What is due at `now` is done first. */
  handle(event: RequestEvent, now: Instant): RequestAction[] {
    this.#takeUp(now);
    this.#runDue(now);
    switch (event.kind) {
      case 'message':
        this.#receive(event.router, event.message, now);
        break;
      case 'channel-up':
        receiveChannelUp(this.#processing, event.router, event.endpoint, event.behindNat, now);
        break;
      case 'channel-down':
        receiveChannelDown(this.#processing, event.router, event.reason, now);
        break;
      case 'policies':
        replacePolicies(this.#processing, event.policies, now);
        break;
      case 'deadline':
        break;
    }
    return this.#processing.out.drain();
  }

  /** When it next wants a `deadline` event. */
  nextDeadline(): Instant | undefined {
    return (this.#restored?.length ?? 0) > 0 ? 0 : this.#processing.deadlines.earliest;
  }

  /** The management table for people and tests: no keys. */
  table(now: Instant): ManagementTableRow[] {
    return tableRows(this.#processing, now);
  }

  /** Pairs of routers that do not reach each other, as they reported of late. */
  deadPaths(now: Instant): DeadPath[] {
    return this.#processing.deadPaths.recent(now);
  }

  /** Where each of them was last seen, and since when its channel is lost. */
  standings(): RouterStanding[] {
    return this.#processing.routers.standings();
  }

  /** The routers that the policies in force let in. */
  enrolled(): IterableIterator<EnrolledRouter> {
    return this.#processing.policies.routers();
  }

  /** The same of one router. */
  standing(router: string): RouterStanding | undefined {
    return this.#processing.routers.standing(router);
  }

  #takeUp(now: Instant): void {
    if (this.#restored === undefined) return;
    const restored = this.#restored;
    this.#restored = undefined;
    this.#processing.routers.loseRestored(now);
    if (restored.length > 0) restoreEntries(this.#processing, restored, now);
  }

  #runDue(now: Instant): void {
    for (;;) {
      const timer = this.#processing.deadlines.takeDue(now);
      if (timer === undefined) return;
      timer.run(now);
    }
  }

  #receive(router: string, message: RouterMessage, now: Instant): void {
    const processing = this.#processing;
    if (message.source !== router) {
      processing.out.audit(
        'wrong-source',
        { router, peer: message.peer, kind: message.kind },
        `${message.type} names ${message.source} as its source`,
      );
      return;
    }
    switch (message.type) {
      case 'hello':
        receiveHello(processing, message, now);
        return;
      case 'request':
        receiveRequest(processing, message, now);
        return;
      case 'installed':
        receiveInstalled(processing, message);
        return;
      case 'withdrawn':
        receiveWithdrawn(processing, message, now);
        return;
      case 'report':
        receiveReport(processing, message, now);
        return;
      case 'upgrade-report':
        receiveUpgradeReport(processing, message, now);
        return;
      default:
        ignore(processing, message);
    }
  }
}

/** Unreachable for what decodeRouterMessage lets through; counted all the same. */
function ignore(processing: Processing, message: Message): void {
  processing.out.audit('ignored', { router: message.source }, `routers do not send ${message.type}`);
}
