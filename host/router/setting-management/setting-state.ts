/**
 * Everything that setting management remembers, and the ways in which its parts act on the outside: actions are only
 * collected here, in order. The parts (requesting.ts, renewal.ts, installing.ts) are functions over this state.
 */
import type { TableChange } from '../../dataplane/engine.ts';
import type { SpiAllocator } from '../../dataplane/spi-allocator.ts';
import type { MessageId, RouterMessage } from '../../messages/message.ts';
import type { Endpoint } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import type { SpdEntry } from '../../model/policy.ts';
import type { Spi } from '../../model/security-association.ts';
import { BackOff } from './back-off.ts';
import { Deadlines } from './deadlines.ts';
import type { SettingAction, SettingFailure, SettingLogKind } from './events.ts';
import { PairTable } from './pairs.ts';
import { PeerPlaces } from './peer-places.ts';
import { Reports } from './reports.ts';
import { RequestTable } from './request.ts';
import type { SettingTimers } from './timers.ts';

export interface SettingOptions {
  /** This router's name. */
  readonly name: string;
  /** The ordered SPD at the start. */
  readonly entries: readonly SpdEntry[];
  /** Fresh unpredictable octets. */
  readonly random: (octets: number) => Uint8Array;
  /** Why the engine would refuse a change of its tables now, or undefined. */
  readonly refusal: (change: TableChange) => string | undefined;
  readonly spiAllocator: SpiAllocator;
  readonly timers: SettingTimers;
  /** Where this router sends to `peer` from; undefined where it has no address of the peer's family. */
  readonly localEndpoint: (peer: Endpoint) => Endpoint | undefined;
  /** Proposal keywords that the firmware has. */
  readonly proposals: ReadonlySet<string>;
}

/** What a deadline is for. */
export type SettingTimer =
  | { readonly kind: 'request'; readonly id: MessageId }
  | { readonly kind: 'hard-lifetime'; readonly spi: Spi }
  | { readonly kind: 'renewal'; readonly spi: Spi }
  | { readonly kind: 'unblock'; readonly entry: string }
  | { readonly kind: 'path'; readonly spi: Spi }
  | { readonly kind: 'keepalive'; readonly peer: string }
  | { readonly kind: 'reports' };

/** The last failure of an SPD entry, for people. */
export interface EntryFailure {
  readonly failure: SettingFailure;
  readonly detail: string;
  readonly at: Instant;
}

/** Ignored messages are logged once in this time for each reason, and counted always. */
const ignoredLogIntervalMs = 10_000;

/** Startups already answered that are remembered, so that late duplicates start nothing. */
const maxAnsweredStartups = 1024;

export class SettingState {
  readonly name: string;
  readonly timers: SettingTimers;
  readonly refusal: (change: TableChange) => string | undefined;
  readonly spiAllocator: SpiAllocator;
  readonly localEndpoint: (peer: Endpoint) => Endpoint | undefined;
  readonly proposals: ReadonlySet<string>;
  readonly requests = new RequestTable();
  readonly pairs = new PairTable();
  readonly places = new PeerPlaces();
  readonly backOff: BackOff;
  readonly reports: Reports;
  readonly deadlines = new Deadlines<SettingTimer>();
  readonly failures = new Map<string, EntryFailure>();
  readonly ignored = new Map<string, { count: number; logAt: Instant }>();
  channelIsUp = false;
  isBehindNat = false;
  actions: SettingAction[] = [];
  readonly #random: (octets: number) => Uint8Array;
  #entries: readonly SpdEntry[] = [];
  #entryByName = new Map<string, SpdEntry>();
  #entriesByPeer = new Map<string, SpdEntry[]>();
  readonly #answeredStartups = new Set<MessageId>();

  constructor(options: SettingOptions) {
    this.name = options.name;
    this.timers = options.timers;
    this.refusal = options.refusal;
    this.spiAllocator = options.spiAllocator;
    this.localEndpoint = options.localEndpoint;
    this.proposals = options.proposals;
    this.#random = options.random;
    this.backOff = new BackOff(options.timers);
    this.reports = new Reports(options.name, options.timers, () => this.freshId());
    this.replaceEntries(options.entries);
  }

  get entries(): readonly SpdEntry[] {
    return this.#entries;
  }

