/**
 * What holds after every run, whatever the packets were. Throws a Violation that says what did not. Reads memory in place and
 * allocates nothing while all is well.
 */
import * as counter from '../../../firmware/abi/counters.ts';
import * as drop from '../../../firmware/abi/drop-code.ts';
import { dropReasonName } from '../../../firmware/abi/drop-reason.ts';
import {
  CANARY_OCTET,
  CONFIGURATION_ADDRESS,
  CONFIGURATION_SIZE,
  PACKET_HEADROOM,
  PACKET_TAILROOM,
  REGION_BANK_0,
  REGION_BANK_1,
  REGION_BINDING_ROWS,
  REGION_CIPHERS,
  REGION_COUNTERS,
  REGION_KEY_STAGING,
  REGION_REPLAY,
  REGION_SA_SLOTS,
} from '../../../firmware/abi/layout.ts';
import {
  REPLAY_SIZE,
  SA_ICV_FAILURES,
  SA_OCTETS,
  SA_PACKETS,
  SA_SEQUENCE,
  SA_SLOT_SIZE,
} from '../../../firmware/abi/sa-slot.ts';
import * as verdict from '../../../firmware/abi/verdict.ts';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import { canaries, type MemoryLayout } from '../../../host/dataplane/memory-layout.ts';
import { afterwards, emptyTally, type Tally } from './tally.ts';
import { PACKET_ROOM } from './world.ts';

/** Something that no packet may bring about. */
export class Violation extends Error {}

const constantRegions = [
  REGION_KEY_STAGING,
  REGION_CIPHERS,
  REGION_BINDING_ROWS,
  REGION_BANK_0,
  REGION_BANK_1,
];

/** Failures of the ICV in a row that firmware/assembly/sad/resync.ts counts. */
const FAILURES_COUNTED = 64;

/** A packet counted under these did not get as far as a verified ICV. */
const unauthenticated = new Set([
  drop.DROP_DESCRIPTOR_INVALID,
  drop.DROP_SA_NOT_READY,
  drop.DROP_OUTER_MALFORMED,
  drop.DROP_OUTER_FRAGMENT,
  drop.DROP_NOT_ESP,
  drop.DROP_KEEPALIVE,
  drop.DROP_ESP_TOO_SHORT,
  drop.DROP_SPI_RESERVED,
  drop.DROP_SPI_UNKNOWN,
  drop.DROP_REPLAY,
  drop.DROP_ICV,
  drop.DROP_CIPHERTEXT_LENGTH,
  drop.DROP_AH_LENGTH,
  drop.DROP_AH_HEADER,
  drop.DROP_PROTOCOL_MISMATCH,
]);

const passedCounters: readonly (readonly [number, (tally: Tally) => number])[] = [
  [counter.COUNTER_OUTBOUND_PACKETS, ({ outbound }) => outbound[verdict.VERDICT_SEND] ?? 0],
  [counter.COUNTER_BYPASSED_PACKETS, ({ outbound }) => outbound[verdict.VERDICT_BYPASS] ?? 0],
  [
    counter.COUNTER_INBOUND_PACKETS,
    ({ inbound }) => (inbound[verdict.VERDICT_DELIVER] ?? 0) + (inbound[verdict.VERDICT_DELIVER_HOST] ?? 0),
  ],
  [
    counter.COUNTER_HELD_PACKETS,
    ({ outbound, inbound }) => (outbound[verdict.VERDICT_HELD] ?? 0) + (inbound[verdict.VERDICT_HELD] ?? 0),
  ],
];

/** One engine under watch. */
export class Watch {
  readonly #engine: Dataplane;
  readonly #layout: MemoryLayout;
  readonly #words: Uint32Array;
  readonly #canaries: readonly Uint8Array[];
  readonly #constants: readonly { readonly octets: Uint8Array; readonly copy: Uint8Array }[];
  readonly #before = new Uint8Array(SA_SLOT_SIZE + REPLAY_SIZE);
  #beforePlace = 0;
  /** What it has met so far. */
  readonly tally = emptyTally();

  constructor(engine: Dataplane, layout: MemoryLayout) {
    this.#engine = engine;
    this.#layout = layout;
    this.#words = new Uint32Array(engine.buffer);
    this.#canaries = canaries(engine.buffer, layout);
    const regions = constantRegions.map(
      (region) => new Uint8Array(engine.buffer, this.#region(region), layout.regionSizes[region]),
    );
    const configuration = new Uint8Array(engine.buffer, CONFIGURATION_ADDRESS, CONFIGURATION_SIZE);
    this.#constants = [configuration, ...regions].map((octets) => ({ octets, copy: octets.slice() }));
  }

  #region(region: number): number {
    return this.#layout.regions[region] ?? 0;
  }

