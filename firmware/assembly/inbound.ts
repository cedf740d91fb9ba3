/**
 * What happens to a packet from the unprotected side, top to bottom as RFC 4301 section 5.2: carrier, SAD, replay check,
 * ICV, replay commit, decryption and trailer (ESP), inner packet against the SA's selectors, ECN, lifetimes. Nothing of an
 * unauthenticated packet changes any state but counters.
 */
import { SAD_PENDING, SAD_SIZE, SAD_SPI, SAD_STATE } from '../abi/bank.ts';
import {
  COUNTER_INBOUND_OCTETS,
  COUNTER_INBOUND_PACKETS,
  COUNTER_UNKNOWN_SPI_UNREPORTED,
} from '../abi/counters.ts';
import {
  DESCRIPTOR_FAMILY,
  DESCRIPTOR_INPUT,
  DESCRIPTOR_PAIR_SPI,
  DESCRIPTOR_PEER,
  DESCRIPTOR_PEER_PORT,
  DESCRIPTOR_SIZE,
  DESCRIPTOR_SLOT,
  DESCRIPTOR_VERDICT,
  INPUT_UDP,
} from '../abi/descriptor.ts';
import {
  DROP_DUMMY,
  DROP_ICV,
  DROP_LIFETIME,
  DROP_PROTOCOL_MISMATCH,
  DROP_REPLAY,
  DROP_SA_NOT_READY,
  DROP_SPI_RESERVED,
  DROP_SPI_UNKNOWN,
} from '../abi/drop-code.ts';
import {
  EVENT_FIRST_AUTHENTIC,
  EVENT_PEER_MOVED,
  EVENT_UNKNOWN_SPI,
  UNKNOWN_SPI_EVENTS_PER_SECOND,
} from '../abi/event.ts';
import { HELD_INBOUND } from '../abi/held.ts';
import {
  SA_FLAG_AH,
  SA_FLAG_DELIVER_HOST,
  SA_FLAG_NOTIFY_FIRST_AUTHENTIC,
  SA_FLAG_OUTER_IPV6,
  SA_FLAG_UDP,
  SA_MOVED_AT_SECONDS,
  SA_PAIR_SPI,
  SA_PEER_ADDRESS,
  SA_PEER_PORT,
  SA_RAISED_FIRST_AUTHENTIC,
  SA_STATE,
  SA_STATE_LIVE,
  SA_STATE_STOPPED,
} from '../abi/sa-slot.ts';
import { VERDICT_DELIVER, VERDICT_DELIVER_HOST } from '../abi/verdict.ts';
import { checkAh, receivedAhLength, verifyAh } from './ah/open.ts';
import { count, drop } from './counters.ts';
import { icvLength, payloadOffset } from './esp/geometry.ts';
import { digestAhead } from './esp/icv-ahead.ts';
import { checkLength, payloadLength, payloadNextHeader, readTrailer, verifyAndDecrypt } from './esp/open.ts';
import { raiseSenderEvent } from './events.ts';
import { hold } from './held.ts';
import { innerPayloadLength, takeInner } from './inner-packet.ts';
import { carriesAh, ipsecAddress, ipsecLength, locateIpsec } from './packet/carrier.ts';
import { AH_SEQUENCE, AH_SPI, ESP_SEQUENCE, loadNetwork32, PROTOCOL_NONE } from './packet/ip.ts';
import { bankSad, descriptors, saPairs } from './regions.ts';
import { countPassed, isWithinLifetime, raiseOnce } from './sad/lifetime.ts';
import { accept, fullSequence, isAcceptable } from './sad/replay-window.ts';
import { noteAuthentic, sequenceToTry } from './sad/resync.ts';
import { cipherAddress, hasFlag, replayAddress, slotAddress } from './sad/slot.ts';

/** SPIs of this second that were raised, so that garbage does not keep the control side busy. */
let unknownSecond: u32 = 0;
let unknownRaised: u32 = 0;

/**
 * Runs one packet.
 *
 * @param index   packet slot; its descriptor was checked to lie in the slot
 * @param number  its number in the batch, under which its ICV may have been computed ahead
 * @param bankPtr the bank of this batch
 */