  replaceEntries(entries: readonly SpdEntry[]): void {
    this.#entries = entries;
    this.#entryByName = new Map(entries.map((entry) => [entry.name, entry]));
    this.#entriesByPeer = new Map();
    for (const entry of entries) {
      if (entry.action !== 'PROTECT' || entry.requestPeer === undefined) continue;
      const ofPeer = this.#entriesByPeer.get(entry.requestPeer);
      if (ofPeer === undefined) this.#entriesByPeer.set(entry.requestPeer, [entry]);
      else ofPeer.push(entry);
    }
  }

  /** The entry called `name`, if it is one to ask for. */
  protectEntry(name: string): (SpdEntry & { readonly requestPeer: string }) | undefined {
    const entry = this.#entryByName.get(name);
    if (entry === undefined || entry.action !== 'PROTECT' || entry.requestPeer === undefined)
      return undefined;
    return { ...entry, requestPeer: entry.requestPeer };
  }

  /** The PROTECT entries that name `peer`, in the SPD's order. */
  entriesOfPeer(peer: string): readonly SpdEntry[] {
    return this.#entriesByPeer.get(peer) ?? [];
  }

  /** 64 random bits as hex. */
  freshId(): MessageId {
    return Array.from(this.#random(8), (octet) => octet.toString(16).padStart(2, '0')).join('');
  }

  /** The soft lifetime of a new pair, as a share of the hard one. */
  softShare(): number {
    const [high = 0, low = 0] = this.#random(2);
    const { softShareFrom, softShareTo } = this.timers;
    return softShareFrom + ((softShareTo - softShareFrom) * (high * 256 + low)) / 65536;
  }

  send(message: RouterMessage): void {
    this.actions.push({ kind: 'send', message });
  }

  change(change: TableChange): void {
    this.actions.push({ kind: 'change', change });
  }

  /** Of the worker that has `lane`; of all unless given. */
  releaseHeld(entry: string, lane?: number): void {
    const isForOne = lane !== undefined && this.spiAllocator.workers > 1;
    this.actions.push({
      kind: 'release-held',
      entry,
      ...(isForOne ? { worker: this.workerOf(lane) } : {}),
    });
  }

  /** Whose engine has the pairs of a lane. A router that has fewer workers than its peer has several lanes in one. */
  workerOf(lane: number): number {
    return lane % this.spiAllocator.workers;
  }

  dropHeld(entry: string, failure: SettingFailure): void {
    this.actions.push({ kind: 'drop-held', entry, failure });
  }

  log(
    level: 'info' | 'warn',
    what: SettingLogKind,
    about: { readonly entry: string; readonly peer: string },
    detail: string,
  ): void {
    this.actions.push({ kind: 'log', level, what, entry: about.entry, peer: about.peer, detail });
  }

  /** Counts something that came in and changes nothing; says so now and then. */
  ignore(reason: string, peer: string, now: Instant): void {
    const seen = this.ignored.get(reason) ?? { count: 0, logAt: now };
    seen.count += 1;
    if (now >= seen.logAt) {
      seen.logAt = now + ignoredLogIntervalMs;
      this.log('info', 'ignored', { entry: '', peer }, `${reason} (${seen.count} so far)`);
    }
    this.ignored.set(reason, seen);
  }

  rememberStartup(id: MessageId): void {
    this.#answeredStartups.add(id);
    if (this.#answeredStartups.size <= maxAnsweredStartups) return;
    const oldest = this.#answeredStartups.values().next();
    if (!oldest.done) this.#answeredStartups.delete(oldest.value);
  }

  hasAnsweredStartup(id: MessageId): boolean {
    return this.#answeredStartups.has(id);
  }

  /** Sends the queued reports whose time has come, if the server can be reached. */
  sendReports(now: Instant): void {
    if (this.channelIsUp) {
      for (const report of this.reports.takeDue(now)) {
        this.send(report);
        this.log('info', 'reported', { entry: '', peer: report.peer }, `${report.what}, id ${report.id}`);
      }
    }
    const next = this.reports.nextDue();
    if (next === undefined || !this.channelIsUp) this.deadlines.clear('reports');
    else this.deadlines.set('reports', next, { kind: 'reports' });
  }
}

/** An SPI as people read it. */
export function formatSpi(spi: Spi): string {
  return `0x${spi.toString(16).padStart(8, '0')}`;
}
