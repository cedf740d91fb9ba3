/**
 * Finds the ESP or AH packet in what arrived from the unprotected side: bare (a UDP payload, or what a raw IPv6 socket gives)
 * with its addresses in the descriptor, or behind its whole outer header, whose addresses are then noted in the descriptor.
 * From there on both are the same. RFC 3948 section 2, RFC 4303 section 3.1, RFC 4302 section 3.1.
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
  INPUT_AH,
  INPUT_UDP,
  INPUT_WHOLE,
} from '../../abi/descriptor.ts';
import {
  DROP_AH_LENGTH,
  DROP_DESCRIPTOR_INVALID,
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
  AH_HEADER,
  ESP_HEADER,
  loadNetwork16,
  loadNetwork32,
  PROTOCOL_AH,
  PROTOCOL_ESP,
  PROTOCOL_UDP,
  UDP_HEADER,
  UDP_LENGTH,
} from './ip.ts';

/** The packet found: address of ESP or AH, octets to its end. Valid until the next call. */
export let ipsecAddress: usize = 0;
export let ipsecLength: u32 = 0;
/** Whether it is AH. */
export let carriesAh: bool = false;
/** Its outer IP header: octets (0: it came bare) and the offset of the octet that names UDP, ESP or AH. */
export let carrierHeaderLength: u32 = 0;
export let carrierNameOffset: u32 = 0;

/** Locates the ESP or AH packet of a descriptor. Returns 0, or the DROP_* reason for which there is none. */
export function locateIpsec(descriptorPtr: usize): u32 {
  ipsecAddress = <usize>load<u32>(descriptorPtr, DESCRIPTOR_START);
  ipsecLength = load<u32>(descriptorPtr, DESCRIPTOR_LENGTH);
  carrierHeaderLength = 0;
  carriesAh = false;
  const input = load<u32>(descriptorPtr, DESCRIPTOR_INPUT);
  if ((input & INPUT_WHOLE) !== 0) return locateBehindHeader(descriptorPtr, input);
  const family = load<u32>(descriptorPtr, DESCRIPTOR_FAMILY);
  if (family !== 4 && family !== 6) return DROP_OUTER_MALFORMED;
  if ((input & INPUT_AH) !== 0) return family === 6 ? checkAh() : DROP_DESCRIPTOR_INVALID;
  return checkEsp((input & INPUT_UDP) !== 0);
}

function locateBehindHeader(descriptorPtr: usize, input: u32): u32 {
  const headerPtr = ipsecAddress;
  if (inspect(headerPtr, ipsecLength, false) !== 0) return DROP_OUTER_MALFORMED;
  if (packetFragment !== FRAGMENT_NONE) return DROP_OUTER_FRAGMENT;
  const udp = packetProtocol === PROTOCOL_UDP;
  const ah = packetProtocol === PROTOCOL_AH;
  if (!udp && !ah && packetProtocol !== PROTOCOL_ESP) return DROP_NOT_ESP;
  ipsecAddress = headerPtr + packetUpper;
  ipsecLength = packetLength - packetUpper;
  carrierHeaderLength = packetUpper;
  carrierNameOffset = packetUpperNameOffset;
  store<u32>(descriptorPtr, packetFamily, DESCRIPTOR_FAMILY);
  store<u32>(descriptorPtr, packetTos, DESCRIPTOR_TOS);
  store<u32>(descriptorPtr, udp ? load<u32>(SELECTOR, SELECTOR_VALUES + 4) : 0, DESCRIPTOR_PEER_PORT);
  store<u32>(descriptorPtr, udp ? input | INPUT_UDP : input & ~INPUT_UDP, DESCRIPTOR_INPUT);
  v128.store(descriptorPtr, v128.load(SELECTOR, SELECTOR_REMOTE), DESCRIPTOR_PEER);
  v128.store(descriptorPtr, v128.load(SELECTOR, SELECTOR_LOCAL), DESCRIPTOR_LOCAL);
  if (ah) return checkAh();
  if (udp) {
    if (ipsecLength < UDP_HEADER) return DROP_OUTER_MALFORMED;
    const udpLength = loadNetwork16(ipsecAddress + UDP_LENGTH);
    if (udpLength < UDP_HEADER || udpLength > ipsecLength) return DROP_OUTER_MALFORMED;
    ipsecAddress += UDP_HEADER;
    ipsecLength = udpLength - UDP_HEADER;
  }
  return checkEsp(udp);
}

function checkAh(): u32 {
  carriesAh = true;
  return ipsecLength < AH_HEADER ? DROP_AH_LENGTH : 0;
}

/** What shares UDP port 4500 with ESP: keepalives and IKE (RFC 3948 sections 2.2 and 2.3). */
function checkEsp(udp: bool): u32 {
  if (udp && ipsecLength === 1 && load<u8>(ipsecAddress) === 0xff) return DROP_KEEPALIVE;
  if (ipsecLength < ESP_HEADER) return DROP_ESP_TOO_SHORT;
  if (udp && loadNetwork32(ipsecAddress) === 0) return DROP_NOT_ESP;
  return 0;
}
