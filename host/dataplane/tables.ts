/**
 * What the host knows of the firmware's tables: SPD entries with their indices, pairs with their places, reserved SPIs, free
 * rows. The firmware's memory is written from here and never read back, except for counts and sequence numbers.
 */
import type { Endpoint } from '../model/address.ts';
import type { SpdEntry } from '../model/policy.ts';
import type { Spi } from '../model/security-association.ts';
import type { Selector } from '../model/selector.ts';
import type { ChangePlan } from './change-plan.ts';
import type { SaPair } from './engine.ts';
import type { Capacities } from './memory-layout.ts';
import { RowPool, type RowRange } from './row-pool.ts';
import type { Binding } from './table-image.ts';

export interface EntryState {
  readonly index: number;
  entry: SpdEntry;
  /** In order of installation. */
  pairs: PairState[];
  blocked: readonly Selector[];
  bindings: readonly Binding[];
  rows: RowRange;
}

export interface PairState {
  readonly pair: SaPair;
  /** Number of its inbound slot, the low bits of its SPI. */
  readonly place: number;
  /** Undefined for a pair that no entry names (the channel). */
  readonly entry: EntryState | undefined;
  /** Outbound packets of its entry and kind go through it. */
  inUse: boolean;
  /** Its outbound half was replaced and wiped; only what still arrives is taken. */
  old: boolean;
  peer: Endpoint;
  readonly inboundRows: RowRange;
  /** Selectors of the outbound half, for a pair without entry. */
  readonly outboundRows: RowRange;
}

export class Tables {
  readonly capacities: Capacities;
  readonly rows: RowPool;
  /** SPD entries in order. */
  order: EntryState[] = [];
  readonly entries = new Map<string, EntryState>();
  /** By index. */
  readonly entryAt: (EntryState | undefined)[];
  readonly pairs = new Map<Spi, PairState>();
  readonly pairAt: (PairState | undefined)[];
  /** By place: the SPI of a request under way. */
  readonly reservedAt: (Spi | undefined)[];

  constructor(capacities: Capacities) {
    this.capacities = capacities;
    this.rows = new RowPool(capacities.bindingRows);
    this.entryAt = new Array<EntryState | undefined>(capacities.spdEntries).fill(undefined);
    this.pairAt = new Array<PairState | undefined>(capacities.saPairs).fill(undefined);
    this.reservedAt = new Array<Spi | undefined>(capacities.saPairs).fill(undefined);
  }

  /** Where the pair of an inbound SPI lies. */
  place(spi: Spi): number {
    return spi & (this.capacities.saPairs - 1);
  }

  outboundSlot(place: number): number {
    return this.capacities.saPairs + place;
  }
}

/** Makes the plan what the host knows. */
export function adoptPlan(tables: Tables, plan: ChangePlan): void {
  for (const state of plan.goneEntries) {
    tables.entries.delete(state.entry.name);
    tables.entryAt[state.index] = undefined;
    tables.rows.free(state.rows);
  }
  for (const spi of plan.releases) tables.reservedAt[tables.place(spi)] = undefined;
  for (const pair of plan.removes) {
    tables.pairs.delete(pair.pair.inbound.spi);
    tables.pairAt[pair.place] = undefined;
    tables.rows.free(pair.inboundRows);
    tables.rows.free(pair.outboundRows);
  }
  for (const spi of plan.reserves) tables.reservedAt[tables.place(spi)] = spi;
  for (const pair of plan.installs) {
    tables.pairs.set(pair.pair.inbound.spi, pair);
    tables.pairAt[pair.place] = pair;
    tables.reservedAt[pair.place] = undefined;
  }
  for (const pair of plan.uses) pair.inUse = true;
  for (const pair of plan.retires) {
    pair.inUse = false;
    pair.old = true;
  }
  for (const { state, entry, pairs, blocked, bindings, rows } of plan.entries) {
    tables.rows.free(state.rows);
    Object.assign(state, { entry, pairs, blocked, bindings, rows });
    tables.entries.set(entry.name, state);
    tables.entryAt[state.index] = state;
  }
  if (plan.order !== undefined) tables.order = [...plan.order];
}
