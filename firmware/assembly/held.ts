/**
 * Packets that wait for an SA, so that the first packet of a communication and the first packet through a new SA are not
 * lost: outbound ones by SPD entry, inbound ones by the pending SPI. Bounded for each key and in total; the oldest makes
 * room, and is counted. Decides nothing about when they go on.
 */
import { COUNTER_HELD_PACKETS } from '../abi/counters.ts';
import {
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_SIZE,
  DESCRIPTOR_START,
  DESCRIPTOR_VERDICT,
} from '../abi/descriptor.ts';
import { DROP_HELD_ABANDONED, DROP_HELD_OVERFLOW } from '../abi/drop-code.ts';
import {
  HELD_ARRIVAL,
  HELD_DESCRIPTOR,
  HELD_FREE,
  HELD_KEY,
  HELD_KIND,
  HELD_RECORD_SIZE,
} from '../abi/held.ts';
import { VERDICT_HELD } from '../abi/verdict.ts';
import { count, countDrop } from './counters.ts';
import {
  descriptors,
  heldPackets,
  heldPerKey,
  heldPlaces,
  heldRecords,
  packetOctets,
  packets,
} from './regions.ts';

/** Number of the next packet held; 0 is none. */
let nextArrival: u64 = 1;

/**
 * Keeps a copy of the packet and gives it the verdict HELD.
 *
 * @param index packet slot; its start and length are inside the slot
 * @param kind  HELD_OUTBOUND or HELD_INBOUND
 * @param key   entry index or SPI
 */
export function hold(index: u32, kind: u32, key: u32): void {
  const place = makeRoom(kind, key);
  const recordPtr = heldRecords + <usize>place * HELD_RECORD_SIZE;
  const descriptorPtr = descriptors + <usize>index * DESCRIPTOR_SIZE;
  const packetPtr = packets + <usize>index * packetOctets;
  const start = <usize>load<u32>(descriptorPtr, DESCRIPTOR_START);
  const offset = start - packetPtr;
  store<u32>(recordPtr, kind, HELD_KIND);
  store<u32>(recordPtr, key, HELD_KEY);
  store<u64>(recordPtr, nextArrival, HELD_ARRIVAL);
  nextArrival++;
  memory.copy(recordPtr + HELD_DESCRIPTOR, descriptorPtr, DESCRIPTOR_SIZE);
  store<u32>(recordPtr + HELD_DESCRIPTOR, <u32>offset, DESCRIPTOR_START);
  memory.copy(
    heldPackets + <usize>place * packetOctets + offset,
    start,
    load<u32>(descriptorPtr, DESCRIPTOR_LENGTH),
  );
  store<u32>(descriptorPtr, VERDICT_HELD, DESCRIPTOR_VERDICT);
  count(COUNTER_HELD_PACKETS, 1);
}

/** Low 32 bits of the arrival number that the next packet gets. */
export function upcomingArrival(): u32 {
  return <u32>nextArrival;
}

/** A free place: at the key's bound that of its oldest packet, in a full pool that of the oldest of all. */
function makeRoom(kind: u32, key: u32): u32 {
  let free: u32 = heldPlaces;
  let ofKey: u32 = 0;
  let oldestOfKey: u32 = 0;
  let oldestOfKeyArrival = u64.MAX_VALUE;
  let oldest: u32 = 0;
  let oldestArrival = u64.MAX_VALUE;
  for (let place: u32 = 0; place < heldPlaces; place++) {
    const recordPtr = heldRecords + <usize>place * HELD_RECORD_SIZE;
    const heldKind = load<u32>(recordPtr, HELD_KIND);
    if (heldKind === HELD_FREE) {
      free = place;
      continue;
    }
    const arrival = load<u64>(recordPtr, HELD_ARRIVAL);
    if (arrival < oldestArrival) {
      oldestArrival = arrival;
      oldest = place;
    }
    if (heldKind !== kind || load<u32>(recordPtr, HELD_KEY) !== key) continue;
    ofKey++;
    if (arrival < oldestOfKeyArrival) {
      oldestOfKeyArrival = arrival;
      oldestOfKey = place;
    }
  }
  if (ofKey < heldPerKey && free < heldPlaces) return free;
  countDrop(DROP_HELD_OVERFLOW);
  return ofKey >= heldPerKey ? oldestOfKey : oldest;
}

/** Arrival number of the oldest packet held for the key, or 0. */
export function oldestHeld(kind: u32, key: u32): u64 {
  const place = oldestPlace(kind, key);
  return place === heldPlaces ? 0 : load<u64>(heldRecords + <usize>place * HELD_RECORD_SIZE, HELD_ARRIVAL);
}

function oldestPlace(kind: u32, key: u32): u32 {
  let found = heldPlaces;
  let oldest = u64.MAX_VALUE;
  for (let place: u32 = 0; place < heldPlaces; place++) {
    const recordPtr = heldRecords + <usize>place * HELD_RECORD_SIZE;
    if (load<u32>(recordPtr, HELD_KIND) !== kind || load<u32>(recordPtr, HELD_KEY) !== key) continue;
    const arrival = load<u64>(recordPtr, HELD_ARRIVAL);
    if (arrival >= oldest) continue;
    oldest = arrival;
    found = place;
  }
  return found;
}

/**
 * Moves the oldest packet held for the key into a packet slot, as it was before its run, and frees its place.
 *
 * @param index packet slot, overwritten
 * @returns false when there is none
 */
export function takeHeld(kind: u32, key: u32, index: u32): bool {
  const place = oldestPlace(kind, key);
  if (place === heldPlaces) return false;
  const recordPtr = heldRecords + <usize>place * HELD_RECORD_SIZE;
  const descriptorPtr = descriptors + <usize>index * DESCRIPTOR_SIZE;
  const packetPtr = packets + <usize>index * packetOctets;
  memory.copy(descriptorPtr, recordPtr + HELD_DESCRIPTOR, DESCRIPTOR_SIZE);
  const offset = <usize>load<u32>(descriptorPtr, DESCRIPTOR_START);
  const heldPtr = heldPackets + <usize>place * packetOctets + offset;
  const length = load<u32>(descriptorPtr, DESCRIPTOR_LENGTH);
  store<u32>(descriptorPtr, <u32>(packetPtr + offset), DESCRIPTOR_START);
  memory.copy(packetPtr + offset, heldPtr, length);
  memory.fill(heldPtr, 0, length);
  memory.fill(recordPtr, 0, HELD_RECORD_SIZE);
  return true;
}

/** Counts a packet that `takeHeld` gave and that goes nowhere. */
export function abandonHeld(): void {
  countDrop(DROP_HELD_ABANDONED);
}

/** Number of packets held. */
export function heldCount(): u32 {
  let held: u32 = 0;
  for (let place: u32 = 0; place < heldPlaces; place++) {
    if (load<u32>(heldRecords + <usize>place * HELD_RECORD_SIZE, HELD_KIND) !== HELD_FREE) held++;
  }
  return held;
}
