/**
 * From an authentic payload to the inner packet that may pass (RFC 4301 section 5.2, steps 3c and 4): gives a payload of
 * transport mode its header back, compares the packet with the SA's selectors, carries ECN inside, and counts TTL down.
 */
import {
  DESCRIPTOR_INPUT,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_START,
  DESCRIPTOR_TOS,
  INPUT_DECREMENT_TTL,
} from '../abi/descriptor.ts';
import {
  DROP_ECN,
  DROP_HEADER_MALFORMED,
  DROP_NEXT_HEADER,
  DROP_SELECTOR_MISMATCH,
  DROP_TTL_EXCEEDED,
} from '../abi/drop-code.ts';
import { SA_FLAG_TRANSPORT, SA_SELECTOR_COUNT, SA_SELECTOR_FIRST } from '../abi/sa-slot.ts';
import { ROW_SIZE } from '../abi/spd-row.ts';
import { decapsulatedEcn, ECN_DROP, ECN_MASK } from './packet/ecn.ts';
import { inspect, packetFamily, packetLength, packetTos, packetTtl } from './packet/inspect.ts';
import { PROTOCOL_IPV4, PROTOCOL_IPV6 } from './packet/ip.ts';
import { decrementTtl, setEcn } from './packet/rewrite.ts';
import { restoreHeader } from './packet/transport-header.ts';
import { bindingRows } from './regions.ts';
import { hasFlag } from './sad/slot.ts';
import { firstMatch } from './spd/selector-match.ts';

/** Octets of the payload that was taken last; what the SA counts. */
export let innerPayloadLength: u32 = 0;

/**
 * Takes the inner packet; the descriptor then tells where it is.
 *
 * @param payloadPtr what ESP or AH carries, `octets` of it; before it there is room for its header
 * @returns 0, or the reason to drop it
 */
export function takeInner(
  descriptorPtr: usize,
  slotPtr: usize,
  payloadPtr: usize,
  octets: u32,
  nextHeader: u32,
): u32 {
  innerPayloadLength = octets;
  const transport = hasFlag(slotPtr, SA_FLAG_TRANSPORT);
  let innerPtr = payloadPtr;
  if (transport) {
    innerPtr = restoreHeader(descriptorPtr, payloadPtr, octets, nextHeader);
    if (innerPtr === 0) return DROP_HEADER_MALFORMED;
  } else {
    const version = octets === 0 ? 0 : <u32>load<u8>(payloadPtr) >> 4;
    const expected: u32 = nextHeader === PROTOCOL_IPV4 ? 4 : nextHeader === PROTOCOL_IPV6 ? 6 : 0;
    if (expected === 0 || version !== expected) return DROP_NEXT_HEADER;
  }
  const malformed = inspect(innerPtr, <u32>(payloadPtr - innerPtr) + octets, false);
  if (malformed !== 0) return malformed;
  const selectorsPtr = bindingRows + <usize>load<u32>(slotPtr, SA_SELECTOR_FIRST) * ROW_SIZE;
  if (firstMatch(selectorsPtr, load<u32>(slotPtr, SA_SELECTOR_COUNT)) === 0) return DROP_SELECTOR_MISMATCH;
  if (!transport) {
    const inner = packetTos & ECN_MASK;
    const ecn = decapsulatedEcn(inner, load<u32>(descriptorPtr, DESCRIPTOR_TOS) & ECN_MASK);
    if (ecn === ECN_DROP) return DROP_ECN;
    if (ecn !== inner) setEcn(innerPtr, packetFamily, ecn);
  }
  if ((load<u32>(descriptorPtr, DESCRIPTOR_INPUT) & INPUT_DECREMENT_TTL) !== 0) {
    if (packetTtl <= 1) return DROP_TTL_EXCEEDED;
    decrementTtl(innerPtr, packetFamily);
  }
  store<u32>(descriptorPtr, <u32>innerPtr, DESCRIPTOR_START);
  store<u32>(descriptorPtr, packetLength, DESCRIPTOR_LENGTH);
  return 0;
}
