/**
 * Which row decides about an outbound packet (RFC 4301 section 5.1): the first SPD row that selects it; for a PROTECT entry
 * then the first of the entry's bindings that does. Sits behind the flow cache.
 *
 * SPD rows change only with the SPD itself. What changes with every SA, the bindings, hangs on the entry, so that a change
 * of one entry writes a few rows however large the SPD is.
 */
import { BANK_BINDINGS, BANK_ROW_COUNT, BINDING_COUNT, BINDING_FIRST, BINDING_SIZE } from '../../abi/bank.ts';
import { COUNTER_FLOW_HITS, COUNTER_FLOW_MISSES } from '../../abi/counters.ts';
import { ACTION_PROTECT, ROW_ACTION, ROW_ENTRY, ROW_SIZE } from '../../abi/spd-row.ts';
import { count } from '../counters.ts';
import { bankRows, bindingRows } from '../regions.ts';
import { findFlow, rememberFlow } from './flow-cache.ts';
import { firstInOrder } from './row-tree.ts';
import { firstMatch } from './selector-match.ts';

/**
 * Looks the inspected packet up.
 *
 * @param bankPtr    the bank that this batch reads
 * @param generation its generation
 * @returns the row that decides: an SPD row (where its action is PROTECT: no binding matches) or a binding row; 0: no entry
 */
export function lookup(bankPtr: usize, generation: u32): usize {
  const cached = findFlow(generation);
  if (cached !== 0) {
    count(COUNTER_FLOW_HITS, 1);
    return cached;
  }
  count(COUNTER_FLOW_MISSES, 1);
  const rowPtr = orderedLookup(bankPtr);
  if (rowPtr !== 0) rememberFlow(generation, rowPtr);
  return rowPtr;
}

/** The lookup without the cache. */
export function orderedLookup(bankPtr: usize): usize {
  const rowPtr = firstInOrder(bankPtr + bankRows, load<u32>(bankPtr, BANK_ROW_COUNT));
  if (rowPtr === 0 || load<u32>(rowPtr, ROW_ACTION) !== ACTION_PROTECT) return rowPtr;
  const bindingPtr = bankPtr + BANK_BINDINGS + <usize>load<u32>(rowPtr, ROW_ENTRY) * BINDING_SIZE;
  const firstRowPtr = bindingRows + <usize>load<u32>(bindingPtr, BINDING_FIRST) * ROW_SIZE;
  const boundPtr = firstMatch(firstRowPtr, load<u32>(bindingPtr, BINDING_COUNT));
  return boundPtr !== 0 ? boundPtr : rowPtr;
}
