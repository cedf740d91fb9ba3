/**
 * ICVs of received packets computed ahead, several at once, before inbound.ts looks at each: only for packets that it will
 * probably ask for, and only as a beginning. inbound.ts decides everything anew, and computes an ICV itself where the
 * sequence number has meanwhile come to mean another.
 */
import { SAD_LIVE, SAD_SIZE, SAD_SPI, SAD_STATE } from '../../abi/bank.ts';
import {
  DESCRIPTOR_INPUT,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_SIZE,
  DESCRIPTOR_START,
  INPUT_WHOLE,
} from '../../abi/descriptor.ts';
import { SA_FLAG_AH, SA_FLAG_ESN, SA_INTEGRITY, SA_STATE, SA_STATE_LIVE } from '../../abi/sa-slot.ts';
import { carriesAh, ipsecAddress, ipsecLength, locateIpsec } from '../packet/carrier.ts';
import {
  ESP_HEADER,
  ESP_SEQUENCE,
  IPV4_PROTOCOL,
  IPV6_HEADER,
  IPV6_NEXT_HEADER,
  loadNetwork32,
  PROTOCOL_UDP,
  UDP_HEADER,
} from '../packet/ip.ts';
import { bankSad, descriptors, saPairs } from '../regions.ts';
import { fullSequence, isAcceptable } from '../sad/replay-window.ts';
import { cipherAddress, hasFlag, replayAddress, slotAddress } from '../sad/slot.ts';
import { icvLength } from './geometry.ts';
import { collectIcv, computeIcvs, digestOf, hasLanes } from './icv-lanes.ts';
import { checkLength } from './open.ts';

/** What was computed for a packet of the batch: u32 address of its ICV (0: nothing), u32 that stood there, u64 sequence number. */
const AHEAD_ICV: usize = 0;
const AHEAD_SAVED: usize = 4;
const AHEAD_SEQUENCE: usize = 8;
const AHEAD_SIZE: usize = 16;
const AHEAD: usize = memory.data(1024, 16);

/** Looks at packet slot `index` as number `number` of a batch; its descriptor was checked to lie in the slot. */
export function lookAhead(index: u32, number: u32, bankPtr: usize): void {
  const ahead = AHEAD + <usize>number * AHEAD_SIZE;
  store<u32>(ahead, 0, AHEAD_ICV);
  const descriptorPtr = descriptors + <usize>index * DESCRIPTOR_SIZE;
  const slotIndex = probableSlot(descriptorPtr, bankPtr);
  if (slotIndex === u32.MAX_VALUE) return;
  const slotPtr = slotAddress(slotIndex);
  const integrity = load<u32>(slotPtr, SA_INTEGRITY);
  if (!hasLanes(integrity) || hasFlag(slotPtr, SA_FLAG_AH)) return;
  if (locateIpsec(descriptorPtr) !== 0 || carriesAh) return;
  const espPtr = ipsecAddress;
  if (checkLength(slotPtr, ipsecLength) !== 0) return;
  const sequence = fullSequence(slotPtr, loadNetwork32(espPtr + ESP_SEQUENCE));
  if (!isAcceptable(slotPtr, replayAddress(slotIndex), sequence)) return;
  const icvPtr = espPtr + ipsecLength - icvLength(slotPtr);
  store<u32>(ahead, <u32>icvPtr, AHEAD_ICV);
  store<u32>(ahead, load<u32>(icvPtr), AHEAD_SAVED);
  store<u64>(ahead, sequence, AHEAD_SEQUENCE);
  const extended = hasFlag(slotPtr, SA_FLAG_ESN);
  collectIcv(integrity, cipherAddress(slotIndex), espPtr, icvPtr, sequence, extended, number);
}

/** The same for a packet that is not to be touched. */
export function lookNowhere(number: u32): void {
  store<u32>(AHEAD + <usize>number * AHEAD_SIZE, 0, AHEAD_ICV);
}

/** Computes what was collected for the first `count` packets of the batch; they are then as they were received. */
export function computeAhead(count: u32): void {
  computeIcvs();
  for (let number: u32 = 0; number < count; number++) {
    const ahead = AHEAD + <usize>number * AHEAD_SIZE;
    const icvPtr = <usize>load<u32>(ahead, AHEAD_ICV);
    if (icvPtr !== 0) store<u32>(icvPtr, load<u32>(ahead, AHEAD_SAVED));
  }
}

/** The digest of packet `number` whose ICV is at `icvPtr`, if it was computed for this sequence number; otherwise 0. */
export function digestAhead(number: u32, icvPtr: usize, sequence: u64): usize {
  const ahead = AHEAD + <usize>number * AHEAD_SIZE;
  if (<usize>load<u32>(ahead, AHEAD_ICV) !== icvPtr) return 0;
  return load<u64>(ahead, AHEAD_SEQUENCE) === sequence ? digestOf(number) : 0;
}

/** The live inbound slot of the SPI that stands where an SPI usually does, or all ones. Only a guess: locateIpsec says where it is. */
function probableSlot(descriptorPtr: usize, bankPtr: usize): u32 {
  const startPtr = <usize>load<u32>(descriptorPtr, DESCRIPTOR_START);
  const length = load<u32>(descriptorPtr, DESCRIPTOR_LENGTH);
  const whole = (load<u32>(descriptorPtr, DESCRIPTOR_INPUT) & INPUT_WHOLE) !== 0;
  const offset = whole && length >= IPV6_HEADER ? headerLength(startPtr) : 0;
  if (length < offset + ESP_HEADER) return u32.MAX_VALUE;
  const spi = loadNetwork32(startPtr + offset);
  const slotIndex = spi & (saPairs - 1);
  const sadPtr = bankPtr + bankSad + <usize>slotIndex * SAD_SIZE;
  if (load<u32>(sadPtr, SAD_SPI) !== spi || load<u32>(sadPtr, SAD_STATE) !== SAD_LIVE) return u32.MAX_VALUE;
  return load<u32>(slotAddress(slotIndex), SA_STATE) === SA_STATE_LIVE ? slotIndex : u32.MAX_VALUE;
}

/** Octets of an IP header, and of UDP's behind it, without IPv6 extension headers. Reads IPV6_HEADER octets. */
function headerLength(headerPtr: usize): u32 {
  const first = <u32>load<u8>(headerPtr);
  const ipv6 = first >> 4 === 6;
  const protocol = <u32>load<u8>(headerPtr + (ipv6 ? IPV6_NEXT_HEADER : IPV4_PROTOCOL));
  return (ipv6 ? IPV6_HEADER : (first & 15) << 2) + (protocol === PROTOCOL_UDP ? UDP_HEADER : 0);
}
