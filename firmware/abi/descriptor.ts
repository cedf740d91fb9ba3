/**
 * The descriptor of one packet slot: what the host says about the packet before a run, and what the firmware says about
 * it afterwards. Descriptor i belongs to packet slot i. Addresses of memory are offsets into linear memory.
 *
 *   0        8       16          24            32   36    40     44    48      52       64     80      96       128
 *   | verdict | start | ESP start | pair, input | tos | mtu | entry | slot | family | ports.. | peer | local | flags, ttl |
 */
export const DESCRIPTOR_SIZE = 128;

/** u32, out: VERDICT_* of verdict.ts. */
export const DESCRIPTOR_VERDICT = 0;
/** u32, out: DROP_* of drop-code.ts, 0 unless the verdict is DROP. */
export const DESCRIPTOR_REASON = 4;
/** u32, in and out: first octet of the packet; PACKET_HEADROOM and PACKET_TAILROOM must be free around it. */
export const DESCRIPTOR_START = 8;
/** u32, in and out: octets of the packet. */
export const DESCRIPTOR_LENGTH = 12;
/**
 * u32, out of an outbound run: first octet (SPI) and length (to the ICV) of the ESP part of what is sent; with AH the whole
 * packet, because AH covers its header, which therefore has to go as it is.
 */
export const DESCRIPTOR_ESP_START = 16;
export const DESCRIPTOR_ESP_LENGTH = 20;
/**
 * u32, out: SPI of the inbound SA of the pair that the packet went through or came out of; 0 if none. In, with
 * INPUT_THROUGH: the pair that is to be used.
 */
export const DESCRIPTOR_PAIR_SPI = 24;
/** u32, in: INPUT_* bits. */
export const DESCRIPTOR_INPUT = 28;
/** u32, in: TOS or traffic class of the outer header (bare ESP). Out: that of the outer header to be sent. */
export const DESCRIPTOR_TOS = 32;
/** u32, out with DROP_PACKET_TOO_BIG: the largest inner packet that fits. */
export const DESCRIPTOR_MTU = 36;
/** u32, out: index of the SPD entry that decided, ENTRY_NONE if none. */
export const DESCRIPTOR_ENTRY = 40;
/** u32, out: index of the SA slot, SLOT_NONE if none. */
export const DESCRIPTOR_SLOT = 44;
/** u32: 4 or 6, family of the outer addresses. In for bare ESP, out of an outbound run. */
export const DESCRIPTOR_FAMILY = 48;
/** u32: UDP port of the peer, 0 without UDP. In for bare ESP, out of an outbound run. */
export const DESCRIPTOR_PEER_PORT = 52;
/** u32: UDP port of this router, 0 without UDP. Out of an outbound run. */
export const DESCRIPTOR_LOCAL_PORT = 56;
/** 16 octets each: outer address of the peer and of this router (IPv4: the first four). In for bare ESP, out of an outbound run. */
export const DESCRIPTOR_PEER = 64;
export const DESCRIPTOR_LOCAL = 80;
/** u32, out of an outbound run: 1 when the outer header has DF set (always so for IPv6). */
export const DESCRIPTOR_DONT_FRAGMENT = 96;
/** u32, out of an outbound run: TTL or hop limit of the outer header. */
export const DESCRIPTOR_TTL = 100;
/** u32, out of an outbound run: 1 when ESP goes by UDP, 0 when by IP protocol 50. */
export const DESCRIPTOR_UDP = 104;
/** u32, out of an outbound run: 1 when what is sent is AH. */
export const DESCRIPTOR_AH = 108;
/**
 * Out of `coalesce`, of a packet that is delivered: u32 slot of the next packet of the same bundle, SLOT_NONE behind the last;
 * and u32 octets of header that it leaves out there, 0 for the first of a bundle, before which lies a virtio_net_hdr (bundle.ts).
 */
export const DESCRIPTOR_BUNDLE_NEXT = 112;
export const DESCRIPTOR_BUNDLE_SKIP = 116;

/** Bits of DESCRIPTOR_INPUT. */
/** Inbound: the packet starts with its outer IP header; otherwise with the SPI, and family, peer and local are set. */
export const INPUT_WHOLE = 1;
/** Inbound, bare ESP: it came out of a UDP datagram. */
export const INPUT_UDP = 2;
/** This router is the one that forwards the packet: TTL or hop limit is to be decremented (RFC 4301 section 5.1.2). */
export const INPUT_DECREMENT_TTL = 4;
/** Outbound: skip the SPD, use the pair of DESCRIPTOR_PAIR_SPI (the channel). */
export const INPUT_THROUGH = 8;
/**
 * Inbound, bare: it starts with AH, behind an IPv6 header without extension headers. AH over IPv4 is never bare, since it covers
 * an identification that nobody else knows.
 */
export const INPUT_AH = 64;
/** It came from the protected side. The firmware is told so by the run; this is for who reads the descriptor afterwards. */
export const INPUT_OUTBOUND = 16;
/** Outbound, with INPUT_THROUGH: no packet but a dummy (RFC 4303 section 2.6) of DESCRIPTOR_LENGTH octets, whose content is zeroed. */
export const INPUT_DUMMY = 32;

export const ENTRY_NONE = 0x7fffffff;
export const SLOT_NONE = 0x7fffffff;
