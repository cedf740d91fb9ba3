/**
 * What happens to a packet from the protected side, top to bottom as RFC 4301 section 5.1: header, SPD, SA, lifetimes,
 * inner header, sequence number, ESP, outer header. A packet that is dropped is left as it was, so that the host can quote
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
  DESCRIPTOR_DONT_FRAGMENT,
  DESCRIPTOR_ENTRY,
  DESCRIPTOR_ESP_LENGTH,
  DESCRIPTOR_ESP_START,
  DESCRIPTOR_FAMILY,
  DESCRIPTOR_INPUT,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LOCAL,
  DESCRIPTOR_LOCAL_PORT,
  DESCRIPTOR_MTU,
  DESCRIPTOR_PAIR_SPI,
  DESCRIPTOR_PEER,
  DESCRIPTOR_PEER_PORT,
  DESCRIPTOR_SIZE,
  DESCRIPTOR_SLOT,
  DESCRIPTOR_START,
  DESCRIPTOR_TOS,
  DESCRIPTOR_TTL,
  DESCRIPTOR_UDP,
  DESCRIPTOR_VERDICT,
  INPUT_DECREMENT_TTL,
  INPUT_THROUGH,
  SLOT_NONE,
} from '../abi/descriptor.ts';
import {
  DROP_BLOCKED,
  DROP_LIFETIME,
  DROP_NO_SPD_ENTRY,
  DROP_PACKET_TOO_BIG,
  DROP_SA_NOT_READY,
  DROP_SELECTOR_MISMATCH,
  DROP_SEQUENCE_EXHAUSTED,
  DROP_SPD_DISCARD,
  DROP_TRANSPORT_FRAGMENT,
  DROP_TTL_EXCEEDED,
} from '../abi/drop-code.ts';
import { EVENT_ACQUIRE } from '../abi/event.ts';
import { HELD_OUTBOUND } from '../abi/held.ts';
import {
  SA_DSCP,
  SA_FLAG_DF_CLEAR,
  SA_FLAG_DF_SET,
  SA_FLAG_DSCP_SET,
  SA_FLAG_ESN,
  SA_FLAG_OUTER_IPV6,
  SA_FLAG_TRANSPORT,
  SA_FLAG_UDP,
  SA_FLAGS,
  SA_LOCAL_ADDRESS,
  SA_LOCAL_PORT,
  SA_PAIR_SPI,
  SA_PATH_MTU,
  SA_PEER_ADDRESS,
  SA_PEER_PORT,
  SA_SELECTOR_COUNT,
  SA_SELECTOR_FIRST,
  SA_SEQUENCE,
  SA_SPI,
  SA_STATE,
  SA_STATE_LIVE,
  SA_STATE_STOPPED,
  SA_SUITE,
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
import { count, drop } from './counters.ts';
import { largestPayload, seal, sealedLength } from './esp/seal.ts';
import { payloadOffset } from './esp/suite.ts';
import { raiseAcquire } from './events.ts';
import { hold } from './held.ts';
import { checksum } from './packet/checksum.ts';
import { ECN_MASK } from './packet/ecn.ts';
import {
  FRAGMENT_NONE,
  inspect,
  packetDontFragment,
  packetFamily,
  packetFragment,
  packetInsertion,
  packetInsertionNameOffset,
  packetLength,
  packetTos,
  packetTtl,
} from './packet/inspect.ts';
import {
  IPV4_CHECKSUM,
  IPV4_LENGTH,
  IPV4_TTL,
  IPV6_HEADER,
  IPV6_HOP_LIMIT,
  IPV6_LENGTH,
  PROTOCOL_ESP,
  PROTOCOL_IPV4,
  PROTOCOL_IPV6,
  PROTOCOL_UDP,
  storeNetwork16,
  UDP_HEADER,
} from './packet/ip.ts';
import {
  OUTER_TTL,
  outerHeaderLength,
  writeIpv4,
  writeIpv6,
  writeUdp,
  writeUdpChecksum,
} from './packet/outer-header.ts';
import { decrementTtl } from './packet/rewrite.ts';
import { bankSad, bindingRows, descriptors, entryStates, saPairs } from './regions.ts';
import { countPassed, isWithinLifetime, stop } from './sad/lifetime.ts';
import { cipherAddress, pairAddress, slotAddress } from './sad/slot.ts';
import { lookup } from './spd/lookup.ts';
import { firstMatch } from './spd/selector-match.ts';

/** Every IPv6 link carries this (RFC 8200 section 5): asking a sender for less is useless, so such packets are fragmented outside. */
const IPV6_MINIMUM_MTU: u32 = 1280;
const IPV4_MINIMUM_MTU: u32 = 68;
const PACKET_LENGTH_MAX: u32 = 65535;

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
  const problem = inspect(packetPtr, load<u32>(descriptorPtr, DESCRIPTOR_LENGTH), true);
  if (problem !== 0) {
    drop(descriptorPtr, problem);
    return;
  }

  // 2. SPD, 3. SA.
  const slotIndex =
    (load<u32>(descriptorPtr, DESCRIPTOR_INPUT) & INPUT_THROUGH) !== 0
      ? selectPair(descriptorPtr, bankPtr)
      : selectByPolicy(index, descriptorPtr, bankPtr, generation, nowSeconds);
  if (slotIndex === SLOT_NONE) return;
  const slotPtr = slotAddress(slotIndex);
  store<u32>(descriptorPtr, slotIndex, DESCRIPTOR_SLOT);
  store<u32>(descriptorPtr, load<u32>(slotPtr, SA_PAIR_SPI), DESCRIPTOR_PAIR_SPI);

  // 4. What the SA allows; nothing is changed yet.
  const refusal = checkEncapsulation(descriptorPtr, slotPtr);
  if (refusal !== 0) {
    drop(descriptorPtr, refusal);
    return;
  }
  const pairPtr = pairAddress(slotIndex);
  const payloadLength = hasFlag(slotPtr, SA_FLAG_TRANSPORT) ? packetLength - packetInsertion : packetLength;
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

  // 6. Inner header, ESP, outer header.
  if ((load<u32>(descriptorPtr, DESCRIPTOR_INPUT) & INPUT_DECREMENT_TTL) !== 0)
    decrementTtl(packetPtr, packetFamily);
  if (hasFlag(slotPtr, SA_FLAG_TRANSPORT)) sealTransport(descriptorPtr, slotIndex, packetPtr, last + 1);
  else sealTunnel(descriptorPtr, slotIndex, packetPtr, last + 1);
  countPassed(slotPtr, pairPtr, payloadLength, nowSeconds);
  count(COUNTER_OUTBOUND_PACKETS, 1);
  count(COUNTER_OUTBOUND_OCTETS, payloadLength);
  store<u32>(descriptorPtr, VERDICT_SEND, DESCRIPTOR_VERDICT);
}

