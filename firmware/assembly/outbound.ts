/**
 * What happens to a packet from the protected side, top to bottom as RFC 4301 section 5.1: header, SPD, SA, lifetimes,
 * inner header, sequence number, ESP or AH, outer header. A packet that is dropped is left as it was, so that the host can quote
 * it in an ICMP error.
 */
import {
  ENTRY_STATE_GENERATION,
  ENTRY_STATE_SECOND,
  ENTRY_STATE_SIZE,
  SAD_LIVE,
  SAD_SIZE,
  SAD_SPI,
  SAD_STATE,
} from '../abi/bank.ts';
import {
  COUNTER_BYPASSED_PACKETS,
  COUNTER_OUTBOUND_OCTETS,
  COUNTER_OUTBOUND_PACKETS,
} from '../abi/counters.ts';
import {
  DESCRIPTOR_ENTRY,
  DESCRIPTOR_INPUT,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_PAIR_SPI,
  DESCRIPTOR_SIZE,
  DESCRIPTOR_SLOT,
  DESCRIPTOR_START,
  DESCRIPTOR_VERDICT,
  INPUT_DECREMENT_TTL,
  INPUT_DUMMY,
  INPUT_THROUGH,
  SLOT_NONE,
} from '../abi/descriptor.ts';
import {
  DROP_BLOCKED,
  DROP_HEADER_MALFORMED,
  DROP_LIFETIME,
  DROP_NO_SPD_ENTRY,
  DROP_SA_NOT_READY,
  DROP_SELECTOR_MISMATCH,
  DROP_SEQUENCE_EXHAUSTED,
  DROP_SPD_DISCARD,
} from '../abi/drop-code.ts';
import { EVENT_ACQUIRE } from '../abi/event.ts';
import { HELD_OUTBOUND } from '../abi/held.ts';
import {
  SA_FLAG_AH,
  SA_FLAG_ESN,
  SA_PAIR_SPI,
  SA_SELECTOR_COUNT,
  SA_SELECTOR_FIRST,
  SA_SEQUENCE,
  SA_SPI,
  SA_STATE,
  SA_STATE_LIVE,
  SA_STATE_STOPPED,
} from '../abi/sa-slot.ts';
import {
  ACTION_BLOCKED,
  ACTION_BYPASS,
  ACTION_DISCARD,
  ACTION_SA,
  ROW_ACTION,
  ROW_ENTRY,
  ROW_SIZE,
  ROW_SLOT,
  ROW_SPI,
} from '../abi/spd-row.ts';
import { VERDICT_BYPASS, VERDICT_SEND } from '../abi/verdict.ts';
import { encapsulateAh } from './ah/encapsulate.ts';
import { count, drop } from './counters.ts';
import { checkEncapsulation, encapsulate, payloadLengthOf } from './esp/encapsulate.ts';
import { raiseAcquire } from './events.ts';
import { hold } from './held.ts';
import { inspect, inspectDummy, packetFamily } from './packet/inspect.ts';
import { decrementTtl } from './packet/rewrite.ts';
import { bankSad, bindingRows, descriptors, entryStates, saPairs } from './regions.ts';
import { countPassed, isWithinLifetime, stop } from './sad/lifetime.ts';
import { hasFlag, pairAddress, slotAddress } from './sad/slot.ts';
import { lookup } from './spd/lookup.ts';
import { firstMatch } from './spd/selector-match.ts';

/**
 * Runs one packet.
 *
 * @param index      packet slot; its descriptor was checked to lie in the slot
 * @param bankPtr    the bank of this batch
 * @param generation its generation
 */
export function outbound(index: u32, bankPtr: usize, generation: u32, nowSeconds: u32): void {
  const descriptorPtr = descriptors + <usize>index * DESCRIPTOR_SIZE;
  const packetPtr = <usize>load<u32>(descriptorPtr, DESCRIPTOR_START);

  // 1. Header.
  const input = load<u32>(descriptorPtr, DESCRIPTOR_INPUT);
  const problem = inspectInput(input, packetPtr, load<u32>(descriptorPtr, DESCRIPTOR_LENGTH));
  if (problem !== 0) {
    drop(descriptorPtr, problem);
    return;
  }

  // 2. SPD, 3. SA.
  const slotIndex =
    (input & INPUT_THROUGH) !== 0
      ? selectPair(descriptorPtr, bankPtr, (input & INPUT_DUMMY) !== 0)
      : selectByPolicy(index, descriptorPtr, bankPtr, generation, nowSeconds);
  if (slotIndex === SLOT_NONE) return;
  const slotPtr = slotAddress(slotIndex);
  store<u32>(descriptorPtr, slotIndex, DESCRIPTOR_SLOT);
  store<u32>(descriptorPtr, load<u32>(slotPtr, SA_PAIR_SPI), DESCRIPTOR_PAIR_SPI);

  // 4. What the SA allows; nothing is changed yet.
  const payloadLength = payloadLengthOf(descriptorPtr, slotPtr);
  const refusal = checkEncapsulation(descriptorPtr, slotPtr, payloadLength);
  if (refusal !== 0) {
    drop(descriptorPtr, refusal);
    return;
  }
  const pairPtr = pairAddress(slotIndex);
  if (!isWithinLifetime(slotPtr, pairPtr, payloadLength, nowSeconds)) {
    drop(descriptorPtr, DROP_LIFETIME);
    return;
  }

  // 5. Sequence number: taken for good before it is used, and never wraps (RFC 4303 section 3.3.3).
  const last = load<u64>(slotPtr, SA_SEQUENCE);
  const limit: u64 = hasFlag(slotPtr, SA_FLAG_ESN) ? u64.MAX_VALUE : <u64>u32.MAX_VALUE;
  if (last >= limit) {
    stop(slotPtr, pairPtr);
    drop(descriptorPtr, DROP_SEQUENCE_EXHAUSTED);
    return;
  }
  store<u64>(slotPtr, last + 1, SA_SEQUENCE);

  // 6. Inner header, ESP or AH, outer header.
  if ((input & INPUT_DECREMENT_TTL) !== 0) decrementTtl(packetPtr, packetFamily);
  if (hasFlag(slotPtr, SA_FLAG_AH))
    encapsulateAh(descriptorPtr, slotIndex, packetPtr, payloadLength, last + 1);
  else encapsulate(descriptorPtr, slotIndex, packetPtr, payloadLength, last + 1);
  countPassed(slotPtr, pairPtr, payloadLength, nowSeconds);
  count(COUNTER_OUTBOUND_PACKETS, 1);
  count(COUNTER_OUTBOUND_OCTETS, payloadLength);
  store<u32>(descriptorPtr, VERDICT_SEND, DESCRIPTOR_VERDICT);
}

