/**
 * The ring in which the firmware tells the control side what happened. The firmware writes records and moves the head;
 * the host reads them and moves the tail. A full ring drops the new event and counts it; it never overruns.
 */
/** u32 each, counting up for ever; the record's place is the number's low bits. */
export const EVENT_HEAD = 0;
export const EVENT_TAIL = 4;
export const EVENT_RECORDS = 64;

export const EVENT_SIZE = 96;
/** u32: EVENT_* below. */
export const EVENT_KIND = 0;
/** u32: SPI of the pair's inbound SA, or the unknown SPI. */
export const EVENT_SPI = 4;
/** u32: index of the SPD entry (acquire). */
export const EVENT_ENTRY = 8;
/** u32: 4 or 6. */
export const EVENT_FAMILY = 12;
/** u32: protocol of the packet (acquire). */
export const EVENT_PROTOCOL = 16;
/** u32: UDP port of the sender, 0 without UDP (unknown-spi, peer-moved). */
export const EVENT_PORT = 20;
/** Four u32: local port, remote port, ICMP type, ICMP code, or VALUE_NONE (acquire). */
export const EVENT_VALUES = 32;
/** 16 octets each: the packet's addresses (acquire); the sender's in EVENT_REMOTE (unknown-spi, peer-moved). */
export const EVENT_LOCAL = 48;
export const EVENT_REMOTE = 64;

export const EVENT_ACQUIRE = 1;
export const EVENT_SOFT_LIFETIME = 2;
export const EVENT_HARD_LIFETIME = 3;
export const EVENT_FIRST_AUTHENTIC = 4;
export const EVENT_UNKNOWN_SPI = 5;
export const EVENT_PEER_MOVED = 6;

/** Unknown SPIs raised in one second; the rest is only counted, so that garbage does not keep the control side busy. */
export const UNKNOWN_SPI_EVENTS_PER_SECOND = 8;
