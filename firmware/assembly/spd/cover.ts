/**
 * Makes a tree of SPD rows safe to walk: checks its shape and every row, and computes the covers. The host says only which
 * rows stand below a cover; what the cover selects is worked out here from those rows, so no mistake of the host can hide a
 * row from a packet.
 */
import { STAGE_INDEX, STAGE_OK, STAGE_ROW } from '../../abi/bank.ts';
import {
  ACTION_BYPASS,
  ACTION_DISCARD,
  ACTION_PROTECT,
  PROTOCOL_ANY,
  ROW_ACTION,
  ROW_BELOW,
  ROW_ENTRY,
  ROW_FAMILY,
  ROW_FIRST,
  ROW_LAST,
  ROW_LOCAL,
  ROW_LOCAL_MASK,
  ROW_ORDER,
  ROW_PROTOCOL,
  ROW_REMOTE,
  ROW_REMOTE_MASK,
  ROW_SIZE,
} from '../../abi/spd-row.ts';
import { bankOrderMarks, bankRows, spdEntries, spdRows } from '../regions.ts';

/**
 * Checks each row of the bank's tree, and that their orders are 0, 1, 2, ... each once. Then fills the covers in and checks
 * that they nest and that each has rows of one family below it.
 *
 * @param rowCount rows and covers together, no more than the bank has room for
 * @returns STAGE_OK, STAGE_INDEX for a wrong order or shape, STAGE_ROW for a wrong row
 */
export function buildTree(bankPtr: usize, rowCount: u32): u32 {
  const marksPtr = bankPtr + bankOrderMarks;
  memory.fill(marksPtr, 0, (spdRows + 7) / 8);
  let rows: u32 = 0;
  let highest: u32 = 0;
  for (let index: u32 = 0; index < rowCount; index++) {
    const rowPtr = bankPtr + bankRows + <usize>index * ROW_SIZE;
    const below = load<u32>(rowPtr, ROW_BELOW);
    if (below >= rowCount - index) return STAGE_INDEX;
    if (below !== 0) continue;
    const order = load<u32>(rowPtr, ROW_ORDER);
    if (order >= spdRows) return STAGE_INDEX;
    const markPtr = marksPtr + <usize>(order >> 3);
    const mark: u32 = 1 << (order & 7);
    const marked: u32 = load<u8>(markPtr);
    if ((marked & mark) !== 0) return STAGE_INDEX;
    store<u8>(markPtr, marked | mark);
    highest = max(highest, order);
    rows++;
    if (!isSpdRow(rowPtr)) return STAGE_ROW;
  }
  // As many orders as the highest says, each once: none is left out.
  if (rows !== 0 && highest !== rows - 1) return STAGE_INDEX;
  return fillCovers(bankPtr + bankRows, rowCount);
}

function isSpdRow(rowPtr: usize): bool {
  const family = load<u32>(rowPtr, ROW_FAMILY);
  const action = load<u32>(rowPtr, ROW_ACTION);
  return (
    (family === 4 || family === 6) &&
    load<u32>(rowPtr, ROW_ENTRY) < spdEntries &&
    (action === ACTION_PROTECT || action === ACTION_BYPASS || action === ACTION_DISCARD)
  );
}

/** From the last to the first, so that a cover finds those below it done. Every row and cover is looked at twice at most. */
function fillCovers(rowsPtr: usize, rowCount: u32): u32 {
  for (let index = rowCount; index > 0; index--) {
    const coverPtr = rowsPtr + <usize>(index - 1) * ROW_SIZE;
    const below = load<u32>(coverPtr, ROW_BELOW);
    if (below === 0) continue;
    const endPtr = coverPtr + <usize>(below + 1) * ROW_SIZE;
    let rowPtr = coverPtr + ROW_SIZE;
    memory.copy(coverPtr, rowPtr, ROW_BELOW);
    store<u32>(coverPtr, 0, ROW_ACTION);
    rowPtr += <usize>(load<u32>(rowPtr, ROW_BELOW) + 1) * ROW_SIZE;
    while (rowPtr < endPtr) {
      if (load<u32>(rowPtr, ROW_FAMILY) !== load<u32>(coverPtr, ROW_FAMILY)) return STAGE_ROW;
      widen(coverPtr, rowPtr);
      rowPtr += <usize>(load<u32>(rowPtr, ROW_BELOW) + 1) * ROW_SIZE;
    }
    // What is below the last one goes on behind the end of this cover.
    if (rowPtr !== endPtr) return STAGE_INDEX;
  }
  return STAGE_OK;
}

/** Makes the cover select all that `rowPtr` selects, as tightly as a row can. */
function widen(coverPtr: usize, rowPtr: usize): void {
  widenAddress(coverPtr + ROW_LOCAL, coverPtr + ROW_LOCAL_MASK, rowPtr + ROW_LOCAL, rowPtr + ROW_LOCAL_MASK);
  widenAddress(
    coverPtr + ROW_REMOTE,
    coverPtr + ROW_REMOTE_MASK,
    rowPtr + ROW_REMOTE,
    rowPtr + ROW_REMOTE_MASK,
  );
  const first = i32x4.min_s(v128.load(coverPtr, ROW_FIRST), v128.load(rowPtr, ROW_FIRST));
  const last = i32x4.max_s(v128.load(coverPtr, ROW_LAST), v128.load(rowPtr, ROW_LAST));
  v128.store(coverPtr, first, ROW_FIRST);
  v128.store(coverPtr, last, ROW_LAST);
  if (load<u32>(rowPtr, ROW_PROTOCOL) !== load<u32>(coverPtr, ROW_PROTOCOL))
    store<u32>(coverPtr, PROTOCOL_ANY, ROW_PROTOCOL);
  store<u32>(coverPtr, min(load<u32>(coverPtr, ROW_ORDER), load<u32>(rowPtr, ROW_ORDER)), ROW_ORDER);
}

/** Keeps the bits that both ask for and agree on; a mask need not be a prefix. */
function widenAddress(addressPtr: usize, maskPtr: usize, rowAddressPtr: usize, rowMaskPtr: usize): void {
  const address = v128.load(addressPtr);
  const asked = v128.and(v128.load(maskPtr), v128.load(rowMaskPtr));
  const mask = v128.andnot(asked, v128.xor(address, v128.load(rowAddressPtr)));
  v128.store(maskPtr, mask);
  v128.store(addressPtr, v128.and(address, mask));
}
