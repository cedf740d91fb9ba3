/**
 * The packet engine as the host sees it: owns one firmware instance, carries out changes of its tables between two runs,
 * and runs packets, one at a time (`Engine`) or in batches in place (`batch`, see packet-batch.ts).
 *
 * When the firmware traps, an EngineLostError is thrown then and by every later call: the instance is closed and wiped, and
 * nothing passes. The owner makes another Dataplane and asks for every SA anew.
 */
import { ENTRY_STATE_SIZE, SAD_EMPTY, SAD_LIVE, SAD_PENDING, STAGE_OK } from '../../firmware/abi/bank.ts';
import { dropReasonName } from '../../firmware/abi/drop-reason.ts';
import { HELD_INBOUND, HELD_OUTBOUND } from '../../firmware/abi/held.ts';
import {
  REGION_BINDING_ROWS,
  REGION_COUNTERS,
  REGION_ENTRY_STATE,
  REGION_EVENTS,
  REGION_KEY_STAGING,
  REGION_SA_SLOTS,
} from '../../firmware/abi/layout.ts';
import { IV_KEY_LENGTH, SA_SLOT_SIZE } from '../../firmware/abi/sa-slot.ts';
import { ACTION_PERMIT, ROW_SIZE } from '../../firmware/abi/spd-row.ts';
import {
  VERDICT_BYPASS,
  VERDICT_DELIVER,
  VERDICT_DELIVER_HOST,
  VERDICT_HELD,
  VERDICT_SEND,
} from '../../firmware/abi/verdict.ts';
import { addressOf } from '../model/address.ts';
import type { Instant } from '../model/instant.ts';
import type { SecurityAssociation, Spi } from '../model/security-association.ts';
import type { Selector } from '../model/selector.ts';
import { type ChangePlan, planChange } from './change-plan.ts';
import { readCounters, readDrops } from './counters.ts';
import type { Engine, EngineEvent, EspArrival, Outcome, TableChange } from './engine.ts';
import { EventRing } from './event-ring.ts';
import { type EngineLostError, type FirmwareExport, FirmwareInstance } from './instance.ts';
import { type Capacities, defaultCapacities } from './memory-layout.ts';
import { PacketBatch } from './packet-batch.ts';
import { type Row, writeRow } from './row-image.ts';
import type { RowRange } from './row-pool.ts';
import { stageKeys, writePeer, writeSlot } from './slots.ts';
import { type EngineSnapshot, sadRows, spdRows } from './snapshot.ts';
import { bindingRow, entryRows } from './table-image.ts';
import { type PairState, Tables } from './tables.ts';

export interface DataplaneOptions {
  /** Unpredictable octets: for the flow cache's hash and for IV keys. */
  readonly random: (length: number) => Uint8Array;
  /** What is left out has the default (memory-layout.ts). */
  readonly capacities?: Partial<Capacities>;
  /** Octets that an outer packet may have on the way to any peer; 0, the default, is no limit. */
  readonly pathMtuOctets?: number;
  /** TTL and hop limit are decremented here; false, the default, where the kernel's forwarding has done it (TUN). */
  readonly decrementTtl?: boolean;
  /** Another file than build/firmware.wasm. */
  readonly firmwareFile?: string;
}

export class Dataplane implements Engine {
  readonly batch: PacketBatch;
  readonly #instance: FirmwareInstance;
  readonly #tables: Tables;
  readonly #events: EventRing;
  readonly #random: (length: number) => Uint8Array;
  readonly #pathMtuOctets: number;
  /** The packet slot for single packets, which no batch uses. */
  readonly #single: number;

