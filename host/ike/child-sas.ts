/**
 * The CHILD SAs that one peer and this end have with each other: one, and around a rekeying its successor beside it. Decides
 * through which of them this end sends, and how long the others still receive, so that a rekeying loses no packet.
 * They belong to no single IKE SA: a rekeyed IKE SA inherits them all. RFC 7296 sections 1.4.1, 2.8 and 2.8.1.
 */
import { earliest, type Instant } from '../model/instant.ts';
import type { ChildSa } from './events.ts';

/**
 * How long a CHILD SA receives after both ends have agreed on its deletion; ours: the time of a packet that its sender
 * sealed before it heard of the successor, and that a queue on the way held back.
 */
export const lateArrivalMs = 5000;

/** CHILD SAs of one peer, late ones included, above which it gets no other for the time being. */
const maximumChildSas = 8;

/** What stays of a CHILD SA when its keys are in the data plane. */
export interface ChildSaRecord {
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly localTrafficSelectors: ChildSa['localTrafficSelectors'];
  readonly remoteTrafficSelectors: ChildSa['remoteTrafficSelectors'];
  /** open; deleting: our delete of it waits or is under way; deleted: only what is late is received. */
  state: 'open' | 'deleting' | 'deleted';
  /** The peer is known to receive on it. */
  isReady: boolean;
  /** What the peer has set up in place of this one, which it is to delete before `deleteAt`: then this end does. */
  replacement: { readonly record: ChildSaRecord; readonly deleteAt: Instant } | undefined;
  /** When it stops receiving; once `deleted`. */
  removeAt: Instant | undefined;
}

/** Without the SA's id, which the IKE SA adds. */
export type ChildSaAction =
  | { readonly kind: 'child-installed'; readonly childSa: ChildSa; readonly use: boolean }
  | { readonly kind: 'child-used'; readonly inboundSpi: number }
  | { readonly kind: 'child-removed'; readonly inboundSpi: number };

export class ChildSas {
  /** In the order in which they were set up. */
  readonly #records: ChildSaRecord[] = [];
  #used: ChildSaRecord | undefined;

  /** Takes up the CHILD SA that came with IKE_AUTH, which its own action has installed. */
  constructor(first: ChildSa | undefined) {
    if (first === undefined) return;
    this.#used = recordOf(first, true);
    this.#records.push(this.#used);
  }

  /** Those that are not deleted. */
  get live(): readonly ChildSaRecord[] {
    return this.#records.filter((record) => record.state !== 'deleted');
  }

  /** Those that wait for a delete of ours, or for the answer to it. */
  get deleting(): readonly ChildSaRecord[] {
    return this.#records.filter((record) => record.state === 'deleting');
  }

  /** The one that a rekeying replaces: the only open one. Undefined while there is another beside it. */
  get onlyOpen(): ChildSaRecord | undefined {
    const [record, ...others] = this.#records.filter(({ state }) => state === 'open');
    return others.length === 0 ? record : undefined;
  }

  get isFull(): boolean {
    return this.#records.length >= maximumChildSas;
  }

  get deadline(): Instant | undefined {
    return this.#records.reduce<Instant | undefined>((least, { state, removeAt, replacement }) => {
      const deleteAt = state === 'open' ? replacement?.deleteAt : undefined;
      return earliest(least, earliest(removeAt, deleteAt));
    }, undefined);
  }

  /** The live one on which the peer receives with `spi`, which is how its requests name it. */
  withOutboundSpi(spi: number): ChildSaRecord | undefined {
    return this.live.find((record) => record.outboundSpi === spi);
  }

  /** Takes up a new one. `use` sends through it from now on: the peer must be known to receive on it. */
  install(childSa: ChildSa, use: boolean): { record: ChildSaRecord; actions: ChildSaAction[] } {
    const record = recordOf(childSa, use);
    this.#records.push(record);
    if (use) this.#used = record;
    return { record, actions: [{ kind: 'child-installed', childSa, use }] };
  }

  /** An authentic packet came in on `inboundSpi`, so that the peer receives on the other half of the pair too. */
  noteArrival(inboundSpi: number): ChildSaAction[] {
    const record = this.#records.find((one) => one.inboundSpi === inboundSpi);
    if (record === undefined || record.state !== 'open' || record.isReady) return [];
    record.isReady = true;
    return this.#use(record);
  }

  /** Stops sending through the record: a delete of it is to be sent. */
  startDeleting(record: ChildSaRecord): ChildSaAction[] {
    if (record.state !== 'open') return [];
    record.state = 'deleting';
    return this.#leave(record);
  }

  /** Both ends know that the record is deleted: it receives what is late, and is then removed. */
  markDeleted(record: ChildSaRecord, now: Instant): ChildSaAction[] {
    if (record.state === 'deleted') return [];
    record.state = 'deleted';
    record.removeAt = now + lateArrivalMs;
    return this.#leave(record);
  }

  /**
   * The peer deletes those on which it received with `spis`. `paired` is what the answer names: the SAs of the other
   * direction, except those in a delete of our own (RFC 7296 section 1.4.1). `isLast` says that none is left.
   */
  acceptDeletes(
    spis: readonly number[],
    now: Instant,
  ): { readonly paired: number[]; readonly actions: ChildSaAction[]; readonly isLast: boolean } {
    const named = [...new Set(spis)].flatMap((spi) => this.withOutboundSpi(spi) ?? []);
    const paired = named.filter(({ state }) => state === 'open').map(({ inboundSpi }) => inboundSpi);
    const actions = named.flatMap((record) => this.markDeleted(record, now));
    return { paired, actions, isLast: named.length > 0 && this.live.length === 0 };
  }

  /** Lets go of those whose time is over, and starts to delete those that the peer should have deleted. */
  expire(now: Instant): ChildSaAction[] {
    const due = this.#records.filter(({ removeAt }) => removeAt !== undefined && removeAt <= now);
    for (const record of due) this.#records.splice(this.#records.indexOf(record), 1);
    const overdue = this.#records.filter(({ replacement }) => replacement && replacement.deleteAt <= now);
    return [
      ...due.map(({ inboundSpi }): ChildSaAction => ({ kind: 'child-removed', inboundSpi })),
      ...overdue.flatMap((record) => this.startDeleting(record)),
    ];
  }

  #leave(record: ChildSaRecord): ChildSaAction[] {
    if (this.#used !== record) return [];
    const open = this.#records.filter(({ state }) => state === 'open');
    // A replaced one's delete is proof that its successor is ready (RFC 7296 section 2.8).
    const next = open.findLast(({ isReady }) => isReady) ?? open.at(-1);
    if (next !== undefined) return this.#use(next);
    this.#used = undefined;
    return [];
  }

  #use(record: ChildSaRecord): ChildSaAction[] {
    if (this.#used === record) return [];
    this.#used = record;
    record.isReady = true;
    return [{ kind: 'child-used', inboundSpi: record.inboundSpi }];
  }
}

function recordOf(childSa: ChildSa, isReady: boolean): ChildSaRecord {
  const { inboundSpi, outboundSpi, localTrafficSelectors, remoteTrafficSelectors } = childSa;
  return {
    inboundSpi,
    outboundSpi,
    localTrafficSelectors,
    remoteTrafficSelectors,
    state: 'open',
    isReady,
    replacement: undefined,
    removeAt: undefined,
  };
}