/** Inspects what is to be sent; a dummy is no packet, and only goes through the pair that the host names. */
function inspectInput(input: u32, packetPtr: usize, length: u32): u32 {
  if ((input & INPUT_DUMMY) === 0) return inspect(packetPtr, length, true);
  if ((input & INPUT_THROUGH) === 0) return DROP_HEADER_MALFORMED;
  memory.fill(packetPtr, 0, length);
  inspectDummy(length);
  return 0;
}

/** The outbound slot that the SPD says, or SLOT_NONE after giving another verdict. */
function selectByPolicy(
  index: u32,
  descriptorPtr: usize,
  bankPtr: usize,
  generation: u32,
  nowSeconds: u32,
): u32 {
  const rowPtr = lookup(bankPtr, generation);
  if (rowPtr === 0) {
    drop(descriptorPtr, DROP_NO_SPD_ENTRY);
    return SLOT_NONE;
  }
  const entry = load<u32>(rowPtr, ROW_ENTRY);
  const action = load<u32>(rowPtr, ROW_ACTION);
  store<u32>(descriptorPtr, entry, DESCRIPTOR_ENTRY);
  if (action === ACTION_SA) {
    const slotIndex = load<u32>(rowPtr, ROW_SLOT);
    return checkSlot(descriptorPtr, slotIndex, load<u32>(rowPtr, ROW_SPI));
  }
  if (action === ACTION_BYPASS) {
    count(COUNTER_BYPASSED_PACKETS, 1);
    store<u32>(descriptorPtr, VERDICT_BYPASS, DESCRIPTOR_VERDICT);
  } else if (action === ACTION_DISCARD) {
    drop(descriptorPtr, DROP_SPD_DISCARD);
  } else if (action === ACTION_BLOCKED) {
    drop(descriptorPtr, DROP_BLOCKED);
  } else {
    acquire(entry, generation, nowSeconds);
    hold(index, HELD_OUTBOUND, entry);
  }
  return SLOT_NONE;
}

/**
 * Asks for an SA: at most once a second for an entry, but again after each change of the tables, because the change may have
 * answered the request of another kind.
 */
function acquire(entry: u32, generation: u32, nowSeconds: u32): void {
  const statePtr = entryStates + <usize>entry * ENTRY_STATE_SIZE;
  if (
    load<u32>(statePtr, ENTRY_STATE_GENERATION) === generation &&
    load<u32>(statePtr, ENTRY_STATE_SECOND) === nowSeconds
  ) {
    return;
  }
  if (!raiseAcquire(EVENT_ACQUIRE, entry)) return;
  store<u32>(statePtr, generation, ENTRY_STATE_GENERATION);
  store<u32>(statePtr, nowSeconds, ENTRY_STATE_SECOND);
}

/** The outbound slot of the pair that the host names, or SLOT_NONE after dropping. A dummy has nothing that selectors could match. */
function selectPair(descriptorPtr: usize, bankPtr: usize, isDummy: bool): u32 {
  const pairSpi = load<u32>(descriptorPtr, DESCRIPTOR_PAIR_SPI);
  const place = pairSpi & (saPairs - 1);
  const sadPtr = bankPtr + bankSad + <usize>place * SAD_SIZE;
  if (load<u32>(sadPtr, SAD_SPI) !== pairSpi || load<u32>(sadPtr, SAD_STATE) !== SAD_LIVE) {
    drop(descriptorPtr, DROP_SA_NOT_READY);
    return SLOT_NONE;
  }
  const slotPtr = slotAddress(saPairs + place);
  const slotIndex = checkSlot(descriptorPtr, saPairs + place, load<u32>(slotPtr, SA_SPI));
  if (slotIndex === SLOT_NONE || isDummy) return slotIndex;
  const selectorsPtr = bindingRows + <usize>load<u32>(slotPtr, SA_SELECTOR_FIRST) * ROW_SIZE;
  if (firstMatch(selectorsPtr, load<u32>(slotPtr, SA_SELECTOR_COUNT)) === 0) {
    drop(descriptorPtr, DROP_SELECTOR_MISMATCH);
    return SLOT_NONE;
  }
  return slotIndex;
}

/** The slot if it is live and still the SA meant; otherwise drops. */
function checkSlot(descriptorPtr: usize, slotIndex: u32, spi: u32): u32 {
  const slotPtr = slotAddress(slotIndex);
  const state = load<u32>(slotPtr, SA_STATE);
  if (state === SA_STATE_LIVE && load<u32>(slotPtr, SA_SPI) === spi) return slotIndex;
  drop(descriptorPtr, state === SA_STATE_STOPPED ? DROP_LIFETIME : DROP_SA_NOT_READY);
  return SLOT_NONE;
}
