/**
 * Puts AH into the inspected packet (transport mode) or before it, behind an outer header (tunnel mode), in place (RFC 4302
 * sections 3.1 and 3.3). Whether it fits was checked with ESP's (`esp/encapsulate.ts`); decides no SA, lifetime or sequence
 * number. One packet at a time: unlike ESP's, the ICV depends on the outer header.
 */
import { ENCRYPTION_AES_GMAC } from '../../abi/algorithm.ts';
import { SA_ENCRYPTION, SA_FLAG_OUTER_IPV6, SA_FLAG_TRANSPORT, SA_SPI } from '../../abi/sa-slot.ts';
import { describe, outerDontFragment, outerTos } from '../esp/encapsulate.ts';
import { icvLength, ivLength } from '../esp/geometry.ts';
import { DIGEST } from '../esp/integrity.ts';
import { writeCounterIv } from '../esp/nonce.ts';
import {
  packetDontFragment,
  packetFamily,
  packetInsertion,
  packetInsertionNameOffset,
  packetTos,
} from '../packet/inspect.ts';
import {
  AH_HEADER,
  AH_PAYLOAD_LENGTH,
  AH_RESERVED,
  AH_SEQUENCE,
  AH_SPI,
  IPV4_IDENTIFICATION,
  IPV4_TTL,
  IPV6_HOP_LIMIT,
  PROTOCOL_AH,
  PROTOCOL_IPV4,
  PROTOCOL_IPV6,
  storeNetwork16,
  storeNetwork32,
} from '../packet/ip.ts';
import {
  nextIdentification,
  OUTER_TTL,
  outerHeaderLength,
  writeIpv4,
  writeIpv6,
} from '../packet/outer-header.ts';
import { setPayload } from '../packet/transport-header.ts';
import { cipherAddress, hasFlag, slotAddress } from '../sad/slot.ts';
import { ahLength } from './geometry.ts';
import { computeAhIcv } from './icv.ts';

/** Turns the inspected packet into what is sent, in place; the descriptor then tells where it is and to whom it goes. */
export function encapsulateAh(
  descriptorPtr: usize,
  slotIndex: u32,
  packetPtr: usize,
  payloadLength: u32,
  sequence: u64,
): void {
  if (hasFlag(slotAddress(slotIndex), SA_FLAG_TRANSPORT)) {
    insert(descriptorPtr, slotIndex, packetPtr, payloadLength, sequence);
  } else {
    wrap(descriptorPtr, slotIndex, packetPtr, payloadLength, sequence);
  }
}

/** RFC 4302 section 3.1.2: the whole packet becomes the payload. */
function wrap(
  descriptorPtr: usize,
  slotIndex: u32,
  packetPtr: usize,
  payloadLength: u32,
  sequence: u64,
): void {
  const slotPtr = slotAddress(slotIndex);
  const ipv6 = hasFlag(slotPtr, SA_FLAG_OUTER_IPV6);
  const ahPtr = packetPtr - ahLength(slotPtr, ipv6);
  const headerPtr = ahPtr - outerHeaderLength(ipv6);
  const length = <u32>(packetPtr - headerPtr) + payloadLength;
  const tos = outerTos(slotPtr);
  const dontFragment = !ipv6 && outerDontFragment(slotPtr);
  if (ipv6) writeIpv6(slotPtr, headerPtr, length, PROTOCOL_AH, tos);
  else writeIpv4(slotPtr, headerPtr, length, PROTOCOL_AH, tos, dontFragment);
  writeAh(slotPtr, ahPtr, packetPtr, packetFamily === 6 ? PROTOCOL_IPV6 : PROTOCOL_IPV4, sequence);
  seal(slotIndex, headerPtr, ahPtr, length, sequence);
  describe(descriptorPtr, slotPtr, headerPtr, length, headerPtr, length, tos, dontFragment, OUTER_TTL);
}

/** RFC 4302 section 3.1.1: AH goes where ESP goes, between the packet's own header and what that header carries. */
function insert(
  descriptorPtr: usize,
  slotIndex: u32,
  packetPtr: usize,
  payloadLength: u32,
  sequence: u64,
): void {
  const slotPtr = slotAddress(slotIndex);
  const ipv6 = packetFamily === 6;
  const payloadPtr = packetPtr + packetInsertion;
  const ahPtr = payloadPtr - ahLength(slotPtr, ipv6);
  const headerPtr = ahPtr - packetInsertion;
  memory.copy(headerPtr, packetPtr, packetInsertion);
  const nextHeader = load<u8>(headerPtr + packetInsertionNameOffset);
  // The identification of a packet that nobody fragments is free (RFC 6864 section 4.1), but a raw socket overwrites zero.
  if (!ipv6 && load<u16>(headerPtr + IPV4_IDENTIFICATION) === 0)
    storeNetwork16(headerPtr + IPV4_IDENTIFICATION, nextIdentification());
  const length = <u32>(payloadPtr - headerPtr) + payloadLength;
  setPayload(
    headerPtr,
    packetInsertion,
    packetInsertionNameOffset,
    PROTOCOL_AH,
    length - packetInsertion,
    ipv6,
  );
  writeAh(slotPtr, ahPtr, payloadPtr, nextHeader, sequence);
  seal(slotIndex, headerPtr, ahPtr, length, sequence);
  const ttl = <u32>load<u8>(headerPtr + (ipv6 ? IPV6_HOP_LIMIT : IPV4_TTL));
  const dontFragment = !ipv6 && packetDontFragment;
  describe(descriptorPtr, slotPtr, headerPtr, length, headerPtr, length, packetTos, dontFragment, ttl);
}

/** Writes AH up to `payloadPtr`, without its ICV. */
function writeAh(slotPtr: usize, ahPtr: usize, payloadPtr: usize, nextHeader: u32, sequence: u64): void {
  const length = <u32>(payloadPtr - ahPtr);
  store<u8>(ahPtr, <u8>nextHeader);
  // RFC 4302 section 2.2: 32-bit words, less 2.
  store<u8>(ahPtr + AH_PAYLOAD_LENGTH, <u8>((length >> 2) - 2));
  store<u16>(ahPtr + AH_RESERVED, 0);
  storeNetwork32(ahPtr + AH_SPI, load<u32>(slotPtr, SA_SPI));
  storeNetwork32(ahPtr + AH_SEQUENCE, <u32>sequence);
  memory.fill(ahPtr + AH_HEADER, 0, length - AH_HEADER);
  if (load<u32>(slotPtr, SA_ENCRYPTION) === ENCRYPTION_AES_GMAC) writeCounterIv(ahPtr + AH_HEADER, sequence);
}

function seal(slotIndex: u32, headerPtr: usize, ahPtr: usize, length: u32, sequence: u64): void {
  const slotPtr = slotAddress(slotIndex);
  computeAhIcv(slotPtr, cipherAddress(slotIndex), headerPtr, ahPtr, headerPtr + length, sequence);
  memory.copy(ahPtr + AH_HEADER + ivLength(slotPtr), DIGEST, icvLength(slotPtr));
}
