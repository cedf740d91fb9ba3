/**
 * The packet engine as the host sees it: owns one firmware instance, carries out changes of its tables between two runs,
 * and runs packets, one at a time (`Engine`) or in batches in place (`batch`, see packet-batch.ts).
 *
 * When the firmware traps, an EngineLostError is thrown then and by every later call: the instance is closed and wiped, and
 * nothing passes. The owner makes another Dataplane and asks for every SA anew.
 */
import { ENTRY_STATE_SIZE, STAGE_OK } from '../../firmware/abi/bank.ts';
import { HELD_INBOUND, HELD_OUTBOUND } from '../../firmware/abi/held.ts';
import {
  CANARY_OCTET,
  REGION_COUNTERS,
  REGION_ENTRY_STATE,
  REGION_EVENTS,
  REGION_SA_SLOTS,
} from '../../firmware/abi/layout.ts';
import { SA_PACKETS, SA_SEQUENCE, SA_SLOT_SIZE } from '../../firmware/abi/sa-slot.ts';
import type { Address } from '../model/address.ts';
import type { Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';
import { planChange, refusalOf } from './change-plan.ts';
import { readCounters, readDrops } from './counters.ts';
import type { Engine, EngineEvent, EspArrival, Outcome, TableChange } from './engine.ts';
import { EventRing } from './event-ring.ts';
import { type EngineLostError, FirmwareInstance } from './instance.ts';
import { type Capacities, canaries, defaultCapacities } from './memory-layout.ts';
import { outcomeOf } from './outcome.ts';
import { PacketBatch } from './packet-batch.ts';
import { type EngineSnapshot, sadRows, spdRows } from './snapshot.ts';
import { TableWriter } from './table-writer.ts';
import { Tables } from './tables.ts';

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
  readonly #writer: TableWriter;
  /** The packet slot for single packets, which no batch uses. */
  readonly #single: number;

  /** Throws HostError FIRMWARE_MISSING, FIRMWARE_SELF_TEST or CAPACITY. */
  constructor(options: DataplaneOptions) {
    const capacities = { ...defaultCapacities, ...options.capacities };
    this.#instance = new FirmwareInstance(capacities, options.random(16), options.firmwareFile);
    this.#tables = new Tables(capacities);
    this.#writer = new TableWriter(this.#instance, this.#tables, {
      random: options.random,
      pathMtuOctets: options.pathMtuOctets ?? 0,
    });
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
    this.#writer.carryOut(plan, now);
    for (const { spi, peer } of change.move ?? []) {
      const pair = this.#tables.pairs.get(spi);
      if (pair !== undefined) this.#writer.movePeer(pair, peer);
    }
    for (const spi of plan.abandonedSpis) this.#abandon(HELD_INBOUND, spi);
    for (const { index } of plan.goneEntries) {
      this.#abandon(HELD_OUTBOUND, index);
      this.#forgetAcquire(index);
    }
  }

  /**
   * Packets to `peer` that must not be fragmented have `octets` at most outside from now on, through pairs that come later too; never more
   * than `pathMtuOctets`, and that again where `octets` is as much.
   *
   * @returns whether the path takes less than `pathMtuOctets` now
   */
  setPathMtu(peer: Address, octets: number): boolean {
    if (this.lost !== undefined) throw this.lost;
    return this.#writer.setPathMtu(peer, octets);
  }

  /** Why `change` would throw HostError now, or undefined. */
  refusal(change: TableChange): string | undefined {
    return refusalOf(this.#tables, change);
  }

  /** Runs `count` packet slots from `first` on, described by `batch.setOutbound`. */
  runOutbound(count: number, now: Instant, first = 0): void {
    this.#instance.call('run_outbound', first, count, seconds(now));
  }

  /** Runs `count` packet slots from `first` on, described by `batch.setInbound` or `setInboundWhole`. */
  runInbound(count: number, now: Instant, first = 0): void {
    this.#instance.call('run_inbound', first, count, seconds(now));
  }

  /**
   * Opens the bundle of `length` octets at `batch.outboundBundleAddress`, virtio_net_hdr included, until the next one.
   *
   * @returns how many packets it stands for; 0 if it is too short to be one
   */
  openOutboundBundle(length: number): number {
    return this.#instance.call('open_bundle', this.batch.bundlePlaces, length);
  }

  /**
   * Cuts segments `first` to `first + count - 1` of the open bundle into the packet slots from `slot` on, described for
   * `runOutbound`.
   *
   * @returns how many were cut: fewer where the bundle or the slots end
   */
  takeSegments(first: number, count: number, slot: number): number {
    return this.#instance.call('take_segments', first, count, slot, this.batch.outboundInput);
  }

  /**
   * Links the packets of `count` slots from `first` on that are to be delivered to bundles (packet-batch.ts).
   *
   * @param withUdp whether datagrams go in bundles too, and not TCP alone
   */
  coalesce(first: number, count: number, withUdp: boolean): void {
    this.#instance.call('coalesce', first, count, withUdp ? 1 : 0);
  }

  outbound(packet: Uint8Array, now: Instant): Outcome {
    this.#load(packet);
    this.batch.setOutbound(this.#single, packet.length);
    this.runOutbound(1, now, this.#single);
    return this.outcome(this.#single);
  }

  outboundThrough(spi: Spi, packet: Uint8Array, now: Instant): Outcome {
    this.#load(packet);
    this.batch.setOutboundThrough(this.#single, packet.length, spi);
    this.runOutbound(1, now, this.#single);
    return this.outcome(this.#single);
  }

  dummy(spi: Spi, octets: number, now: Instant): Outcome {
    if (this.lost !== undefined) throw this.lost;
    this.batch.setDummy(this.#single, octets, spi);
    this.runOutbound(1, now, this.#single);
    return this.outcome(this.#single);
  }

  inbound(arrival: EspArrival, now: Instant): Outcome {
    this.#load(arrival.esp);
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
      arrival.protocol === 'ah',
    );
    this.runInbound(1, now, this.#single);
    return this.outcome(this.#single);
  }

  /** A whole packet from the unprotected side, outer IP header first (support tools; raw sockets use the batch). */
  inboundWhole(packet: Uint8Array, now: Instant): Outcome {
    this.#load(packet);
    this.batch.setInboundWhole(this.#single, packet.length);
    this.runInbound(1, now, this.#single);
    return this.outcome(this.#single);
  }

  /** Copies a single packet into its slot. One that is too long stays out, and the firmware refuses its length. */
  #load(packet: Uint8Array): void {
    if (this.lost !== undefined) throw this.lost;
    if (packet.length > this.batch.packetRoom) return;
    this.batch.memory.set(packet, this.batch.packetAddress(this.#single));
  }

  /** What became of the packet in slot `index` of the last run, as a value with copies. */
  outcome(index: number): Outcome {
    return outcomeOf(this.batch, index);
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

  /** What the pair's slots have counted, each modulo 2^32; undefined where there is no such pair. */
  activity(spi: Spi): { sent: number; received: number; heard: number } | undefined {
    const pair = this.#tables.pairs.get(spi);
    if (pair === undefined) return undefined;
    const { view } = this.#instance;
    const slots = this.#region(REGION_SA_SLOTS);
    const inbound = slots + pair.place * SA_SLOT_SIZE;
    const outbound = slots + this.#tables.outboundSlot(pair.place) * SA_SLOT_SIZE;
    return {
      sent: view.getUint32(outbound + SA_PACKETS, true),
      received: view.getUint32(inbound + SA_PACKETS, true),
      heard: view.getUint32(inbound + SA_SEQUENCE, true),
    };
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

  /** True while nothing has written between two regions of memory. */
  hasIntactCanaries(): boolean {
    return canaries(this.buffer, this.#instance.layout).every((canary) =>
      canary.every((octet) => octet === CANARY_OCTET),
    );
  }

  /** Closes the engine for good and wipes its memory. */
  close(): void {
    this.#instance.close('the engine was closed');
  }

  #region(region: number): number {
    return this.#instance.layout.regions[region] ?? 0;
  }
}

function seconds(now: Instant): number {
  return Math.floor(now / 1000);
}
