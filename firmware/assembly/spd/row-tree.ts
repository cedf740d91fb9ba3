/**
 * Finds the first SPD row in order that selects a packet, in the tree that a bank keeps its rows in (abi/bank.ts). Covers
 * only save comparisons: every row that decides was compared with the packet itself, and of two the one that stands before
 * the other in the SPD wins, so the shape of the tree decides how fast the answer comes, never what it is.
 *
 * The walk only goes forward: it ends after one comparison for each row and cover at worst, whatever the tree and the packet.
 */
import { ROW_BELOW, ROW_ORDER, ROW_SIZE } from '../../abi/spd-row.ts';
import {
  SELECTOR,
  SELECTOR_FAMILY,
  SELECTOR_LOCAL,
  SELECTOR_PROTOCOL,
  SELECTOR_REMOTE,
  SELECTOR_VALUES,
} from '../packet/inspect.ts';
import { selects } from './selector-match.ts';

/**
 * Finds the row with the lowest ROW_ORDER that selects the inspected packet.
 *
 * @param rowsPtr  a bank's tree, as `stage_spd` accepted it
 * @param rowCount rows and covers together
 * @returns address of the row, or 0
 */
export function firstInOrder(rowsPtr: usize, rowCount: u32): usize {
  const local = v128.load(SELECTOR, SELECTOR_LOCAL);
  const remote = v128.load(SELECTOR, SELECTOR_REMOTE);
  const values = v128.load(SELECTOR, SELECTOR_VALUES);
  const protocol = load<u32>(SELECTOR, SELECTOR_PROTOCOL);
  const family = load<u32>(SELECTOR, SELECTOR_FAMILY);
  const endPtr = rowsPtr + <usize>rowCount * ROW_SIZE;
  let firstPtr: usize = 0;
  let firstOrder: u32 = u32.MAX_VALUE;
  let rowPtr = rowsPtr;
  while (rowPtr < endPtr) {
    const below = load<u32>(rowPtr, ROW_BELOW);
    const order = load<u32>(rowPtr, ROW_ORDER);
    if (order >= firstOrder || !selects(rowPtr, local, remote, values, protocol, family)) {
      rowPtr += <usize>below * ROW_SIZE;
    } else if (below === 0) {
      firstPtr = rowPtr;
      firstOrder = order;
    }
    rowPtr += ROW_SIZE;
  }
  return firstPtr;
}