  /** Takes note of the verdict of slot `index`, which must be one that a packet of this direction can have. */
  take(index: number, direction: 'outbound' | 'inbound'): number {
    const { batch } = this.#engine;
    const found = batch.verdict(index);
    const outbound = direction === 'outbound';
    const possible =
      found === verdict.VERDICT_DROP ||
      found === verdict.VERDICT_HELD ||
      (outbound
        ? found === verdict.VERDICT_SEND || found === verdict.VERDICT_BYPASS
        : found === verdict.VERDICT_DELIVER || found === verdict.VERDICT_DELIVER_HOST);
    if (!possible) throw new Violation(`verdict ${found} of an ${direction} packet`);
    const reason = batch.reason(index);
    const dropped = found === verdict.VERDICT_DROP;
    if (dropped !== (reason !== 0) || reason >= drop.DROP_CODE_COUNT || afterwards.includes(reason))
      throw new Violation(`drop reason ${reason} with verdict ${found}`);
    const { tally } = this;
    tally.packets++;
    tally[direction][found] = (tally[direction][found] ?? 0) + 1;
    if (dropped) tally.reasons[reason] = (tally.reasons[reason] ?? 0) + 1;
    return found;
  }

  /** What is sent or delivered out of slot `index` lies in the slot. */
  checkBounds(index: number): void {
    const { batch } = this.#engine;
    const address = batch.packetAddress(index);
    const [start, end] = [batch.start(index), batch.start(index) + batch.length(index)];
    if (start < address - PACKET_HEADROOM || end > address + PACKET_ROOM + PACKET_TAILROOM || end < start)
      throw new Violation(`a packet of octets ${start - address} to ${end - address} of its slot`);
  }

  /** Word of a SA slot's u64 sequence number: low half; the high one is the next. */
  sequenceWord(slot: number): number {
    return (this.#region(REGION_SA_SLOTS) + slot * SA_SLOT_SIZE + SA_SEQUENCE) >> 2;
  }

  word(index: number): number {
    return this.#words[index] ?? 0;
  }

  /** The counters say the same as the verdicts, between regions nothing was written, and the engine is alive. */
  checkBatch(): void {
    if (this.#engine.lost !== undefined) throw new Violation(this.#engine.lost.message);
    const counters = this.#region(REGION_COUNTERS);
    for (let reason = 1; reason < drop.DROP_CODE_COUNT; reason++) {
      const counted = this.word((counters + counter.COUNTER_DROPS + 8 * reason) >> 2);
      if (afterwards.includes(reason)) this.tally.reasons[reason] = counted;
      else if (counted !== this.tally.reasons[reason])
        throw new Violation(
          `${counted} packets counted as ${dropReasonName(reason)}, ${this.tally.reasons[reason]} dropped so`,
        );
    }
    for (const [offset, expected] of passedCounters) {
      const counted = this.word((counters + offset) >> 2);
      if (counted !== expected(this.tally))
        throw new Violation(`the counter at ${offset} says ${counted}, the verdicts ${expected(this.tally)}`);
    }
    for (const canary of this.#canaries) {
      for (let index = 0; index < canary.length; index++) {
        if (canary[index] !== CANARY_OCTET)
          throw new Violation(`a canary was written at ${canary.byteOffset + index}`);
      }
    }
  }

  /** Tables, keys and configuration are what they were in the beginning. */
  checkConstants(): void {
    for (const { octets, copy } of this.#constants) {
      if (Buffer.compare(octets, copy) !== 0) throw new Violation(`tables at ${octets.byteOffset} changed`);
    }
  }

  /** Keeps the state of the inbound SA at `place` for `checkState`. */
  noteState(place: number): void {
    this.#beforePlace = place;
    const { memory } = this.#engine.batch;
    const [slot, window] = this.#stateAt(place);
    this.#before.set(memory.subarray(slot, slot + SA_SLOT_SIZE));
    this.#before.set(memory.subarray(window, window + REPLAY_SIZE), SA_SLOT_SIZE);
  }

  /** A packet that was not believed changed nothing of the SA, and a dropped one is not counted as passed. */
  checkState(index: number): void {
    const { batch } = this.#engine;
    if (batch.verdict(index) !== verdict.VERDICT_DROP) return;
    const whole = unauthenticated.has(batch.reason(index));
    const [slot, window] = this.#stateAt(this.#beforePlace);
    const [from, to] = whole ? [0, SA_SLOT_SIZE] : [SA_OCTETS, SA_PACKETS + 8];
    for (let offset = from; offset < to; offset++) {
      if (offset === SA_ICV_FAILURES && this.#failuresRose(index, slot)) continue;
      if (batch.memory[slot + offset] !== this.#before[offset])
        throw new Violation(
          `a packet dropped as ${dropReasonName(batch.reason(index))} changed its SA at ${offset}`,
        );
    }
    if (!whole) return;
    for (let offset = 0; offset < REPLAY_SIZE; offset++) {
      if (batch.memory[window + offset] !== this.#before[SA_SLOT_SIZE + offset])
        throw new Violation(`a packet dropped as ${dropReasonName(batch.reason(index))} moved the window`);
    }
  }

  /** One failure more is counted, until there are enough to look for a later subspace: octets of it are all that may move. */
  #failuresRose(index: number, slot: number): boolean {
    const { batch } = this.#engine;
    const [before, after] = [this.#before[SA_ICV_FAILURES] ?? 0, batch.memory[slot + SA_ICV_FAILURES]];
    return batch.reason(index) === drop.DROP_ICV && after === before + 1 && before < FAILURES_COUNTED;
  }

  #stateAt(place: number): readonly [number, number] {
    return [
      this.#region(REGION_SA_SLOTS) + place * SA_SLOT_SIZE,
      this.#region(REGION_REPLAY) + place * REPLAY_SIZE,
    ];
  }
}
