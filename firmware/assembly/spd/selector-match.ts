/** Does a row's selector select the packet that `inspect` looked at last? The one comparison of SPD, bindings and SAs. */
import {
  PROTOCOL_ANY,
  ROW_FAMILY,
  ROW_FIRST,
  ROW_LAST,
  ROW_LOCAL,
  ROW_LOCAL_MASK,
  ROW_PROTOCOL,
  ROW_REMOTE,
  ROW_REMOTE_MASK,
  ROW_SIZE,
} from '../../abi/spd-row.ts';
import {
  SELECTOR,
  SELECTOR_FAMILY,
  SELECTOR_LOCAL,
  SELECTOR_PROTOCOL,
  SELECTOR_REMOTE,
  SELECTOR_VALUES,
} from '../packet/inspect.ts';

/**
 * Finds the first of `rowCount` consecutive rows that selects the inspected packet.
 *
 * A packet's port or ICMP type that it does not have is VALUE_NONE, which only ANY contains: so a later fragment matches
 * rows without ports alone (RFC 4301 section 7).
 *
 * @param rowsPtr rows of ROW_SIZE octets
 * @returns address of the row, or 0
 */
export function firstMatch(rowsPtr: usize, rowCount: u32): usize {
  const local = v128.load(SELECTOR, SELECTOR_LOCAL);
  const remote = v128.load(SELECTOR, SELECTOR_REMOTE);
  const values = v128.load(SELECTOR, SELECTOR_VALUES);
  const protocol = load<u32>(SELECTOR, SELECTOR_PROTOCOL);
  const family = load<u32>(SELECTOR, SELECTOR_FAMILY);
  const endPtr = rowsPtr + <usize>rowCount * ROW_SIZE;
  for (let rowPtr = rowsPtr; rowPtr < endPtr; rowPtr += ROW_SIZE) {
    if (selects(rowPtr, local, remote, values, protocol, family)) return rowPtr;
  }
  return 0;
}

/** True when the row selects a packet; the packet's fields are those of SELECTOR, loaded once for many rows. */
export function selects(
  rowPtr: usize,
  local: v128,
  remote: v128,
  values: v128,
  protocol: u32,
  family: u32,
): bool {
  const localDifference = v128.and(
    v128.xor(local, v128.load(rowPtr, ROW_LOCAL)),
    v128.load(rowPtr, ROW_LOCAL_MASK),
  );
  const remoteDifference = v128.and(
    v128.xor(remote, v128.load(rowPtr, ROW_REMOTE)),
    v128.load(rowPtr, ROW_REMOTE_MASK),
  );
  if (v128.any_true(v128.or(localDifference, remoteDifference))) return false;
  if (load<u32>(rowPtr, ROW_FAMILY) !== family) return false;
  const rowProtocol = load<u32>(rowPtr, ROW_PROTOCOL);
  if (rowProtocol !== PROTOCOL_ANY && rowProtocol !== protocol) return false;
  const below = i32x4.lt_s(values, v128.load(rowPtr, ROW_FIRST));
  const above = i32x4.gt_s(values, v128.load(rowPtr, ROW_LAST));
  return !v128.any_true(v128.or(below, above));
}
