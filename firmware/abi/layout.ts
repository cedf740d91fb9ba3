/**
 * Where everything lies in linear memory. The host lays the regions out from the capacities, writes this configuration
 * block and calls `configure`; the firmware checks every number and refuses to run on a layout that overlaps or ends
 * beyond memory. Between regions lie canaries, which nothing ever writes.
 *
 *   0            CONFIGURATION_ADDRESS                                                        end of memory
 *   | constants | configuration block | region | canary | region | canary | ...                          |
 */
export const ABI_VERSION = 4;
export const MEMORY_PAGE_OCTETS = 65536;

/** The compiler's static data ends below; the firmware checks it. */
export const CONFIGURATION_ADDRESS = 65536;
export const CONFIGURATION_SIZE = 256;

/** Capacities, each a u32 at this offset of the configuration block. */
export const CONFIGURATION_ABI_VERSION = 0;
/** SA pairs, a power of two: pair i has inbound slot i and outbound slot capacity + i. */
export const CONFIGURATION_SA_PAIRS = 4;
/** Selectors of SPD entries in one bank. */
export const CONFIGURATION_SPD_ROWS = 8;
export const CONFIGURATION_SPD_ENTRIES = 12;
/** Rows that SA selectors and the bindings of entries to SAs are made of. */
export const CONFIGURATION_BINDING_ROWS = 16;
export const CONFIGURATION_PACKET_SLOTS = 20;
/** Octets of one packet slot, head and tail room included, a multiple of 64. */
export const CONFIGURATION_PACKET_OCTETS = 24;
export const CONFIGURATION_HELD_PACKETS = 28;
/** Packets held for one SPD entry, or for one pending SPI. */
export const CONFIGURATION_HELD_PER_KEY = 32;
/** Events that may wait for the host, a power of two. */
export const CONFIGURATION_EVENTS = 36;
/** Flow cache, a power of two. */
export const CONFIGURATION_FLOWS = 40;
/** Places for bundles, each of BUNDLE_OCTETS (bundle.ts). */
export const CONFIGURATION_BUNDLES = 44;
/** 16 random octets that key the flow cache's hash. */
export const CONFIGURATION_FLOW_KEY = 48;

/** First octet of each region, a u32 at this offset of the configuration block, multiples of 64 in ascending order. */
export const CONFIGURATION_REGIONS = 64;
export const REGION_COUNTERS = 0;
export const REGION_KEY_STAGING = 1;
export const REGION_DESCRIPTORS = 2;
export const REGION_PACKETS = 3;
export const REGION_SA_SLOTS = 4;
export const REGION_CIPHERS = 5;
export const REGION_REPLAY = 6;
export const REGION_BINDING_ROWS = 7;
export const REGION_BANK_0 = 8;
export const REGION_BANK_1 = 9;
export const REGION_ENTRY_STATE = 10;
export const REGION_FLOWS = 11;
export const REGION_EVENTS = 12;
export const REGION_HELD_RECORDS = 13;
export const REGION_HELD_PACKETS = 14;
export const REGION_BUNDLES = 15;
export const REGION_COUNT = 16;

/** Octets between two regions, filled by the host with CANARY_OCTET. */
export const CANARY_SIZE = 64;
export const CANARY_OCTET = 0xa5;

/** Octets free before the packet's first octet in its slot: outer IPv6, UDP, ESP, IV, rounded up. */
export const PACKET_HEADROOM = 128;
/** Octets free behind its last one: padding, trailer, ICV and what a 16-octet store may overrun. */
export const PACKET_TAILROOM = 64;

/** What `configure` refuses. */
export const CONFIGURE_OK = 0;
export const CONFIGURE_ABI_VERSION = 1;
export const CONFIGURE_CAPACITY = 2;
export const CONFIGURE_REGION = 3;
export const CONFIGURE_STATIC_DATA = 4;
