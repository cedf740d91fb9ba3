/** Counts packets, octets and drops in linear memory, where the host reads them. Decides nothing. */
import { COUNTER_DROPS } from '../abi/counters.ts';
import { DESCRIPTOR_REASON, DESCRIPTOR_VERDICT } from '../abi/descriptor.ts';
import { VERDICT_DROP } from '../abi/verdict.ts';
import { counters } from './regions.ts';

/** Adds `amount` to the counter at `offset` (COUNTER_*). */
export function count(offset: u32, amount: u64): void {
  const counterPtr = counters + offset;
  store<u64>(counterPtr, load<u64>(counterPtr) + amount);
}

/** Counts a packet that is dropped for `reason` (DROP_*) without a descriptor. */
export function countDrop(reason: u32): void {
  count(COUNTER_DROPS + 8 * reason, 1);
}

/** Gives the packet the verdict DROP for `reason` (DROP_*), and counts it. */
export function drop(descriptorPtr: usize, reason: u32): void {
  store<u32>(descriptorPtr, VERDICT_DROP, DESCRIPTOR_VERDICT);
  store<u32>(descriptorPtr, reason, DESCRIPTOR_REASON);
  countDrop(reason);
}
