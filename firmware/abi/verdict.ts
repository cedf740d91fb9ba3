/** What becomes of a packet: the DESCRIPTOR_VERDICT of a run. */
/** The packet was not run. */
export const VERDICT_NONE = 0;
/** Outbound: the ESP packet goes to the peer. */
export const VERDICT_SEND = 1;
/** Inbound: the inner packet goes to the protected network. */
export const VERDICT_DELIVER = 2;
/** Inbound: the inner packet goes to the host program (the channel). */
export const VERDICT_DELIVER_HOST = 3;
/** Outbound: the packet goes out as it is. */
export const VERDICT_BYPASS = 4;
/** A copy is kept until an SA arrives; the slot is free again. */
export const VERDICT_HELD = 5;
/** DESCRIPTOR_REASON says why. An outbound packet is still at its place, unchanged. */
export const VERDICT_DROP = 6;
