/**
 * Every reason for which a packet is dropped: number, name (of the counter, in `status` and in outcomes) and what it means
 * to the person who reads it. docs/errors.md is derived from this table. Not compiled into the firmware.
 */
import * as code from './drop-code.ts';

export interface DropReason {
  readonly number: number;
  readonly name: string;
  readonly text: string;
}

export const dropReasons: readonly DropReason[] = [
  {
    number: code.DROP_DATA_PLANE_CLOSED,
    name: 'data-plane-closed',
    text: 'The self-test has not passed, or an earlier run trapped: nothing goes through.',
  },
  {
    number: code.DROP_DESCRIPTOR_INVALID,
    name: 'descriptor-invalid',
    text: 'The host described a packet that does not lie in its slot: a bug of ours.',
  },
  {
    number: code.DROP_HEADER_MALFORMED,
    name: 'header-malformed',
    text: 'The inner IP header, or the ports behind it, are cut short or contradict each other.',
  },
  {
    number: code.DROP_HEADER_CHECKSUM,
    name: 'header-checksum',
    text: 'The checksum of the inner IPv4 header is wrong (RFC 1812 section 5.2.2).',
  },
  {
    number: code.DROP_EXTENSION_HEADERS,
    name: 'extension-headers',
    text: 'More IPv6 extension headers than are looked through.',
  },
  {
    number: code.DROP_TTL_EXCEEDED,
    name: 'ttl-exceeded',
    text: 'TTL or hop limit is used up here; the sender gets an ICMP time exceeded.',
  },
  {
    number: code.DROP_PACKET_TOO_BIG,
    name: 'packet-too-big',
    text: 'With IPsec around it the packet exceeds the path MTU and must not be fragmented; the sender gets the MTU that fits.',
  },
  {
    number: code.DROP_NO_SPD_ENTRY,
    name: 'no-spd-entry',
    text: 'No SPD entry matches, which means DISCARD (RFC 4301 section 5.1).',
  },
  {
    number: code.DROP_SPD_DISCARD,
    name: 'spd-discard',
    text: 'The SPD entry that matches says DISCARD.',
  },
  {
    number: code.DROP_BLOCKED,
    name: 'blocked',
    text: 'The setting server refused an SA for such packets a short while ago; it is asked again later.',
  },
  {
    number: code.DROP_SA_NOT_READY,
    name: 'sa-not-ready',
    text: 'The SA that the packet was meant for is not in place.',
  },
  {
    number: code.DROP_LIFETIME,
    name: 'lifetime',
    text: 'The SA reached its hard lifetime in seconds, octets or packets.',
  },
  {
    number: code.DROP_SEQUENCE_EXHAUSTED,
    name: 'sequence-exhausted',
    text: 'The SA used its last sequence number; it never wraps (RFC 4303 section 3.3.3).',
  },
  {
    number: code.DROP_TRANSPORT_FRAGMENT,
    name: 'transport-fragment',
    text: 'Transport mode takes whole packets only (RFC 4303 section 3.3.4).',
  },
  {
    number: code.DROP_SELECTOR_MISMATCH,
    name: 'selector-mismatch',
    text: "The packet is none of those that the SA is for: the ends' policies differ, or the peer misbehaves (RFC 4301 section 5.2).",
  },
  {
    number: code.DROP_OUTER_MALFORMED,
    name: 'outer-malformed',
    text: 'The outer IP or UDP header is cut short or contradicts itself.',
  },
  {
    number: code.DROP_OUTER_FRAGMENT,
    name: 'outer-fragment',
    text: 'A fragment of an ESP or AH packet: the kernel reassembles before IPsec, so this one came around it.',
  },
  {
    number: code.DROP_NOT_ESP,
    name: 'not-esp',
    text: 'Neither ESP, AH nor UDP with ESP in it; IKE (non-ESP marker) is not for the packet engine.',
  },
  {
    number: code.DROP_KEEPALIVE,
    name: 'keepalive',
    text: 'A NAT keepalive (RFC 3948 section 2.3), which carries nothing.',
  },
  {
    number: code.DROP_ESP_TOO_SHORT,
    name: 'esp-too-short',
    text: "Shorter than the ESP header, IV, trailer and ICV of the SA's algorithms.",
  },
  {
    number: code.DROP_SPI_RESERVED,
    name: 'spi-reserved',
    text: 'SPI 0 to 255, which no SA ever has (RFC 4303 section 2.1).',
  },
  {
    number: code.DROP_SPI_UNKNOWN,
    name: 'spi-unknown',
    text: 'No SA has this SPI; the setting server is told, it may belong to an SA that was lost.',
  },
  {
    number: code.DROP_REPLAY,
    name: 'replay',
    text: 'The sequence number was seen before or is older than the window (RFC 4303 section 3.4.3).',
  },
  {
    number: code.DROP_ICV,
    name: 'icv',
    text: 'The integrity check failed: the packet was changed on its way or is a forgery.',
  },
  {
    number: code.DROP_PADDING,
    name: 'padding',
    text: 'Authentic, but its padding is not 1, 2, 3, ... (RFC 4303 section 2.4): the peer has a bug.',
  },
  {
    number: code.DROP_NEXT_HEADER,
    name: 'next-header',
    text: 'Authentic, but what it carries does not fit tunnel mode, or the version of the inner packet.',
  },
  {
    number: code.DROP_DUMMY,
    name: 'dummy',
    text: 'A dummy packet (next header 59) that hides traffic patterns; discarding it is right (RFC 4303 section 2.6).',
  },
  {
    number: code.DROP_ECN,
    name: 'ecn',
    text: 'Marked "congestion experienced" outside while the inner packet cannot say so (RFC 6040 section 4.2).',
  },
  {
    number: code.DROP_HELD_OVERFLOW,
    name: 'held-overflow',
    text: 'Held for an SA, and made room for a newer packet.',
  },
  {
    number: code.DROP_HELD_ABANDONED,
    name: 'held-abandoned',
    text: 'Held for an SA that never came: the setting server refused, did not answer, or the entry is gone.',
  },
  {
    number: code.DROP_CIPHERTEXT_LENGTH,
    name: 'ciphertext-length',
    text: "The encrypted part is no multiple of the cipher's block.",
  },
  {
    number: code.DROP_AH_LENGTH,
    name: 'ah-length',
    text: "AH's Payload Len is not what the SA's algorithms make it, or goes beyond the packet (RFC 4302 section 2.2).",
  },
  {
    number: code.DROP_AH_HEADER,
    name: 'ah-header',
    text: 'The header before AH has options or extension headers whose form at the destination cannot be told, or over 512 octets (RFC 4302 section 3.3.3.1).',
  },
  {
    number: code.DROP_PROTOCOL_MISMATCH,
    name: 'protocol-mismatch',
    text: 'ESP, or a dummy, for an SA of AH, or AH for an SA of ESP.',
  },
];

const byNumber = new Map(dropReasons.map((reason) => [reason.number, reason]));

/** The reason's name; `unknown-<number>` for a number that this version does not have. */
export function dropReasonName(number: number): string {
  return byNumber.get(number)?.name ?? `unknown-${number}`;
}
