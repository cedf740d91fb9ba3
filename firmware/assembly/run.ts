/**
 * Runs a batch: reads the bank once, then gives each packet its verdict. Decides only whether a descriptor describes a packet
 * that lies in its slot with room around it, so that no later step can leave the slot.
 */
import {
  DESCRIPTOR_ENTRY,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_REASON,
  DESCRIPTOR_SIZE,
  DESCRIPTOR_SLOT,
  DESCRIPTOR_START,
  DESCRIPTOR_VERDICT,
  ENTRY_NONE,
  SLOT_NONE,
} from '../abi/descriptor.ts';
import { DROP_DATA_PLANE_CLOSED, DROP_DESCRIPTOR_INVALID } from '../abi/drop-code.ts';
import { PACKET_HEADROOM, PACKET_TAILROOM } from '../abi/layout.ts';
import { VERDICT_NONE } from '../abi/verdict.ts';
import { activeGeneration, bankAddress } from './commit.ts';
import { drop } from './counters.ts';
import { computeAhead, lookAhead, lookNowhere } from './esp/icv-ahead.ts';
import { LANE_BATCH } from './esp/icv-lanes.ts';
import { sealQueued } from './esp/seal-queue.ts';
import { inbound } from './inbound.ts';
import { outbound } from './outbound.ts';
import { descriptors, packetOctets, packetSlots, packets } from './regions.ts';
import { isOpen } from './self-test.ts';

/** Runs packet slots `first` to `first + count - 1` as packets from the protected side. Slots beyond the last are ignored. */
export function runOutbound(first: u32, count: u32, nowSeconds: u32): void {
  const generation = activeGeneration();
  const bankPtr = bankAddress(generation);
  const end = endOfBatch(first, count);
  for (let index = first; index < end; index++) {
    if (prepare(index)) outbound(index, bankPtr, generation, nowSeconds);
  }
  sealQueued();
}

/** Runs packet slots `first` to `first + count - 1` as packets from the unprotected side. */
export function runInbound(first: u32, count: u32, nowSeconds: u32): void {
  const bankPtr = bankAddress(activeGeneration());
  const end = endOfBatch(first, count);
  for (let from = first; from < end; from += LANE_BATCH) {
    const to = min(end, from + LANE_BATCH);
    for (let index = from; index < to; index++) {
      if (prepare(index)) lookAhead(index, index - from, bankPtr);
      else lookNowhere(index - from);
    }
    computeAhead(to - from);
    for (let index = from; index < to; index++) {
      const descriptorPtr = descriptors + <usize>index * DESCRIPTOR_SIZE;
      if (load<u32>(descriptorPtr, DESCRIPTOR_VERDICT) === VERDICT_NONE)
        inbound(index, index - from, bankPtr, nowSeconds);
    }
  }
}

function endOfBatch(first: u32, count: u32): u32 {
  if (first >= packetSlots) return first;
  return first + min(count, packetSlots - first);
}

/** Clears the outputs. Returns false after dropping a packet that must not be touched. */
function prepare(index: u32): bool {
  const descriptorPtr = descriptors + <usize>index * DESCRIPTOR_SIZE;
  store<u32>(descriptorPtr, VERDICT_NONE, DESCRIPTOR_VERDICT);
  store<u32>(descriptorPtr, 0, DESCRIPTOR_REASON);
  store<u32>(descriptorPtr, ENTRY_NONE, DESCRIPTOR_ENTRY);
  store<u32>(descriptorPtr, SLOT_NONE, DESCRIPTOR_SLOT);
  if (!isOpen()) {
    drop(descriptorPtr, DROP_DATA_PLANE_CLOSED);
    return false;
  }
  const slotStart = <u64>(packets + <usize>index * packetOctets);
  const start = <u64>load<u32>(descriptorPtr, DESCRIPTOR_START);
  const end = start + <u64>load<u32>(descriptorPtr, DESCRIPTOR_LENGTH);
  if (start >= slotStart + PACKET_HEADROOM && end + PACKET_TAILROOM <= slotStart + <u64>packetOctets)
    return true;
  drop(descriptorPtr, DROP_DESCRIPTOR_INVALID);
  return false;
}
