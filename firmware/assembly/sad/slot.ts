/**
 * SA slots: where the parts of one lie, filling in its keys, and wiping it. The host writes the record itself
 * (host/dataplane/slots.ts); expanded keys are computed here once, so that no packet does key work.
 */
import {
  SAD_LIVE,
  SAD_SIZE,
  SAD_STATE,
  STAGE_INDEX,
  STAGE_KEY,
  STAGE_OK,
  STAGE_SLOT,
} from '../../abi/bank.ts';
import { CIPHER_CONTEXT_SIZE } from '../../abi/crypto-context.ts';
import {
  KEY_STAGING_SIZE,
  REPLAY_SIZE,
  REPLAY_WINDOW_MAX,
  SA_FLAG_AH,
  SA_FLAG_OUTBOUND,
  SA_FLAG_UDP,
  SA_FLAGS,
  SA_REPLAY_WINDOW,
  SA_SELECTOR_COUNT,
  SA_SELECTOR_FIRST,
  SA_SLOT_SIZE,
  SA_SPI,
  SA_STATE,
  SA_STATE_EMPTY,
  SA_STATE_LIVE,
  SA_TFC_LENGTH,
} from '../../abi/sa-slot.ts';
import {
  bank0,
  bank1,
  bankSad,
  bindingRowCount,
  ciphers,
  keyStaging,
  replayWindows,
  saPairs,
  saSlots,
} from '../regions.ts';
import { writeGeometry } from './algorithms.ts';
import { expandKeys } from './keys.ts';

export function slotAddress(slotIndex: u32): usize {
  return saSlots + <usize>slotIndex * SA_SLOT_SIZE;
}

/** True when the SA has one of the SA_FLAG_* bits. */
export function hasFlag(slotPtr: usize, flag: u32): bool {
  return (load<u32>(slotPtr, SA_FLAGS) & flag) !== 0;
}

export function cipherAddress(slotIndex: u32): usize {
  return ciphers + <usize>slotIndex * CIPHER_CONTEXT_SIZE;
}

/** Replay bitmap of an inbound slot. */
export function replayAddress(slotIndex: u32): usize {
  return replayWindows + <usize>slotIndex * REPLAY_SIZE;
}

/** The inbound slot of the pair that a slot belongs to: events raised for the pair are noted there. */
export function pairAddress(slotIndex: u32): usize {
  return slotAddress(slotIndex & (saPairs - 1));
}

/**
 * Makes an SA of a slot whose record the host has written and whose keys lie in the staging area.
 *
 * @returns STAGE_OK, or what is wrong; the slot then stays empty
 * @wipes the staging area, in any case
 */
export function installSa(slotIndex: u32): u32 {
  const problem = tryInstall(slotIndex);
  memory.fill(keyStaging, 0, KEY_STAGING_SIZE);
  if (problem !== STAGE_OK && slotIndex < 2 * saPairs)
    memory.fill(cipherAddress(slotIndex), 0, CIPHER_CONTEXT_SIZE);
  return problem;
}

function tryInstall(slotIndex: u32): u32 {
  if (slotIndex >= 2 * saPairs) return STAGE_INDEX;
  const slotPtr = slotAddress(slotIndex);
  if (load<u32>(slotPtr, SA_STATE) !== SA_STATE_EMPTY || load<u32>(slotPtr, SA_SPI) < 256) return STAGE_SLOT;
  const outbound = slotIndex >= saPairs;
  if (((load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_OUTBOUND) !== 0) !== outbound) return STAGE_SLOT;
  // UDP carries ESP alone (RFC 3948), and TFC padding is ESP's (RFC 4303 section 2.7).
  if (
    hasFlag(slotPtr, SA_FLAG_AH) &&
    (hasFlag(slotPtr, SA_FLAG_UDP) || load<u32>(slotPtr, SA_TFC_LENGTH) !== 0)
  )
    return STAGE_SLOT;
  const window = load<u32>(slotPtr, SA_REPLAY_WINDOW);
  if (window !== 0 && (popcnt(window) !== 1 || window < 64 || window > <u32>REPLAY_WINDOW_MAX))
    return STAGE_SLOT;
  const selectorFirst = load<u32>(slotPtr, SA_SELECTOR_FIRST);
  const selectorCount = load<u32>(slotPtr, SA_SELECTOR_COUNT);
  if (selectorFirst > bindingRowCount || selectorCount > bindingRowCount - selectorFirst) return STAGE_SLOT;
  if (!writeGeometry(slotPtr) || !expandKeys(slotPtr, cipherAddress(slotIndex))) return STAGE_KEY;
  if (!outbound) memory.fill(replayAddress(slotIndex), 0, REPLAY_SIZE);
  store<u32>(slotPtr, SA_STATE_LIVE, SA_STATE);
  return STAGE_OK;
}

/**
 * Zeroes everything that a retired SA left: record, expanded keys, replay bitmap.
 *
 * @returns STAGE_OK; STAGE_SLOT while a bank still leads packets to it
 * @wipes the slot
 */
export function wipeSa(slotIndex: u32): u32 {
  if (slotIndex >= 2 * saPairs) return STAGE_INDEX;
  if (
    slotIndex < saPairs &&
    (sadState(bank0, slotIndex) === SAD_LIVE || sadState(bank1, slotIndex) === SAD_LIVE)
  ) {
    return STAGE_SLOT;
  }
  memory.fill(slotAddress(slotIndex), 0, SA_SLOT_SIZE);
  memory.fill(cipherAddress(slotIndex), 0, CIPHER_CONTEXT_SIZE);
  if (slotIndex < saPairs) memory.fill(replayAddress(slotIndex), 0, REPLAY_SIZE);
  return STAGE_OK;
}

function sadState(bankPtr: usize, place: u32): u32 {
  return load<u32>(bankPtr + bankSad + <usize>place * SAD_SIZE, SAD_STATE);
}
