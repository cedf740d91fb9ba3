/**
 * Lifetimes in seconds, octets and packets (RFC 4301 section 4.4.2.1). The hard one stops an SA for good; the soft one asks
 * for a renewal. Each raises its event once for a pair, whichever half gets there first.
 */
import { EVENT_HARD_LIFETIME, EVENT_SOFT_LIFETIME } from '../../abi/event.ts';
import {
  SA_HARD_AT_SECONDS,
  SA_HARD_OCTETS,
  SA_HARD_PACKETS,
  SA_OCTETS,
  SA_PACKETS,
  SA_PAIR_SPI,
  SA_RAISED,
  SA_RAISED_HARD,
  SA_RAISED_SOFT,
  SA_SOFT_AT_SECONDS,
  SA_SOFT_OCTETS,
  SA_SOFT_PACKETS,
  SA_STATE,
  SA_STATE_STOPPED,
} from '../../abi/sa-slot.ts';
import { raisePairEvent } from '../events.ts';

/** True while one more packet of `octets` is within the hard lifetime. Otherwise stops the SA and raises hard-lifetime. */
export function isWithinLifetime(slotPtr: usize, pairPtr: usize, octets: u32, nowSeconds: u32): bool {
  if (
    nowSeconds < load<u32>(slotPtr, SA_HARD_AT_SECONDS) &&
    load<u64>(slotPtr, SA_PACKETS) < load<u64>(slotPtr, SA_HARD_PACKETS) &&
    load<u64>(slotPtr, SA_OCTETS) + <u64>octets <= load<u64>(slotPtr, SA_HARD_OCTETS)
  ) {
    return true;
  }
  stop(slotPtr, pairPtr);
  return false;
}

/** Lets nothing through the SA any more, and raises hard-lifetime once for the pair. */
export function stop(slotPtr: usize, pairPtr: usize): void {
  store<u32>(slotPtr, SA_STATE_STOPPED, SA_STATE);
  raiseOnce(slotPtr, pairPtr, EVENT_HARD_LIFETIME, SA_RAISED_HARD);
}

/** Counts a packet that passed; at the soft lifetime raises soft-lifetime once for the pair. */
export function countPassed(slotPtr: usize, pairPtr: usize, octets: u32, nowSeconds: u32): void {
  const packetsPassed = load<u64>(slotPtr, SA_PACKETS) + 1;
  const octetsPassed = load<u64>(slotPtr, SA_OCTETS) + <u64>octets;
  store<u64>(slotPtr, packetsPassed, SA_PACKETS);
  store<u64>(slotPtr, octetsPassed, SA_OCTETS);
  if (
    nowSeconds >= load<u32>(slotPtr, SA_SOFT_AT_SECONDS) ||
    packetsPassed >= load<u64>(slotPtr, SA_SOFT_PACKETS) ||
    octetsPassed >= load<u64>(slotPtr, SA_SOFT_OCTETS)
  ) {
    raiseOnce(slotPtr, pairPtr, EVENT_SOFT_LIFETIME, SA_RAISED_SOFT);
  }
}

/** Raises a pair event unless its bit says that it was raised; the bit stays clear when the ring is full. */
export function raiseOnce(slotPtr: usize, pairPtr: usize, kind: u32, bit: u32): void {
  const raised = load<u32>(pairPtr, SA_RAISED);
  if ((raised & bit) !== 0) return;
  if (raisePairEvent(kind, load<u32>(slotPtr, SA_PAIR_SPI))) store<u32>(pairPtr, raised | bit, SA_RAISED);
}