  /** Throws HostError FIRMWARE_MISSING, FIRMWARE_SELF_TEST or CAPACITY. */
  constructor(options: DataplaneOptions) {
    const capacities = { ...defaultCapacities, ...options.capacities };
    this.#random = options.random;
    this.#pathMtuOctets = options.pathMtuOctets ?? 0;
    this.#instance = new FirmwareInstance(capacities, this.#random(16), options.firmwareFile);
    this.#tables = new Tables(capacities);
    this.batch = new PacketBatch(this.#instance.buffer, this.#instance.layout, options.decrementTtl ?? false);
    this.#events = new EventRing(this.#instance.view, this.#region(REGION_EVENTS), capacities.events);
    this.#single = capacities.packetSlots;
  }

  /** Linear memory, for the platform to find its address; it never moves. */
  get buffer(): ArrayBuffer {
    return this.#instance.buffer;
  }

  /** Why the engine is lost, or undefined. */
  get lost(): EngineLostError | undefined {
    return this.#instance.lost;
  }

  change(change: TableChange, now: Instant): void {
    if (this.lost !== undefined) throw this.lost;
    const plan = planChange(this.#tables, change);
    this.#writePlan(plan, now);
    this.#stage(plan);
    this.#instance.call('commit');
    // The bank that was active until now has missed the change.
    this.#stage(plan);
    this.#retire(plan);
    this.#adopt(plan);
    for (const { spi, peer } of change.move ?? []) {
      const pair = this.#tables.pairs.get(spi);
      if (pair === undefined) continue;
      pair.peer = peer;
      writePeer(this.#instance.view, this.#slotAddress(pair.place), peer);
      if (!pair.old) writePeer(this.#instance.view, this.#outboundAddress(pair), peer);
    }
  }

  /** Runs `count` packet slots from `first` on, described by `batch.setOutbound`. */
  runOutbound(count: number, now: Instant, first = 0): void {
    this.#instance.call('run_outbound', first, count, seconds(now));
  }

  /** Runs `count` packet slots from `first` on, described by `batch.setInbound` or `setInboundWhole`. */
  runInbound(count: number, now: Instant, first = 0): void {
    this.#instance.call('run_inbound', first, count, seconds(now));
  }

  outbound(packet: Uint8Array, now: Instant): Outcome {
    this.batch.setOutbound(this.#single, packet.length);
    return this.#runSingleOutbound(packet, now);
  }

  outboundThrough(spi: Spi, packet: Uint8Array, now: Instant): Outcome {
    this.batch.setOutboundThrough(this.#single, packet.length, spi);
    return this.#runSingleOutbound(packet, now);
  }

  #runSingleOutbound(packet: Uint8Array, now: Instant): Outcome {
    this.#load(packet);
    this.runOutbound(1, now, this.#single);
    return this.outcome(this.#single);
  }

  inbound(arrival: EspArrival, now: Instant): Outcome {
    const { from, to } = arrival;
    const addresses = new Uint8Array(32);
    addresses.set(from.address.octets);
    addresses.set(to.octets, 16);
    const udp = arrival.encapsulation === 'udp';
    const { family } = from.address;
    this.batch.setInbound(
      this.#single,
      arrival.esp.length,
      family,
      udp,
      addresses,
      0,
      udp ? from.port : 0,
      16,
      arrival.tos,
    );
    this.#load(arrival.esp);
    this.runInbound(1, now, this.#single);
    return this.outcome(this.#single);
  }

  /** A whole packet from the unprotected side, outer IP header first (support tools; raw sockets use the batch). */
  inboundWhole(packet: Uint8Array, now: Instant): Outcome {
    this.batch.setInboundWhole(this.#single, packet.length);
    this.#load(packet);
    this.runInbound(1, now, this.#single);
    return this.outcome(this.#single);
  }

  /** Copies a single packet into its slot. One that is too long stays out, and the firmware refuses its length. */
  #load(packet: Uint8Array): void {
    if (packet.length > this.batch.packetRoom) return;
    this.batch.memory.set(packet, this.batch.packetAddress(this.#single));
  }

  /** What became of the packet in slot `index` of the last run, as a value with copies. */
  outcome(index: number): Outcome {
    const { batch } = this;
    switch (batch.verdict(index)) {
      case VERDICT_SEND: {
        const at = batch.peerAddressAt(index);
        const octets = batch.memory.slice(at, at + (batch.family(index) === 6 ? 16 : 4));
        const udp = batch.isUdp(index);
        return {
          kind: 'send',
          esp: batch.copyEsp(index),
          outer: batch.copyPacket(index),
          to: { address: addressOf(octets), port: batch.peerPort(index) },
          encapsulation: udp ? 'udp' : 'raw',
          tos: batch.tos(index),
          spi: batch.pairSpi(index),
        };
      }
      case VERDICT_DELIVER:
      case VERDICT_DELIVER_HOST: {
        const to = batch.verdict(index) === VERDICT_DELIVER ? 'network' : 'host';
        return { kind: 'deliver', packet: batch.copyPacket(index), spi: batch.pairSpi(index), to };
      }
      case VERDICT_BYPASS:
        return { kind: 'bypass', packet: batch.copyPacket(index) };
      case VERDICT_HELD:
        return { kind: 'held' };
      default:
        return this.#dropped(index);
    }
  }

  #dropped(index: number): Outcome {
    const { batch } = this;
    const reason = dropReasonName(batch.reason(index));
    // An inbound packet is of no use to an ICMP error, and one that the firmware did not touch is not in its slot.
    if (!batch.isOutbound(index) || batch.length(index) > batch.packetRoom)
      return { kind: 'dropped', reason };
    const packet = batch.copyPacket(index);
    return reason === 'packet-too-big'
      ? { kind: 'dropped', reason, packet, mtu: batch.mtu(index) }
      : { kind: 'dropped', reason, packet };
  }

  releaseHeld(entry: string, now: Instant): Outcome[] {
    const state = this.#tables.entries.get(entry);
    if (state === undefined) return [];
    this.#forgetAcquire(state.index);
    const keys = [
      { kind: HELD_OUTBOUND, key: state.index },
      ...state.pairs.map((pair) => ({ kind: HELD_INBOUND, key: pair.pair.inbound.spi })),
    ];
    return this.#release(keys, now);
  }

  /** Runs held packets again, oldest first over all keys; what is held anew meanwhile waits for the next time. */
  #release(keys: readonly { readonly kind: number; readonly key: number }[], now: Instant): Outcome[] {
    const outcomes: Outcome[] = [];
    const end = this.#instance.call('next_arrival');
    for (;;) {
      let next: { kind: number; key: number; arrival: number } | undefined;
      for (const { kind, key } of keys) {
        const arrival = this.#instance.call('oldest_held', kind, key);
        if (arrival === 0 || arrival >= end || (next !== undefined && arrival > next.arrival)) continue;
        next = { kind, key, arrival };
      }
      if (next === undefined) return outcomes;
      this.#instance.call('take_held', next.kind, next.key, this.#single);
      if (next.kind === HELD_OUTBOUND) this.runOutbound(1, now, this.#single);
      else this.runInbound(1, now, this.#single);
      outcomes.push(this.outcome(this.#single));
    }
  }

  dropHeld(entry: string): Uint8Array[] {
    const state = this.#tables.entries.get(entry);
    if (state === undefined) return [];
    this.#forgetAcquire(state.index);
    return this.#abandon(HELD_OUTBOUND, state.index);
  }

  /** Takes out and counts what is held for a key. */
  #abandon(kind: number, key: number): Uint8Array[] {
    const packets: Uint8Array[] = [];
    while (this.#instance.call('take_held', kind, key, this.#single) === STAGE_OK) {
      packets.push(this.batch.copyPacket(this.#single));
      this.#instance.call('abandon_held');
    }
    return packets;
  }

  /** The next packet that is held for the entry raises an acquire at once. */
  #forgetAcquire(entryIndex: number): void {
    const at = this.#region(REGION_ENTRY_STATE) + entryIndex * ENTRY_STATE_SIZE;
    this.#instance.octets.fill(0, at, at + ENTRY_STATE_SIZE);
  }

  /** True when events wait; cheap enough to ask after every batch. */
  get hasEvents(): boolean {
    return !this.#events.isEmpty;
  }

  drainEvents(): EngineEvent[] {
    return this.#events.drain((index) => this.entryName(index));
  }

  /** The SPD entry with an index of the packet batch; undefined for ENTRY_NONE. */
  entryName(index: number): string | undefined {
    return this.#tables.entryAt[index]?.entry.name;
  }

  /** Packets, octets and events by name (counters.ts). */
  counters(): Record<string, bigint> {
    return readCounters(this.#instance.view, this.#region(REGION_COUNTERS));
  }

  /** Dropped packets by reason. */
  drops(): Record<string, bigint> {
    return readDrops(this.#instance.view, this.#region(REGION_COUNTERS));
  }

  /** Everything a person may want to see of the tables; costs time in proportion to their size. */
  snapshot(now: Instant): EngineSnapshot {
    const generation = this.#instance.call('generation');
    return {
      counters: this.counters(),
      drops: this.drops(),
      spd: spdRows(this.#tables),
      sad: sadRows(this.#tables, this.#instance.view, this.#region(REGION_SA_SLOTS), seconds(now)),
      generation,
      activeBank: (generation & 1) === 0 ? 0 : 1,
      heldPackets: this.#instance.call('held_count'),
    };
  }

  /** Closes the engine for good and wipes its memory. */
  close(): void {
    this.#instance.close('the engine was closed');
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
      pathMtuOctets: this.#pathMtuOctets,
    };
    writeSlot(view, sa, placement, now);
    stageKeys(view, this.#region(REGION_KEY_STAGING), sa, this.#random(IV_KEY_LENGTH));
    this.#demand('install_sa', slotIndex);
  }

  /** Stages the plan in the bank that is inactive now. */
  #stage(plan: ChangePlan): void {
    if (plan.order !== undefined) {
      let at = this.#instance.call('staged_spd_rows');
      let count = 0;
      for (const { state, entry } of this.#inOrder(plan)) {
        for (const row of entryRows(entry, state.index)) {
          writeRow(this.#instance.view, at, row);
          at += ROW_SIZE;
          count++;
        }
      }
      this.#demand('stage_spd', count);
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

  #inOrder(plan: ChangePlan): ChangePlan['entries'] {
    const byState = new Map(plan.entries.map((entry) => [entry.state, entry]));
    return (plan.order ?? []).flatMap((state) => byState.get(state) ?? []);
  }

  /** Wipes what no bank leads to any more, and drops what was held for it. */
  #retire(plan: ChangePlan): void {
    for (const pair of plan.retires) this.#demand('wipe_sa', this.#tables.outboundSlot(pair.place));
    for (const pair of plan.removes) {
      this.#demand('wipe_sa', pair.place);
      this.#demand('wipe_sa', this.#tables.outboundSlot(pair.place));
      this.#abandon(HELD_INBOUND, pair.pair.inbound.spi);
    }
    for (const spi of plan.releases) {
      if (!plan.installs.some((pair) => pair.pair.inbound.spi === spi)) this.#abandon(HELD_INBOUND, spi);
    }
    for (const state of plan.goneEntries) {
      this.#abandon(HELD_OUTBOUND, state.index);
      this.#forgetAcquire(state.index);
    }
  }

  /** Makes the plan what the host knows. */
  #adopt(plan: ChangePlan): void {
    const tables = this.#tables;
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

  /** Calls an export that may refuse. A refusal means that the plan was wrong: nothing may pass after that. */
  #demand(name: FirmwareExport, a = 0, b = 0, c = 0): void {
    const problem = this.#instance.call(name, a, b, c);
    if (problem !== STAGE_OK) throw this.#instance.close(`the firmware refused ${name} (problem ${problem})`);
  }

  #region(region: number): number {
    return this.#instance.layout.regions[region] ?? 0;
  }

  #slotAddress(slotIndex: number): number {
    return this.#region(REGION_SA_SLOTS) + slotIndex * SA_SLOT_SIZE;
  }

  #outboundAddress(pair: PairState): number {
    return this.#slotAddress(this.#tables.outboundSlot(pair.place));
  }
}

function seconds(now: Instant): number {
  return Math.floor(now / 1000);
}
