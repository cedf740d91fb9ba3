/**
 * The management table in memory: every entry that is live or being withdrawn, found by its key, by a request's id, by
 * (router, SPI), by pair, kind and lane while half-empty, by router and by pair. No look-up scans. It keeps the indexes in step
 * and decides nothing.
 */
import type { MessageId, Precedent } from '../../messages/message.ts';
import type { Endpoint } from '../../model/address.ts';
import type { DeadlineHeap } from '../../model/deadline-heap.ts';
import type { Instant } from '../../model/instant.ts';
import type { DistributionPolicy } from '../../model/policy.ts';
import type { Encapsulation, SaKeys, Spi } from '../../model/security-association.ts';
import type { PacketSelector, Selector } from '../../model/selector.ts';
import { pairKey } from '../distribution-policies/policy-set.ts';
import type { Timer } from '../request-processing/timer.ts';
import type { EntryState } from './entry.ts';

/** A router's request as it stands in an entry. */
export interface HalfRequest {
  readonly id: MessageId;
  readonly spi: Spi;
  /** Seen from this router. */
  readonly selectors: readonly Selector[];
  /** The packet that made it ask, seen from this router; null on a renewal, for a startup, and after a restart. */
  readonly packet: PacketSelector | null;
  /** Count of the router's channels at the time: tells requests of an earlier process from those of this one. */
  readonly channelEpoch: number;
}

/** One router's side of an entry. */
export interface Half {
  readonly router: string;
  /** Set through ManagementTable.fill alone. */
  request: HalfRequest | null;
  installed: boolean;
  withdrawn: boolean;
  /** Where this router was last told that the other one is. */
  peerToldAt: Endpoint | null;
}

/** What is being handed out, from filling on. */
export interface Issue {
  readonly policy: DistributionPolicy;
  readonly encapsulation: Encapsulation;
  readonly precedence: number;
  /** Agreed selectors and the kinds before this one, seen from the first half. */
  readonly selectors: readonly Selector[];
  readonly precedents: readonly Precedent[];
  /** When both must have installed it. */
  readonly installBy: Instant;
  /** Keys of the SA on which the first and the second half receive; null once wiped. */
  keys: readonly [SaKeys, SaKeys] | null;
}

export interface Entry {
  readonly key: string;
  readonly kind: string;
  readonly lane: number;
  readonly halves: readonly [Half, Half];
  state: EntryState;
  revision: number;
  digest: string;
  /** When the SAs end; for a half-empty entry the end of its tries. */
  expiresAt: Instant;
  reason: string;
  issue: Issue | null;
  /** True once the store has a row of it: entries of which nothing was handed out need none. */
  stored: boolean;
  /** Request-startups or distributions sent. */
  tries: number;
  repeatAt: Instant;
  readonly timer: Timer;
}

export class ManagementTable {
  readonly #byKey = new Map<string, Entry>();
  readonly #byId = new Map<MessageId, Entry>();
  readonly #bySpi = new Map<string, Entry>();
  readonly #halfEmpty = new Map<string, Set<Entry>>();
  readonly #byRouter = new Map<string, Set<Entry>>();
  readonly #byPair = new Map<string, Set<Entry>>();
  readonly #deadlines: DeadlineHeap<Timer>;

  constructor(deadlines: DeadlineHeap<Timer>) {
    this.#deadlines = deadlines;
  }

  get size(): number {
    return this.#byKey.size;
  }

  entries(): IterableIterator<Entry> {
    return this.#byKey.values();
  }

  byKey(key: string): Entry | undefined {
    return this.#byKey.get(key);
  }

  byId(id: MessageId): Entry | undefined {
    return this.#byId.get(id);
  }

  bySpi(router: string, spi: Spi): Entry | undefined {
    return this.#bySpi.get(spiKey(router, spi));
  }

  /** The entries of the pair, kind and lane that lack a half: one for each SPD entry of the routers that asked. */
  halfEmpty(a: string, b: string, kind: string, lane: number): readonly Entry[] {
    return [...(this.#halfEmpty.get(laneKey(a, b, kind, lane)) ?? [])];
  }

  ofRouter(router: string): readonly Entry[] {
    return [...(this.#byRouter.get(router) ?? [])];
  }

  /** How many entries name the router. */
  countOfRouter(router: string): number {
    return this.#byRouter.get(router)?.size ?? 0;
  }

  ofPair(a: string, b: string): readonly Entry[] {
    return [...(this.#byPair.get(pairKey(a, b)) ?? [])];
  }

  add(entry: Entry): void {
    this.#byKey.set(entry.key, entry);
    for (const half of entry.halves) {
      addTo(this.#byRouter, half.router, entry);
      if (half.request !== null) this.#indexRequest(entry, half.router, half.request);
    }
    const [first, second] = entry.halves;
    addTo(this.#byPair, pairKey(first.router, second.router), entry);
    if (entry.state === 'half-empty') addTo(this.#halfEmpty, halfEmptyKey(entry), entry);
  }

  /** Puts a request into a half, in place of the one that was there. */
  fill(entry: Entry, half: Half, request: HalfRequest): void {
    this.#forgetRequest(entry, half);
    half.request = request;
    this.#indexRequest(entry, half.router, request);
  }

  /** Moves an entry on; one that is no longer half-empty leaves its place to the next request. */
  enter(entry: Entry, state: EntryState): void {
    if (entry.state === 'half-empty' && state !== 'half-empty') {
      removeFrom(this.#halfEmpty, halfEmptyKey(entry), entry);
    }
    entry.state = state;
  }

  /** Takes the entry out of every index and stops its timer. */
  remove(entry: Entry): void {
    this.enter(entry, 'withdrawing');
    this.#byKey.delete(entry.key);
    for (const half of entry.halves) {
      removeFrom(this.#byRouter, half.router, entry);
      this.#forgetRequest(entry, half);
    }
    const [first, second] = entry.halves;
    removeFrom(this.#byPair, pairKey(first.router, second.router), entry);
    this.#deadlines.set(entry.timer, undefined);
  }

  #indexRequest(entry: Entry, router: string, request: HalfRequest): void {
    this.#byId.set(request.id, entry);
    this.#bySpi.set(spiKey(router, request.spi), entry);
  }

  #forgetRequest(entry: Entry, half: Half): void {
    if (half.request === null) return;
    if (this.#byId.get(half.request.id) === entry) this.#byId.delete(half.request.id);
    this.releaseSpi(entry, half);
  }

  /** Lets the router use the half's SPI again: it has deleted or forgotten its SA. */
  releaseSpi(entry: Entry, half: Half): void {
    if (half.request === null) return;
    const key = spiKey(half.router, half.request.spi);
    if (this.#bySpi.get(key) === entry) this.#bySpi.delete(key);
  }
}

/** This router's side of the entry and the other one. */
export function sidesOf(entry: Entry, router: string): { readonly own: Half; readonly other: Half } {
  const [first, second] = entry.halves;
  return first.router === router ? { own: first, other: second } : { own: second, other: first };
}

function spiKey(router: string, spi: Spi): string {
  return `${router}|${spi}`;
}

function laneKey(a: string, b: string, kind: string, lane: number): string {
  return `${pairKey(a, b)}|${kind}|${lane}`;
}

function halfEmptyKey(entry: Entry): string {
  const [first, second] = entry.halves;
  return laneKey(first.router, second.router, entry.kind, entry.lane);
}

function addTo(index: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const known = index.get(key);
  if (known === undefined) index.set(key, new Set([entry]));
  else known.add(entry);
}

function removeFrom(index: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const known = index.get(key);
  known?.delete(entry);
  if (known?.size === 0) index.delete(key);
}