export function inbound(index: u32, number: u32, bankPtr: usize, nowSeconds: u32): void {
  const descriptorPtr = descriptors + <usize>index * DESCRIPTOR_SIZE;

  // 1. Carrier.
  const problem = locateIpsec(descriptorPtr);
  if (problem !== 0) {
    drop(descriptorPtr, problem);
    return;
  }
  const ipsecPtr = ipsecAddress;
  const length = ipsecLength;
  const ah = carriesAh;

  // 2. SAD by SPI: one load, one compare.
  const spi = loadNetwork32(ah ? ipsecPtr + AH_SPI : ipsecPtr);
  const slotIndex = spi & (saPairs - 1);
  const sadPtr = bankPtr + bankSad + <usize>slotIndex * SAD_SIZE;
  if (spi < 256 || load<u32>(sadPtr, SAD_SPI) !== spi) {
    refuseSpi(descriptorPtr, spi, nowSeconds);
    return;
  }
  store<u32>(descriptorPtr, spi, DESCRIPTOR_PAIR_SPI);
  // The peer got its distribution first: the packet waits for ours.
  if (load<u32>(sadPtr, SAD_STATE) === SAD_PENDING) {
    hold(index, HELD_INBOUND, spi);
    return;
  }
  const slotPtr = slotAddress(slotIndex);
  const state = load<u32>(slotPtr, SA_STATE);
  store<u32>(descriptorPtr, slotIndex, DESCRIPTOR_SLOT);
  if (state !== SA_STATE_LIVE) {
    drop(descriptorPtr, state === SA_STATE_STOPPED ? DROP_LIFETIME : DROP_SA_NOT_READY);
    return;
  }

  if (hasFlag(slotPtr, SA_FLAG_AH) !== ah) {
    drop(descriptorPtr, DROP_PROTOCOL_MISMATCH);
    return;
  }

  // 3. Authenticity.
  const refusal = ah
    ? authenticateAh(descriptorPtr, slotIndex, ipsecPtr, length)
    : authenticate(descriptorPtr, number, slotIndex, ipsecPtr, length, nowSeconds);
  if (refusal !== 0) {
    drop(descriptorPtr, refusal);
    return;
  }

  // 4. Trailer and inner packet.
  const rejection = ah
    ? extractAh(descriptorPtr, slotPtr, ipsecPtr, length)
    : extract(descriptorPtr, slotPtr, ipsecPtr, length);
  if (rejection !== 0) {
    drop(descriptorPtr, rejection);
    return;
  }

  // 5. Lifetimes.
  const octets = innerPayloadLength;
  if (!isWithinLifetime(slotPtr, slotPtr, octets, nowSeconds)) {
    drop(descriptorPtr, DROP_LIFETIME);
    return;
  }
  countPassed(slotPtr, slotPtr, octets, nowSeconds);
  count(COUNTER_INBOUND_PACKETS, 1);
  count(COUNTER_INBOUND_OCTETS, octets);
  store<u32>(
    descriptorPtr,
    hasFlag(slotPtr, SA_FLAG_DELIVER_HOST) ? VERDICT_DELIVER_HOST : VERDICT_DELIVER,
    DESCRIPTOR_VERDICT,
  );
}

/** Drops a packet for no SA. The control side hears of the first few of a second: the SA may have been lost in a restart. */
function refuseSpi(descriptorPtr: usize, spi: u32, nowSeconds: u32): void {
  if (spi < 256) {
    drop(descriptorPtr, DROP_SPI_RESERVED);
    return;
  }
  drop(descriptorPtr, DROP_SPI_UNKNOWN);
  if (nowSeconds !== unknownSecond) {
    unknownSecond = nowSeconds;
    unknownRaised = 0;
  }
  if (unknownRaised >= <u32>UNKNOWN_SPI_EVENTS_PER_SECOND) {
    count(COUNTER_UNKNOWN_SPI_UNREPORTED, 1);
    return;
  }
  unknownRaised++;
  raiseFromSender(EVENT_UNKNOWN_SPI, spi, descriptorPtr);
}

function raiseFromSender(kind: u32, spi: u32, descriptorPtr: usize): bool {
  const family = load<u32>(descriptorPtr, DESCRIPTOR_FAMILY);
  const port = load<u32>(descriptorPtr, DESCRIPTOR_PEER_PORT);
  return raiseSenderEvent(kind, spi, family, descriptorPtr + DESCRIPTOR_PEER, port);
}

/**
 * Replay check, ICV, replay commit, decryption (RFC 4303 sections 3.4.3 and 3.4.4).
 *
 * @returns 0, or the reason to drop the packet
 */
function authenticate(
  descriptorPtr: usize,
  number: u32,
  slotIndex: u32,
  espPtr: usize,
  length: u32,
  nowSeconds: u32,
): u32 {
  const slotPtr = slotAddress(slotIndex);
  const windowPtr = replayAddress(slotIndex);
  const problem = checkLength(slotPtr, length);
  if (problem !== 0) return problem;
  const cipherPtr = cipherAddress(slotIndex);
  let sequence = fullSequence(slotPtr, loadNetwork32(espPtr + ESP_SEQUENCE));
  if (!isAcceptable(slotPtr, windowPtr, sequence)) return DROP_REPLAY;
  const digest = digestAhead(number, espPtr + length - icvLength(slotPtr), sequence);
  if (!verifyAndDecrypt(slotPtr, cipherPtr, espPtr, length, sequence, digest)) {
    sequence = sequenceToTry(slotPtr, sequence);
    if (sequence === 0 || !verifyAndDecrypt(slotPtr, cipherPtr, espPtr, length, sequence, 0)) return DROP_ICV;
  }
  // An older packet may have been under way since before the peer moved.
  if (commitReplay(slotPtr, windowPtr, sequence)) noticeMove(descriptorPtr, slotPtr, nowSeconds);
  // Behind the move: whoever sends because the peer was heard knows where it is.
  noticeFirst(slotPtr);
  return 0;
}

