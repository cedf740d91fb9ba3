/**
 * Counters: u64 each, consecutive. First one for each drop reason at its number, then these. They only rise, and start at
 * zero with each instance. Names for people are in host/dataplane/counters.ts.
 */
/** Offset of the counter of drop reason 0, which stays zero; reason n is 8 * n further. */
export const COUNTER_DROPS = 0;

/** Offsets; reasons 32 to 63 have room before them. */

export const COUNTER_OUTBOUND_PACKETS = 512;
export const COUNTER_OUTBOUND_OCTETS = 520;
export const COUNTER_INBOUND_PACKETS = 528;
export const COUNTER_INBOUND_OCTETS = 536;
export const COUNTER_BYPASSED_PACKETS = 544;
export const COUNTER_HELD_PACKETS = 552;
export const COUNTER_FLOW_HITS = 560;
export const COUNTER_FLOW_MISSES = 568;
export const COUNTER_EVENTS = 576;
export const COUNTER_EVENTS_LOST = 584;
export const COUNTER_UNKNOWN_SPI_UNREPORTED = 592;
export const COUNTER_COMMITS = 600;
export const COUNTERS_SIZE = 640;
