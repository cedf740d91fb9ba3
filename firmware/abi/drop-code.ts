/**
 * Numbers of the reasons for which a packet is dropped; drop-reason.ts has their names and texts. A number is never used
 * again for something else. Packets are never reported one by one: each number has a counter.
 */
export const DROP_DATA_PLANE_CLOSED = 1;
export const DROP_DESCRIPTOR_INVALID = 2;
export const DROP_HEADER_MALFORMED = 3;
export const DROP_HEADER_CHECKSUM = 4;
export const DROP_EXTENSION_HEADERS = 5;
export const DROP_TTL_EXCEEDED = 6;
export const DROP_PACKET_TOO_BIG = 7;
export const DROP_NO_SPD_ENTRY = 8;
export const DROP_SPD_DISCARD = 9;
export const DROP_BLOCKED = 10;
export const DROP_SA_NOT_READY = 11;
export const DROP_LIFETIME = 12;
export const DROP_SEQUENCE_EXHAUSTED = 13;
export const DROP_TRANSPORT_FRAGMENT = 14;
export const DROP_SELECTOR_MISMATCH = 15;
export const DROP_OUTER_MALFORMED = 16;
export const DROP_OUTER_FRAGMENT = 17;
export const DROP_NOT_ESP = 18;
export const DROP_KEEPALIVE = 19;
export const DROP_ESP_TOO_SHORT = 20;
export const DROP_SPI_RESERVED = 21;
export const DROP_SPI_UNKNOWN = 22;
export const DROP_REPLAY = 23;
export const DROP_ICV = 24;
export const DROP_PADDING = 25;
export const DROP_NEXT_HEADER = 26;
export const DROP_DUMMY = 27;
export const DROP_ECN = 28;
export const DROP_HELD_OVERFLOW = 29;
export const DROP_HELD_ABANDONED = 30;
export const DROP_CIPHERTEXT_LENGTH = 31;
export const DROP_AH_LENGTH = 32;
export const DROP_AH_HEADER = 33;
export const DROP_PROTOCOL_MISMATCH = 34;
/** One more than the highest number. */
export const DROP_CODE_COUNT = 35;
