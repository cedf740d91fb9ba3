/**
 * Finds the ESP packet in what arrived from the unprotected side: bare (a UDP payload, or what a raw IPv6 socket gives) with
 * its addresses in the descriptor, or behind its whole outer header, whose addresses are then noted in the descriptor. From
 * there on both are the same. RFC 3948 section 2, RFC 4303 section 3.1.
 */
import {
  DESCRIPTOR_FAMILY,
  DESCRIPTOR_INPUT,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LOCAL,
  DESCRIPTOR_PEER,
  DESCRIPTOR_PEER_PORT,
  DESCRIPTOR_START,
  DESCRIPTOR_TOS,
  INPUT_UDP,
  INPUT_WHOLE,
} from '../../abi/descriptor.ts';
import {
  DROP_ESP_TOO_SHORT,
  DROP_KEEPALIVE,
  DROP_NOT_ESP,
  DROP_OUTER_FRAGMENT,
  DROP_OUTER_MALFORMED,
} from '../../abi/drop-code.ts';
import {
  FRAGMENT_NONE,
  inspect,
  packetFamily,
  packetFragment,
  packetLength,
  packetProtocol,
  packetTos,
  packetUpper,
  packetUpperNameOffset,
  SELECTOR,
  SELECTOR_LOCAL,
  SELECTOR_REMOTE,
  SELECTOR_VALUES,
} from './inspect.ts';
import {
  ESP_HEADER,
  loadNetwork16,
  loadNetwork32,
  PROTOCOL_ESP,
  PROTOCOL_UDP,
  UDP_HEADER,
  UDP_LENGTH,
} from './ip.ts';

/** The packet found: address of the SPI, octets to the end of the ICV. Valid until the next call. */
export let espAddress: usize = 0;
export let espLength: u32 = 0;
/** Its outer IP header: octets (0: it came bare) and the offset of the octet that names UDP or ESP. */
export let carrierHeaderLength: u32 = 0;
export let carrierNameOffset: u32 = 0;

/** Locates the ESP packet of a descriptor. Returns 0, or the DROP_* reason for which there is none. */
export function locateEsp(descriptorPtr: usize): u32 {
  espAddress = <usize>load<u32>(descriptorPtr, DESCRIPTOR_START);
  espLength = load<u32>(descriptorPtr, DESCRIPTOR_LENGTH);
  carrierHeaderLength = 0;
  const input = load<u32>(descriptorPtr, DESCRIPTOR_INPUT);
  if ((input & INPUT_WHOLE) !== 0) return locateBehindHeader(descriptorPtr, input);
  const family = load<u32>(descriptorPtr, DESCRIPTOR_FAMILY);
  if (family !== 4 && family !== 6) return DROP_OUTER_MALFORMED;
  return checkEsp((input & INPUT_UDP) !== 0);
}

function locateBehindHeader(descriptorPtr: usize, input: u32): u32 {
  const headerPtr = espAddress;
  if (inspect(headerPtr, espLength, false) !== 0) return DROP_OUTER_MALFORMED;
  if (packetFragment !== FRAGMENT_NONE) return DROP_OUTER_FRAGMENT;
  const udp = packetProtocol === PROTOCOL_UDP;
  if (!udp && packetProtocol !== PROTOCOL_ESP) return DROP_NOT_ESP;
  espAddress = headerPtr + packetUpper;
  espLength = packetLength - packetUpper;
  carrierHeaderLength = packetUpper;
  carrierNameOffset = packetUpperNameOffset;
  store<u32>(descriptorPtr, packetFamily, DESCRIPTOR_FAMILY);
  store<u32>(descriptorPtr, packetTos, DESCRIPTOR_TOS);
  store<u32>(descriptorPtr, udp ? load<u32>(SELECTOR, SELECTOR_VALUES + 4) : 0, DESCRIPTOR_PEER_PORT);
  store<u32>(descriptorPtr, udp ? input | INPUT_UDP : input & ~INPUT_UDP, DESCRIPTOR_INPUT);
  v128.store(descriptorPtr, v128.load(SELECTOR, SELECTOR_REMOTE), DESCRIPTOR_PEER);
  v128.store(descriptorPtr, v128.load(SELECTOR, SELECTOR_LOCAL), DESCRIPTOR_LOCAL);
  if (udp) {
    if (espLength < UDP_HEADER) return DROP_OUTER_MALFORMED;
    const udpLength = loadNetwork16(espAddress + UDP_LENGTH);
    if (udpLength < UDP_HEADER || udpLength > espLength) return DROP_OUTER_MALFORMED;
    espAddress += UDP_HEADER;
    espLength = udpLength - UDP_HEADER;
  }
  return checkEsp(udp);
}

/** What shares UDP port 4500 with ESP: keepalives and IKE (RFC 3948 sections 2.2 and 2.3). */
function checkEsp(udp: bool): u32 {
  if (udp && espLength === 1 && load<u8>(espAddress) === 0xff) return DROP_KEEPALIVE;
  if (espLength < ESP_HEADER) return DROP_ESP_TOO_SHORT;
  if (udp && loadNetwork32(espAddress) === 0) return DROP_NOT_ESP;
  return 0;
}
