/**
 * One selector with what is to be done with its packets. SPD entries, their bindings to SAs and the selectors of inbound
 * SAs are all made of such rows; a row matches with a few 16-octet operations.
 *
 *   0        16           32       48            64            80           96
 *   | local   | local mask | remote | remote mask | first values | last values | protocol ... below                     |
 *
 * The four values are local port, remote port, ICMP type, ICMP code, each a u32 and each within [first, last].
 */
export const ROW_SIZE = 128;

/** 16 octets each in network order; IPv4 in the first four, the rest zero. Bits outside the mask are zero. */
export const ROW_LOCAL = 0;
export const ROW_LOCAL_MASK = 16;
export const ROW_REMOTE = 32;
export const ROW_REMOTE_MASK = 48;
/** Four u32 each. */
export const ROW_FIRST = 64;
export const ROW_LAST = 80;
/** u32: IP protocol, or PROTOCOL_ANY. */
export const ROW_PROTOCOL = 96;
/** u32: 4 or 6. */
export const ROW_FAMILY = 100;
/** u32: ACTION_*. */
export const ROW_ACTION = 104;
/** u32: index of the SPD entry. */
export const ROW_ENTRY = 108;
/** u32: outbound SA slot, for ACTION_SA. */
export const ROW_SLOT = 112;
/** u32: SPI that the slot must still have, for ACTION_SA. */
export const ROW_SPI = 116;
/** u32: place of an SPD row in the order of the SPD; of a cover, the lowest below it. Nothing in other rows. */
export const ROW_ORDER = 120;
/** u32: 0; of a cover, how many rows stand below it (bank.ts). */
export const ROW_BELOW = 124;

export const PROTOCOL_ANY = 256;
/** A packet whose protocol cannot be told (a non-initial fragment that starts inside extension headers). */
export const PROTOCOL_UNKNOWN = 257;
/** A packet's value where it has none: within ANY only. */
export const VALUE_NONE = 0x10000;
export const VALUE_ANY_FIRST = 0;
export const VALUE_ANY_LAST = 0x1ffff;

/** Actions of SPD rows. */
export const ACTION_DISCARD = 1;
export const ACTION_BYPASS = 2;
/** The entry's bindings decide; where none matches, packets are held and an SA is asked for. */
export const ACTION_PROTECT = 3;
/** Actions of binding rows. */
export const ACTION_SA = 4;
export const ACTION_ACQUIRE = 5;
export const ACTION_BLOCKED = 6;
/** Selector of an inbound SA. */
export const ACTION_PERMIT = 7;
