/**
 * The anti-replay window (RFC 4303 section 3.4.3) as a ring of 64-bit words (RFC 6479), and the high half of extended
 * sequence numbers (Appendix A2). The ring is twice as long as the window, so that its length is a power of two and moving
 * on clears whole words only. `isAcceptable` reads; `accept` writes, and is called after the ICV was verified.
 */
import { REPLAY_SIZE, SA_FLAG_ESN, SA_FLAGS, SA_REPLAY_WINDOW, SA_SEQUENCE } from '../../abi/sa-slot.ts';

/** Without a window the high half is still to be told: by the shortest window there is. */
const INFERENCE_WINDOW: u32 = 64;

/**
 * The full sequence number of a packet, from the 32 bits that it carries.
 *
 * @returns the number; 0, which no packet has, when it would lie before the first or beyond the last number
 * @rfc 4303 Appendix A2.2
 */
export function fullSequence(slotPtr: usize, low: u32): u64 {
  if ((load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_ESN) === 0) return low;
  const highest = load<u64>(slotPtr, SA_SEQUENCE);
  const highestLow = <u32>highest;
  const highestHigh = <u32>(highest >> 32);
  const window = max(load<u32>(slotPtr, SA_REPLAY_WINDOW), INFERENCE_WINDOW);
  const bottomLow = highestLow - window + 1;
  let high = highestHigh;
  if (highestLow >= window - 1) {
    // Case A: the window lies within one subspace. Below it means the next one.
    if (low < bottomLow) high++;
    if (high < highestHigh) return 0;
  } else if (low >= bottomLow) {
    // Case B: the window reaches into the subspace before; there is none before the first.
    if (highestHigh === 0) return 0;
    high--;
  }
  return ((<u64>high) << 32) | <u64>low;
}

/** True when `sequence` is neither older than the window nor seen before. Writes nothing. */
export function isAcceptable(slotPtr: usize, windowPtr: usize, sequence: u64): bool {
  const window = load<u32>(slotPtr, SA_REPLAY_WINDOW);
  if (window === 0) return true;
  if (sequence === 0) return false;
  const highest = load<u64>(slotPtr, SA_SEQUENCE);
  if (sequence > highest) return true;
  if (highest - sequence >= <u64>window) return false;
  return (load<u64>(wordAddress(windowPtr, sequence, window)) & bitOf(sequence)) === 0;
}

/**
 * Marks `sequence` as received. Call only after the ICV was verified.
 *
 * @returns true when it is the highest so far
 * @rfc 4303 section 3.4.3, RFC 6479 section 2
 */
export function accept(slotPtr: usize, windowPtr: usize, sequence: u64): bool {
  const window = load<u32>(slotPtr, SA_REPLAY_WINDOW);
  const highest = load<u64>(slotPtr, SA_SEQUENCE);
  const newest = sequence > highest;
  if (window !== 0) {
    if (newest) clearWords(windowPtr, highest, sequence, window);
    const wordPtr = wordAddress(windowPtr, sequence, window);
    store<u64>(wordPtr, load<u64>(wordPtr) | bitOf(sequence));
  }
  if (newest) store<u64>(slotPtr, sequence, SA_SEQUENCE);
  return newest;
}

/** Zeroes the words that the window moves into. */
function clearWords(windowPtr: usize, highest: u64, sequence: u64, window: u32): void {
  const words = ringWords(window);
  const ahead = (sequence >> 6) - (highest >> 6);
  if (ahead >= <u64>words) {
    memory.fill(windowPtr, 0, <usize>words * 8);
    return;
  }
  for (let step: u64 = 1; step <= ahead; step++) {
    store<u64>(windowPtr + ((<usize>((highest >> 6) + step) & <usize>(words - 1)) << 3), 0);
  }
}

function wordAddress(windowPtr: usize, sequence: u64, window: u32): usize {
  return windowPtr + ((<usize>(sequence >> 6) & <usize>(ringWords(window) - 1)) << 3);
}

/** Twice the window; a window of REPLAY_WINDOW_MAX fills REPLAY_SIZE. */
function ringWords(window: u32): u32 {
  return min(window >> 5, REPLAY_SIZE >> 3);
}

function bitOf(sequence: u64): u64 {
  return (<u64>1) << (sequence & 63);
}