function hasFlag(slotPtr: usize, flag: u32): bool {
  return (load<u32>(slotPtr, SA_FLAGS) & flag) !== 0;
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

/** The outbound slot of the pair that the host names, or SLOT_NONE after dropping. */
function selectPair(descriptorPtr: usize, bankPtr: usize): u32 {
  const pairSpi = load<u32>(descriptorPtr, DESCRIPTOR_PAIR_SPI);
  const place = pairSpi & (saPairs - 1);
  const sadPtr = bankPtr + bankSad + <usize>place * SAD_SIZE;
  if (load<u32>(sadPtr, SAD_SPI) !== pairSpi || load<u32>(sadPtr, SAD_STATE) !== SAD_LIVE) {
    drop(descriptorPtr, DROP_SA_NOT_READY);
    return SLOT_NONE;
  }
  const slotPtr = slotAddress(saPairs + place);
  const slotIndex = checkSlot(descriptorPtr, saPairs + place, load<u32>(slotPtr, SA_SPI));
  if (slotIndex === SLOT_NONE) return SLOT_NONE;
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

/** Whether the packet may go through the SA as it is: fragment, MTU, TTL. Returns 0 or the reason to drop it. */
function checkEncapsulation(descriptorPtr: usize, slotPtr: usize): u32 {
  const suite = load<u32>(slotPtr, SA_SUITE);
  const transport = hasFlag(slotPtr, SA_FLAG_TRANSPORT);
  // RFC 4303 section 3.3.4: transport mode is applied to whole packets only.
  if (transport && packetFragment !== FRAGMENT_NONE) return DROP_TRANSPORT_FRAGMENT;
  const header = transport ? packetInsertion : outerHeaderLength(hasFlag(slotPtr, SA_FLAG_OUTER_IPV6));
  const overhead = header + (hasFlag(slotPtr, SA_FLAG_UDP) ? UDP_HEADER : 0);
  const payloadLength = transport ? packetLength - packetInsertion : packetLength;
  const outerLength = overhead + sealedLength(suite, payloadLength);
  const pathMtu = load<u32>(slotPtr, SA_PATH_MTU);
  const limit =
    pathMtu === 0 || !outerDontFragment(slotPtr) ? PACKET_LENGTH_MAX : min(pathMtu, PACKET_LENGTH_MAX);
  if (outerLength > limit) {
    const fits = largestPayload(suite, max(limit, overhead) - overhead) + (transport ? packetInsertion : 0);
    store<u32>(
      descriptorPtr,
      max(fits, packetFamily === 6 ? IPV6_MINIMUM_MTU : IPV4_MINIMUM_MTU),
      DESCRIPTOR_MTU,
    );
    return DROP_PACKET_TOO_BIG;
  }
  const decrement = (load<u32>(descriptorPtr, DESCRIPTOR_INPUT) & INPUT_DECREMENT_TTL) !== 0;
  if (decrement && packetTtl <= 1) return DROP_TTL_EXCEEDED;
  return 0;
}

/** True when the packet must not be fragmented outside either (RFC 4301 section 8.1). */
function outerDontFragment(slotPtr: usize): bool {
  if (packetFamily === 6 && packetLength <= IPV6_MINIMUM_MTU) return false;
  if (hasFlag(slotPtr, SA_FLAG_TRANSPORT)) return packetDontFragment;
  if (hasFlag(slotPtr, SA_FLAG_DF_SET)) return true;
  return !hasFlag(slotPtr, SA_FLAG_DF_CLEAR) && packetDontFragment;
}

/** RFC 4303 section 3.1.2: the whole packet becomes the payload. */
function sealTunnel(descriptorPtr: usize, slotIndex: u32, packetPtr: usize, sequence: u64): void {
  const slotPtr = slotAddress(slotIndex);
  const nextHeader = packetFamily === 6 ? PROTOCOL_IPV6 : PROTOCOL_IPV4;
  const espLength = seal(slotPtr, cipherAddress(slotIndex), packetPtr, packetLength, nextHeader, sequence);
  const espPtr = packetPtr - payloadOffset(load<u32>(slotPtr, SA_SUITE));
  const ipv6 = hasFlag(slotPtr, SA_FLAG_OUTER_IPV6);
  const udp = hasFlag(slotPtr, SA_FLAG_UDP);
  const carrierPtr = udp ? espPtr - UDP_HEADER : espPtr;
  const headerPtr = carrierPtr - outerHeaderLength(ipv6);
  const length = <u32>(espPtr - headerPtr) + espLength;
  // RFC 4301 section 5.1.2.1 for DSCP; RFC 6040 section 4.1: ECN is copied.
  const tos = hasFlag(slotPtr, SA_FLAG_DSCP_SET)
    ? (load<u32>(slotPtr, SA_DSCP) << 2) | (packetTos & ECN_MASK)
    : packetTos;
  const dontFragment = outerDontFragment(slotPtr);
  const protocol = udp ? PROTOCOL_UDP : PROTOCOL_ESP;
  if (ipv6) writeIpv6(slotPtr, headerPtr, length, protocol, tos);
  else writeIpv4(slotPtr, headerPtr, length, protocol, tos, dontFragment);
  if (udp) writeUdp(slotPtr, carrierPtr, espLength);
  if (udp && ipv6) writeUdpChecksum(headerPtr, carrierPtr, UDP_HEADER + espLength);
  // A source may fragment IPv6 itself, so there DF says nothing.
  describe(
    descriptorPtr,
    slotPtr,
    headerPtr,
    length,
    espPtr,
    espLength,
    tos,
    dontFragment && !ipv6,
    OUTER_TTL,
  );
}

/** RFC 4303 section 3.1.1: ESP goes between the packet's own header and what that header carries. */
function sealTransport(descriptorPtr: usize, slotIndex: u32, packetPtr: usize, sequence: u64): void {
  const slotPtr = slotAddress(slotIndex);
  const payloadPtr = packetPtr + packetInsertion;
  const espPtr = payloadPtr - payloadOffset(load<u32>(slotPtr, SA_SUITE));
  const udp = hasFlag(slotPtr, SA_FLAG_UDP);
  const carrierPtr = udp ? espPtr - UDP_HEADER : espPtr;
  const headerPtr = carrierPtr - packetInsertion;
  memory.copy(headerPtr, packetPtr, packetInsertion);
  const nextHeader = load<u8>(headerPtr + packetInsertionNameOffset);
  const payloadLength = packetLength - packetInsertion;
  const espLength = seal(slotPtr, cipherAddress(slotIndex), payloadPtr, payloadLength, nextHeader, sequence);
  const length = <u32>(espPtr - headerPtr) + espLength;
  store<u8>(headerPtr + packetInsertionNameOffset, <u8>(udp ? PROTOCOL_UDP : PROTOCOL_ESP));
  if (udp) writeUdp(slotPtr, carrierPtr, espLength);
  if (packetFamily === 6) {
    storeNetwork16(headerPtr + IPV6_LENGTH, length - IPV6_HEADER);
    if (udp) writeUdpChecksum(headerPtr, carrierPtr, UDP_HEADER + espLength);
  } else {
    storeNetwork16(headerPtr + IPV4_LENGTH, length);
    store<u16>(headerPtr + IPV4_CHECKSUM, 0);
    store<u16>(headerPtr + IPV4_CHECKSUM, checksum(headerPtr, packetInsertion));
  }
  const dontFragment = packetFamily === 4 && packetDontFragment;
  const ttl = <u32>load<u8>(headerPtr + (packetFamily === 6 ? IPV6_HOP_LIMIT : IPV4_TTL));
  describe(descriptorPtr, slotPtr, headerPtr, length, espPtr, espLength, packetTos, dontFragment, ttl);
}

/** Tells the host where the packet is now and how its carrier has to be addressed. */
function describe(
  descriptorPtr: usize,
  slotPtr: usize,
  headerPtr: usize,
  length: u32,
  espPtr: usize,
  espLength: u32,
  tos: u32,
  dontFragment: bool,
  ttl: u32,
): void {
  store<u32>(descriptorPtr, <u32>headerPtr, DESCRIPTOR_START);
  store<u32>(descriptorPtr, length, DESCRIPTOR_LENGTH);
  store<u32>(descriptorPtr, <u32>espPtr, DESCRIPTOR_ESP_START);
  store<u32>(descriptorPtr, espLength, DESCRIPTOR_ESP_LENGTH);
  store<u32>(descriptorPtr, tos, DESCRIPTOR_TOS);
  store<u32>(descriptorPtr, dontFragment ? 1 : 0, DESCRIPTOR_DONT_FRAGMENT);
  store<u32>(descriptorPtr, ttl, DESCRIPTOR_TTL);
  store<u32>(descriptorPtr, hasFlag(slotPtr, SA_FLAG_OUTER_IPV6) ? 6 : 4, DESCRIPTOR_FAMILY);
  const udp = hasFlag(slotPtr, SA_FLAG_UDP);
  store<u32>(descriptorPtr, udp ? 1 : 0, DESCRIPTOR_UDP);
  store<u32>(descriptorPtr, udp ? load<u32>(slotPtr, SA_PEER_PORT) : 0, DESCRIPTOR_PEER_PORT);
  store<u32>(descriptorPtr, udp ? load<u32>(slotPtr, SA_LOCAL_PORT) : 0, DESCRIPTOR_LOCAL_PORT);
  v128.store(descriptorPtr, v128.load(slotPtr, SA_PEER_ADDRESS), DESCRIPTOR_PEER);
  v128.store(descriptorPtr, v128.load(slotPtr, SA_LOCAL_ADDRESS), DESCRIPTOR_LOCAL);
}
