/**
 * All memory of an engine before and after one packet: what a packet may change is a short list, and everything else must be
 * what it was. For tests of packets that must change nothing but a counter.
 */
import { expect } from 'vitest';
import {
  COUNTER_DROPS,
  COUNTER_HELD_PACKETS,
  COUNTER_OUTBOUND_PACKETS,
  COUNTERS_SIZE,
} from '../../../firmware/abi/counters.ts';
import { DESCRIPTOR_SIZE } from '../../../firmware/abi/descriptor.ts';
import { DROP_CODE_COUNT } from '../../../firmware/abi/drop-code.ts';
import { dropReasonName } from '../../../firmware/abi/drop-reason.ts';
import {
  CONFIGURATION_ADDRESS,
  MEMORY_PAGE_OCTETS,
  REGION_COUNTERS,
  REGION_DESCRIPTORS,
  REGION_FLOWS,
  REGION_PACKETS,
  REGION_REPLAY,
  REGION_SA_SLOTS,
} from '../../../firmware/abi/layout.ts';
import {
  REPLAY_SIZE,
  SA_MOVED_AT_SECONDS,
  SA_RAISED,
  SA_SEQUENCE,
  SA_SLOT_SIZE,
} from '../../../firmware/abi/sa-slot.ts';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { Outcome } from '../../../host/dataplane/engine.ts';
import { type Capacities, layOutMemory } from '../../../host/dataplane/memory-layout.ts';
import {
  dataplane,
  engineWithPair,
  reason,
  type SaOptions,
  smallCapacities,
} from '../../property/dataplane/engines.ts';

/** As little memory as an engine can do with, because all of it is compared for each packet. */
export const leastCapacities: Capacities = {
  ...smallCapacities,
  saPairs: 2,
  spdEntries: 2,
  spdRows: 8,
  bindingRows: 32,
  packetSlots: 1,
  heldPackets: 1,
  heldPerKey: 1,
  events: 16,
  flows: 16,
  bundles: 1,
};

/** The one slot that `Dataplane` runs single packets in. */
const single = leastCapacities.packetSlots;
const layout = layOutMemory(leastCapacities);
const region = (index: number): number => layout.regions[index]!;

type Range = readonly [start: number, length: number];

/** What every run may write: scratch below the configuration, the packet's slot and descriptor, counters. */
const always: readonly Range[] = [
  [0, CONFIGURATION_ADDRESS],
  [region(REGION_COUNTERS), COUNTERS_SIZE],
  [region(REGION_DESCRIPTORS) + single * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE],
  [region(REGION_PACKETS) + single * layout.packetStride, layout.packetStride],
];

const flows: readonly Range[] = [[region(REGION_FLOWS), layout.regionSizes[REGION_FLOWS]!]];

/** What an authentic packet changes of the inbound SA at `place`, even if its payload is refused. */
function authentic(place: number): readonly Range[] {
  const slot = region(REGION_SA_SLOTS) + place * SA_SLOT_SIZE;
  return [
    [slot + SA_SEQUENCE, 8],
    [slot + SA_RAISED, 4],
    [slot + SA_MOVED_AT_SECONDS, 4],
    [region(REGION_REPLAY) + place * REPLAY_SIZE, REPLAY_SIZE],
  ];
}

export const mayChange = {
  /** Nothing but the counter. */
  nothing: [] as readonly Range[],
  /** The flow cache remembers which row decided. */
  flows,
  /** Sequence number and window of the pair's inbound SA. */
  window: authentic(1),
} as const;

/** Engines whose whole memory is compared around each packet. */
export function watchedEngine(options: SaOptions = {}): Dataplane {
  return engineWithPair(options, dataplane({ capacities: leastCapacities }));
}

/** Copies of all memory, made anew for each packet, and their drop counters. */
const [before, after] = [
  new Uint8Array(layout.pages * MEMORY_PAGE_OCTETS),
  new Uint8Array(layout.pages * MEMORY_PAGE_OCTETS),
];
const [dropsBefore, dropsAfter] = [before, after].map(
  ({ buffer }) => new BigUint64Array(buffer, region(REGION_COUNTERS) + COUNTER_DROPS, DROP_CODE_COUNT),
) as [BigUint64Array, BigUint64Array];
/** Packets and octets that passed, consecutive counters. */
const [passedBefore, passedAfter] = [before, after].map((memory) =>
  memory.subarray(
    region(REGION_COUNTERS) + COUNTER_OUTBOUND_PACKETS,
    region(REGION_COUNTERS) + COUNTER_HELD_PACKETS + 8,
  ),
) as [Uint8Array, Uint8Array];

/**
 * Runs a packet and expects that it is dropped for `name`: that counter rises by one, no other does, and of all memory
 * nothing is changed but what `may` allows.
 */
export function expectDropAlone(
  engine: Dataplane,
  name: string,
  run: () => Outcome,
  may: readonly Range[] = mayChange.nothing,
): void {
  const memory = new Uint8Array(engine.buffer);
  before.set(memory);
  const found = reason(run());
  // A message costs more than the comparison.
  if (found !== name) expect(found).toBe(name);
  after.set(memory);
  const problem = counterProblem(name);
  if (problem !== undefined) expect.fail(problem);
  for (const [start, length] of [...always, ...may]) after.set(before.subarray(start, start + length), start);
  if (Buffer.compare(before, after) !== 0) {
    const at = before.findIndex((octet, index) => octet !== after[index]);
    expect.fail(`a packet dropped as ${name} changed memory at ${at}: ${regionAt(at)}`);
  }
}

/** What is wrong with how the drop counters moved, if anything. */
function counterProblem(name: string): string | undefined {
  for (let number = 0; number < DROP_CODE_COUNT; number++) {
    const expected = dropReasonName(number) === name ? 1n : 0n;
    const moved = dropsAfter[number]! - dropsBefore[number]!;
    if (moved !== expected)
      return `${dropReasonName(number)} was counted ${moved} times, expected ${expected}`;
  }
  if (Buffer.compare(passedBefore, passedAfter) !== 0)
    return 'a dropped packet was counted as passed or held';
  return undefined;
}

function regionAt(address: number): string {
  const index = layout.regions.findLastIndex((start) => start <= address);
  return `region ${index}, octet ${address - (layout.regions[index] ?? 0)}`;
}
