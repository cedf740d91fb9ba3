/**
 * Packets that wait for an SA: outbound ones by SPD entry, inbound ones by the pending SPI. A pool of places of one
 * packet slot each, with a record each; bounded for each key and in total, the oldest goes first.
 */
export const HELD_RECORD_SIZE = 160;
/** u32: HELD_FREE, HELD_OUTBOUND or HELD_INBOUND. */
export const HELD_KIND = 0;
/** u32: entry index or SPI. */
export const HELD_KEY = 4;
/** u64: rises with each packet held. */
export const HELD_ARRIVAL = 8;
/** The packet's descriptor of DESCRIPTOR_SIZE octets; its start is relative to the packet slot. */
export const HELD_DESCRIPTOR = 32;

export const HELD_FREE = 0;
export const HELD_OUTBOUND = 1;
export const HELD_INBOUND = 2;
