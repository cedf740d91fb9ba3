/**
 * Carries a plan out in the firmware's memory: writes slots and rows that nothing leads to yet, stages the tables, flips the
 * banks, stages again for the other bank, and wipes what was retired. Between two batches; nothing of it can be refused but
 * by a bug, and then the engine is closed.
 */
import { SAD_EMPTY, SAD_LIVE, SAD_PENDING, STAGE_OK } from '../../firmware/abi/bank.ts';
import { REGION_BINDING_ROWS, REGION_KEY_STAGING, REGION_SA_SLOTS } from '../../firmware/abi/layout.ts';
import { IV_KEY_LENGTH, SA_PATH_MTU, SA_SLOT_SIZE } from '../../firmware/abi/sa-slot.ts';
import { ACTION_PERMIT, ROW_SIZE } from '../../firmware/abi/spd-row.ts';
import { type Address, type Endpoint, equalAddresses, formatAddress } from '../model/address.ts';
import type { Instant } from '../model/instant.ts';
import type { SecurityAssociation } from '../model/security-association.ts';
import type { Selector } from '../model/selector.ts';
import type { ChangePlan } from './change-plan.ts';
import type { FirmwareExport, FirmwareInstance } from './instance.ts';
import { type Row, writeRow } from './row-image.ts';
import type { RowRange } from './row-pool.ts';
import { rowTree } from './row-tree.ts';
import { stageKeys, writePeer, writeSlot } from './slots.ts';
import { bindingRow, entryRows } from './table-image.ts';
import { adoptPlan, type PairState, type Tables } from './tables.ts';

export interface TableWriterOptions {
  /** Unpredictable octets, for IV keys. */
  readonly random: (length: number) => Uint8Array;
  /** Octets that an outer packet may have; 0 is no limit. */
  readonly pathMtuOctets: number;
}

export class TableWriter {
  readonly #instance: FirmwareInstance;
  readonly #tables: Tables;
  readonly #random: (length: number) => Uint8Array;
  readonly #pathMtuOctets: number;
  /** Of peers to whom the path takes less, by the text of their address. */
  readonly #pathMtus = new Map<string, number>();

  constructor(instance: FirmwareInstance, tables: Tables, options: TableWriterOptions) {
    this.#instance = instance;
    this.#tables = tables;
    this.#random = options.random;
    this.#pathMtuOctets = options.pathMtuOctets;
  }

  /** Makes the plan effective, and the tables say so. Throws EngineLostError only. */
  carryOut(plan: ChangePlan, now: Instant): void {
    this.#writePlan(plan, now);
    const tree = plan.order === undefined ? undefined : rowTree(this.#spdRows(plan));
    this.#stage(plan, tree);
    this.#instance.call('commit');
    // The bank that was active until now has missed the change.
    this.#stage(plan, tree);
    this.#wipe(plan);
    adoptPlan(this.#tables, plan);
  }

  /** As `setPathMtu` of the dataplane. */
  setPathMtu(peer: Address, octets: number): boolean {
    const isShort = this.#pathMtuOctets === 0 || octets < this.#pathMtuOctets;
    if (isShort) this.#pathMtus.set(formatAddress(peer), octets);
    else this.#pathMtus.delete(formatAddress(peer));
    for (const pair of this.#tables.pairs.values()) {
      if (!pair.old && equalAddresses(pair.peer.address, peer)) this.#writePathMtu(pair);
    }
    return isShort;
  }

  #writePathMtu(pair: PairState): void {
    const at = this.#slotAddress(this.#tables.outboundSlot(pair.place)) + SA_PATH_MTU;
    this.#instance.view.setUint32(at, this.#pathMtuTo(pair.peer.address), true);
  }

  #pathMtuTo(peer: Address): number {
    return this.#pathMtus.get(formatAddress(peer)) ?? this.#pathMtuOctets;
  }