/**
 * The same for AH (RFC 4302 sections 3.4.3 and 3.4.4), of which nothing is encrypted.
 *
 * @returns 0, or the reason to drop the packet
 */
function authenticateAh(descriptorPtr: usize, slotIndex: u32, ahPtr: usize, length: u32): u32 {
  const slotPtr = slotAddress(slotIndex);
  const windowPtr = replayAddress(slotIndex);
  const problem = checkAh(descriptorPtr, slotPtr, ahPtr, length);
  if (problem !== 0) return problem;
  const cipherPtr = cipherAddress(slotIndex);
  let sequence = fullSequence(slotPtr, loadNetwork32(ahPtr + AH_SEQUENCE));
  if (!isAcceptable(slotPtr, windowPtr, sequence)) return DROP_REPLAY;
  if (!verifyAh(descriptorPtr, slotPtr, cipherPtr, ahPtr, length, sequence)) {
    sequence = sequenceToTry(slotPtr, sequence);
    if (sequence === 0 || !verifyAh(descriptorPtr, slotPtr, cipherPtr, ahPtr, length, sequence))
      return DROP_ICV;
  }
  commitReplay(slotPtr, windowPtr, sequence);
  noticeFirst(slotPtr);
  return 0;
}

/** Notes an authentic packet. Returns true when its number is the highest so far. */
function commitReplay(slotPtr: usize, windowPtr: usize, sequence: u64): bool {
  noteAuthentic(slotPtr);
  return accept(slotPtr, windowPtr, sequence);
}

/** Raises first-authentic, once for a pair that wants it. */
function noticeFirst(slotPtr: usize): void {
  if (hasFlag(slotPtr, SA_FLAG_NOTIFY_FIRST_AUTHENTIC)) {
    raiseOnce(slotPtr, slotPtr, EVENT_FIRST_AUTHENTIC, SA_RAISED_FIRST_AUTHENTIC);
  }
}

/** RFC 3948, RFC 7296 section 2.23: behind NAT the peer's address may change at any time. Raised once a second at most. */
function noticeMove(descriptorPtr: usize, slotPtr: usize, nowSeconds: u32): void {
  if ((load<u32>(descriptorPtr, DESCRIPTOR_INPUT) & INPUT_UDP) === 0 || !hasFlag(slotPtr, SA_FLAG_UDP))
    return;
  // An SA cannot move to the other family: its own outer address is of this one.
  if ((load<u32>(descriptorPtr, DESCRIPTOR_FAMILY) === 6) !== hasFlag(slotPtr, SA_FLAG_OUTER_IPV6)) return;
  const difference = v128.xor(v128.load(descriptorPtr, DESCRIPTOR_PEER), v128.load(slotPtr, SA_PEER_ADDRESS));
  const samePort = load<u32>(descriptorPtr, DESCRIPTOR_PEER_PORT) === load<u32>(slotPtr, SA_PEER_PORT);
  if (samePort && !v128.any_true(difference)) return;
  // One more than the second, so that zero is "never".
  if (load<u32>(slotPtr, SA_MOVED_AT_SECONDS) === nowSeconds + 1) return;
  if (raiseFromSender(EVENT_PEER_MOVED, load<u32>(slotPtr, SA_PAIR_SPI), descriptorPtr)) {
    store<u32>(slotPtr, nowSeconds + 1, SA_MOVED_AT_SECONDS);
  }
}

/**
 * From the decrypted text to the inner packet that may pass; the descriptor then tells where it is.
 *
 * @returns 0, or the reason to drop it
 */
function extract(descriptorPtr: usize, slotPtr: usize, espPtr: usize, length: u32): u32 {
  const padding = readTrailer(slotPtr, espPtr, length);
  if (padding !== 0) return padding;
  // RFC 4303 section 2.6: dummies are discarded without a word.
  if (payloadNextHeader === PROTOCOL_NONE) return DROP_DUMMY;
  return takeInner(descriptorPtr, slotPtr, espPtr + payloadOffset(slotPtr), payloadLength, payloadNextHeader);
}

/** The same from behind AH. */
function extractAh(descriptorPtr: usize, slotPtr: usize, ahPtr: usize, length: u32): u32 {
  const ahLength = receivedAhLength(ahPtr);
  return takeInner(descriptorPtr, slotPtr, ahPtr + ahLength, length - ahLength, load<u8>(ahPtr));
}
