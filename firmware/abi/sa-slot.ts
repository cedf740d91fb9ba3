/**
 * The slot of one SA. A slot never moves and is never copied, so its sequence number, window and counts survive every
 * table swap; a changed SA is a new SA in a new slot. Inbound and outbound slots have one layout. The first half is what
 * every packet touches, the second what it reads now and then. Expanded keys lie in the region of ciphers, the replay
 * bitmap in that of replay windows, both at the slot's index.
 *
 * 64-bit values are little-endian, as WebAssembly stores them; addresses and salt are in network order.
 */
export const SA_SLOT_SIZE = 256;

/* hot: offsets 0..127 */
/** u32 SA_STATE_*. */
export const SA_STATE = 0;
/** u32, the number (not in network order). */
export const SA_SPI = 4;
/** u32, SA_FLAG_* bits. */
export const SA_FLAGS = 8;
/** u32, ENCRYPTION_* of algorithm.ts. */
export const SA_ENCRYPTION = 12;
/** u64: outbound the last number sent, inbound the highest authenticated. */
export const SA_SEQUENCE = 16;
/** u64: octets of inner packets (tunnel) or payloads (transport). */
export const SA_OCTETS = 24;
export const SA_PACKETS = 32;
/** u32: seconds on the host's clock. */
export const SA_SOFT_AT_SECONDS = 40;
export const SA_HARD_AT_SECONDS = 44;
/** u64 each; all ones is unlimited. */
export const SA_SOFT_OCTETS = 48;
export const SA_HARD_OCTETS = 56;
export const SA_SOFT_PACKETS = 64;
export const SA_HARD_PACKETS = 72;
/** u32, SA_RAISED_* bits: events that were raised for the pair; kept in the inbound slot. */
export const SA_RAISED = 80;
/** 4 octets before the explicit IV in the nonce (RFC 4106 section 4). */
export const SA_SALT = 84;
/** u32: packets in the replay window, a power of two from 64 to REPLAY_WINDOW_MAX; 0 is no check. */
export const SA_REPLAY_WINDOW = 88;
/** u32: DSCP of the outer header where SA_FLAG_DSCP_SET. */
export const SA_DSCP = 92;
/** u32: rows of the binding region that hold the inbound SA's selectors. */
export const SA_SELECTOR_FIRST = 96;
export const SA_SELECTOR_COUNT = 100;
/** u32: SPI of the pair's inbound SA. */
export const SA_PAIR_SPI = 104;
/** u32: octets that an outer packet may have; 0 is no limit. */
export const SA_PATH_MTU = 108;
/** u32, INTEGRITY_* of algorithm.ts. */
export const SA_INTEGRITY = 112;
/** u32: octets of the ICV. */
export const SA_ICV_LENGTH = 116;
/** u32 each, written by `install_sa`: octets of the explicit IV, and what the encrypted part is a multiple of. */
export const SA_IV_LENGTH = 120;
export const SA_ALIGNMENT = 124;

/* cold: offsets 128..255 */
/** 16 octets each; IPv4 in the first four. */
export const SA_LOCAL_ADDRESS = 128;
export const SA_PEER_ADDRESS = 144;
/** u32 each. */
export const SA_LOCAL_PORT = 160;
export const SA_PEER_PORT = 164;
/** u32: last second in which peer-moved was raised. */
export const SA_MOVED_AT_SECONDS = 168;
/** u32: octets that the payload of a tunnel is padded to (RFC 4303 section 2.7), as far as the path takes them; 0 is none. */
export const SA_TFC_LENGTH = 176;
/** Pads to what the path takes. */
export const TFC_PATH_MTU = 0x7fffffff;
/** u32, inbound with ESN: packets in a row that failed the ICV, as far as resynchronization counts them. */
export const SA_ICV_FAILURES = 180;

export const SA_STATE_EMPTY = 0;
export const SA_STATE_LIVE = 1;
/** The hard lifetime was reached or the sequence space is used up: nothing passes any more. */
export const SA_STATE_STOPPED = 2;

export const SA_FLAG_OUTBOUND = 1;
export const SA_FLAG_ESN = 2;
export const SA_FLAG_TRANSPORT = 4;
export const SA_FLAG_UDP = 8;
/** The outer addresses are IPv6. */
export const SA_FLAG_OUTER_IPV6 = 16;
export const SA_FLAG_NOTIFY_FIRST_AUTHENTIC = 32;
/** What comes out is for the host program, not for the network. */
export const SA_FLAG_DELIVER_HOST = 64;
export const SA_FLAG_DSCP_SET = 128;
/** DF of an outer IPv4 header: always set, always clear, or (neither) copied. */
export const SA_FLAG_DF_SET = 256;
export const SA_FLAG_DF_CLEAR = 512;
/** The SA is for AH (RFC 4302), otherwise for ESP. */
export const SA_FLAG_AH = 1024;

export const SA_RAISED_SOFT = 1;
export const SA_RAISED_HARD = 2;
export const SA_RAISED_FIRST_AUTHENTIC = 4;

/** The largest replay window, in packets. */
export const REPLAY_WINDOW_MAX = 8192;
/** Octets of one replay bitmap: twice the largest window, so that the ring is a power of two (RFC 6479). */
export const REPLAY_SIZE = 2048;

/** Keys on their way into a slot; `install_sa` wipes them. Lengths are u32. */
export const KEY_STAGING_SIZE = 192;
export const KEY_STAGING_ENCRYPTION_LENGTH = 0;
export const KEY_STAGING_AUTHENTICATION_LENGTH = 4;
export const KEY_STAGING_ENCRYPTION = 16;
export const KEY_STAGING_AUTHENTICATION = 80;
/** 16 random octets that make CBC IVs unpredictable (RFC 3602 section 3). */
export const KEY_STAGING_IV_KEY = 144;
export const IV_KEY_LENGTH = 16;
