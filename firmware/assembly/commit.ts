/**
 * Changes of the tables. The host stages them in the inactive bank, where every row and index is checked; `commit` makes
 * them effective by one store. Packets read the bank once per batch. Afterwards the host stages the same changes again, so
 * that both banks agree. Slots are no part of a bank: they never move (sad/slot.ts).
 */
import {
  BANK_BINDINGS,
  BANK_ROW_COUNT,
  BINDING_COUNT,
  BINDING_FIRST,
  BINDING_SIZE,
  SAD_EMPTY,
  SAD_LIVE,
  SAD_PENDING,
  SAD_SIZE,
  SAD_SPI,
  SAD_STATE,
  STAGE_INDEX,
  STAGE_OK,
  STAGE_ROW,
  STAGE_SLOT,
  STAGE_SPI,
} from '../abi/bank.ts';
import { COUNTER_COMMITS } from '../abi/counters.ts';
import { SA_FLAG_OUTBOUND, SA_FLAGS, SA_SPI, SA_STATE, SA_STATE_EMPTY } from '../abi/sa-slot.ts';
import {
  ACTION_ACQUIRE,
  ACTION_BLOCKED,
  ACTION_SA,
  ROW_ACTION,
  ROW_ENTRY,
  ROW_FAMILY,
  ROW_SIZE,
  ROW_SLOT,
  ROW_SPI,
} from '../abi/spd-row.ts';
import { count } from './counters.ts';
import {
  bank0,
  bank1,
  bankRows,
  bankSad,
  bindingRowCount,
  bindingRows,
  saPairs,
  spdEntries,
  treeRows,
} from './regions.ts';
import { slotAddress } from './sad/slot.ts';
import { buildTree } from './spd/cover.ts';

/**
 * Number of the tables in use; the bank is its lowest bit. One store changes both, so they cannot disagree. Starts at 2, so
 * that the zeros of untouched memory never look current to the flow cache.
 */
let generation: u32 = 2;

export function activeGeneration(): u32 {
  return generation;
}

/** The bank that packets of this generation read. */
export function bankAddress(ofGeneration: u32): usize {
  return (ofGeneration & 1) === 0 ? bank0 : bank1;
}

function inactiveBank(): usize {
  return bankAddress(generation + 1);
}

/** Stages the bindings of an SPD entry: `rowCount` rows of the binding region from `firstRow`, which are checked. */
export function stageBindings(entry: u32, firstRow: u32, rowCount: u32): u32 {
  if (entry >= spdEntries) return STAGE_INDEX;
  if (firstRow > bindingRowCount || rowCount > bindingRowCount - firstRow) return STAGE_INDEX;
  for (let index: u32 = 0; index < rowCount; index++) {
    const problem = checkBinding(bindingRows + <usize>(firstRow + index) * ROW_SIZE, entry);
    if (problem !== STAGE_OK) return problem;
  }
  const bindingPtr = inactiveBank() + BANK_BINDINGS + <usize>entry * BINDING_SIZE;
  store<u32>(bindingPtr, firstRow, BINDING_FIRST);
  store<u32>(bindingPtr, rowCount, BINDING_COUNT);
  return STAGE_OK;
}

function checkBinding(rowPtr: usize, entry: u32): u32 {
  const action = load<u32>(rowPtr, ROW_ACTION);
  if (!hasFamily(rowPtr) || load<u32>(rowPtr, ROW_ENTRY) !== entry) return STAGE_ROW;
  if (action === ACTION_ACQUIRE || action === ACTION_BLOCKED) return STAGE_OK;
  if (action !== ACTION_SA) return STAGE_ROW;
  const slotIndex = load<u32>(rowPtr, ROW_SLOT);
  if (slotIndex < saPairs || slotIndex >= 2 * saPairs) return STAGE_SLOT;
  const slotPtr = slotAddress(slotIndex);
  if (load<u32>(slotPtr, SA_STATE) === SA_STATE_EMPTY) return STAGE_SLOT;
  if ((load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_OUTBOUND) === 0) return STAGE_SLOT;
  return load<u32>(slotPtr, SA_SPI) === load<u32>(rowPtr, ROW_SPI) ? STAGE_OK : STAGE_SPI;
}

function hasFamily(rowPtr: usize): bool {
  const family = load<u32>(rowPtr, ROW_FAMILY);
  return family === 4 || family === 6;
}

/**
 * Stages the SPD rows, which the host has written into the inactive bank as a tree: checks them and fills the covers in. If
 * anything is wrong, the bank has no rows: what it had was overwritten, and without rows every packet is dropped.
 *
 * @param rowCount rows and covers together
 */
export function stageSpd(rowCount: u32): u32 {
  if (rowCount > treeRows) return STAGE_INDEX;
  const bankPtr = inactiveBank();
  store<u32>(bankPtr, 0, BANK_ROW_COUNT);
  const problem = buildTree(bankPtr, rowCount);
  if (problem === STAGE_OK) store<u32>(bankPtr, rowCount, BANK_ROW_COUNT);
  return problem;
}

/** Address of the inactive bank's SPD rows, for the host to write. */
export function stagedSpdRows(): usize {
  return inactiveBank() + bankRows;
}

/** Stages what an inbound SPI's place holds: nothing, a pending SPI, or the SA in the slot of that place. */
export function stageSad(place: u32, spi: u32, state: u32): u32 {
  if (place >= saPairs) return STAGE_INDEX;
  if (state === SAD_EMPTY) {
    if (spi !== 0) return STAGE_SPI;
  } else {
    if (spi < 256 || (spi & (saPairs - 1)) !== place) return STAGE_SPI;
    if (state === SAD_LIVE) {
      const slotPtr = slotAddress(place);
      if (load<u32>(slotPtr, SA_STATE) === SA_STATE_EMPTY || load<u32>(slotPtr, SA_SPI) !== spi)
        return STAGE_SLOT;
    } else if (state !== SAD_PENDING) {
      return STAGE_INDEX;
    }
  }
  const sadPtr = inactiveBank() + bankSad + <usize>place * SAD_SIZE;
  store<u32>(sadPtr, spi, SAD_SPI);
  store<u32>(sadPtr, state, SAD_STATE);
  return STAGE_OK;
}

/** Flips the banks: from the next batch on packets see what was staged. Returns the new generation. */
export function commitStaged(): u32 {
  count(COUNTER_COMMITS, 1);
  generation++;
  return generation;
}
