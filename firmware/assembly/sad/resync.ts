/**
 * Finding the high half of extended sequence numbers again after the loss of so many packets that it cannot be inferred (RFC 4303
 * Appendix A3). After enough failures in a row, each further packet that fails is tried once more, as one of a later
 * subspace; a genuine one tells which. Decides only what to try: a number counts when the ICV says so.
 */
import { SA_FLAG_ESN, SA_FLAGS, SA_ICV_FAILURES } from '../../abi/sa-slot.ts';

/** Failures in a row before anything is tried: forgeries here and there cost nothing. */
const FAILURES_BEFORE: u32 = 64;
/** Subspaces that are tried, a power of two: one a packet, so that a forgery never costs more than one ICV beside its own. */
const SUBSPACES: u64 = 4;

/**
 * Counts a packet that failed. Returns the number to try it as, or 0 for none. Which subspace is tried follows from the number, so
 * that packets in a row try all of them, whatever forgeries come between.
 */
export function sequenceToTry(slotPtr: usize, inferred: u64): u64 {
  if ((load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_ESN) === 0) return 0;
  const failures = load<u32>(slotPtr, SA_ICV_FAILURES);
  if (failures < FAILURES_BEFORE) {
    store<u32>(slotPtr, failures + 1, SA_ICV_FAILURES);
    return 0;
  }
  const ahead = ((inferred & (SUBSPACES - 1)) + 1) << 32;
  // Nothing comes behind the last number.
  return inferred > u64.MAX_VALUE - ahead ? 0 : inferred + ahead;
}

/** Forgets failures: a packet was authentic. */
export function noteAuthentic(slotPtr: usize): void {
  if (load<u32>(slotPtr, SA_ICV_FAILURES) !== 0) store<u32>(slotPtr, 0, SA_ICV_FAILURES);
}