  /** Writes where the peer of an installed pair is now, in both of its slots. */
  movePeer(pair: PairState, peer: Endpoint): void {
    pair.peer = peer;
    writePeer(this.#instance.view, this.#slotAddress(pair.place), peer);
    if (pair.old) return;
    writePeer(this.#instance.view, this.#slotAddress(this.#tables.outboundSlot(pair.place)), peer);
    this.#writePathMtu(pair);
  }

  /** Slots, keys and rows that no bank leads to yet. */
  #writePlan(plan: ChangePlan, now: Instant): void {
    for (const pair of plan.installs) {
      this.#writeSelectors(pair.inboundRows, pair.pair.inbound.selectors);
      this.#writeSelectors(pair.outboundRows, pair.pair.outbound.selectors);
      this.#installSa(pair, pair.pair.inbound, pair.place, pair.inboundRows, now);
      this.#installSa(
        pair,
        pair.pair.outbound,
        this.#tables.outboundSlot(pair.place),
        pair.outboundRows,
        now,
      );
    }
    for (const { state, bindings, rows } of plan.entries) {
      this.#writeRows(
        rows,
        bindings.map((binding) => bindingRow(binding, state.index)),
      );
    }
  }

  #writeSelectors(range: RowRange, selectors: readonly Selector[]): void {
    if (range.count === 0) return;
    this.#writeRows(
      range,
      selectors.map((selector) => ({
        selector,
        action: ACTION_PERMIT,
        entryIndex: 0,
        slotIndex: 0,
        spi: 0,
      })),
    );
  }

  #writeRows(range: RowRange, rows: readonly Row[]): void {
    const start = this.#region(REGION_BINDING_ROWS) + range.first * ROW_SIZE;
    rows.forEach((row, index) => {
      writeRow(this.#instance.view, start + index * ROW_SIZE, row);
    });
  }

  #installSa(
    pair: PairState,
    sa: SecurityAssociation,
    slotIndex: number,
    selectors: RowRange,
    now: Instant,
  ): void {
    const { view } = this.#instance;
    const placement = {
      address: this.#slotAddress(slotIndex),
      pairSpi: pair.pair.inbound.spi,
      selectors,
      deliverToHost: pair.pair.deliver === 'host',
      pathMtuOctets: this.#pathMtuTo(sa.peer.address),
    };
    writeSlot(view, sa, placement, now);
    stageKeys(view, this.#region(REGION_KEY_STAGING), sa, this.#random(IV_KEY_LENGTH));
    this.#demand('install_sa', slotIndex);
  }

  /** Stages the plan, and the SPD rows if they change, in the bank that is inactive now. */
  #stage(plan: ChangePlan, tree: Uint8Array | undefined): void {
    if (tree !== undefined) {
      this.#instance.octets.set(tree, this.#instance.call('staged_spd_rows'));
      this.#demand('stage_spd', tree.length / ROW_SIZE);
    }
    for (const state of plan.goneEntries) this.#demand('stage_bindings', state.index, 0, 0);
    for (const { state, rows } of plan.entries) {
      this.#demand('stage_bindings', state.index, rows.first, rows.count);
    }
    for (const pair of plan.removes) this.#demand('stage_sad', pair.place, 0, SAD_EMPTY);
    for (const spi of plan.releases) this.#demand('stage_sad', this.#tables.place(spi), 0, SAD_EMPTY);
    for (const spi of plan.reserves) this.#demand('stage_sad', this.#tables.place(spi), spi, SAD_PENDING);
    for (const pair of plan.installs) {
      this.#demand('stage_sad', pair.place, pair.pair.inbound.spi, SAD_LIVE);
    }
  }

  /** The SPD rows in order. */
  #spdRows(plan: ChangePlan): Row[] {
    const byState = new Map(plan.entries.map((entry) => [entry.state, entry]));
    const inOrder = (plan.order ?? []).flatMap((state) => byState.get(state) ?? []);
    return inOrder.flatMap(({ state, entry }) => entryRows(entry, state.index));
  }

  /** Wipes what no bank leads to any more. */
  #wipe(plan: ChangePlan): void {
    for (const pair of plan.retires) this.#demand('wipe_sa', this.#tables.outboundSlot(pair.place));
    for (const pair of plan.removes) {
      this.#demand('wipe_sa', pair.place);
      this.#demand('wipe_sa', this.#tables.outboundSlot(pair.place));
    }
  }

  /** Calls an export that may refuse. A refusal means that the plan was wrong: nothing may pass after that. */
  #demand(name: FirmwareExport, a = 0, b = 0, c = 0): void {
    const problem = this.#instance.call(name, a, b, c);
    if (problem !== STAGE_OK) throw this.#instance.close(`the firmware refused ${name} (problem ${problem})`);
  }

  #slotAddress(slotIndex: number): number {
    return this.#region(REGION_SA_SLOTS) + slotIndex * SA_SLOT_SIZE;
  }

  #region(region: number): number {
    return this.#instance.layout.regions[region] ?? 0;
  }
}
