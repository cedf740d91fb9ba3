/** Offsets and numbers of IPv4 (RFC 791), IPv6 (RFC 8200), UDP (RFC 768), TCP (RFC 9293), ESP (RFC 4303) and AH (RFC 4302) headers. Decides nothing. */
export const IPV4_HEADER: u32 = 20;
export const IPV4_TOS: u32 = 1;
export const IPV4_LENGTH: u32 = 2;
export const IPV4_IDENTIFICATION: u32 = 4;
export const IPV4_FRAGMENT: u32 = 6;
export const IPV4_TTL: u32 = 8;
export const IPV4_PROTOCOL: u32 = 9;
export const IPV4_CHECKSUM: u32 = 10;
export const IPV4_SOURCE: u32 = 12;
export const IPV4_DESTINATION: u32 = 16;
export const IPV4_DF: u32 = 0x4000;
export const IPV4_MF: u32 = 0x2000;
export const IPV4_OFFSET_MASK: u32 = 0x1fff;

export const IPV6_HEADER: u32 = 40;
export const IPV6_LENGTH: u32 = 4;
export const IPV6_NEXT_HEADER: u32 = 6;
export const IPV6_HOP_LIMIT: u32 = 7;
export const IPV6_SOURCE: u32 = 8;
export const IPV6_DESTINATION: u32 = 24;

export const UDP_HEADER: u32 = 8;
export const UDP_SOURCE_PORT: u32 = 0;
export const UDP_DESTINATION_PORT: u32 = 2;
export const UDP_LENGTH: u32 = 4;
export const UDP_CHECKSUM: u32 = 6;

/** Without options. */
export const TCP_HEADER: u32 = 20;
export const TCP_SEQUENCE: u32 = 4;
/** Four bits of header length in words of 32 bits, then flags. */
export const TCP_OFFSET: u32 = 12;
export const TCP_FLAGS: u32 = 13;
export const TCP_CHECKSUM: u32 = 16;
export const TCP_FIN: u32 = 1;
export const TCP_PSH: u32 = 8;
export const TCP_ACK: u32 = 16;
export const TCP_CWR: u32 = 128;

export const ESP_HEADER: u32 = 8;
export const ESP_SEQUENCE: u32 = 4;
/** Pad length and next header. */
export const ESP_TRAILER: u32 = 2;

/** Octets before the ICV. */
export const AH_HEADER: u32 = 12;
export const AH_PAYLOAD_LENGTH: u32 = 1;
export const AH_RESERVED: u32 = 2;
export const AH_SPI: u32 = 4;
export const AH_SEQUENCE: u32 = 8;

/** IANA protocol numbers. */
export const PROTOCOL_HOP_BY_HOP: u32 = 0;
export const PROTOCOL_ICMP: u32 = 1;
export const PROTOCOL_IPV4: u32 = 4;
export const PROTOCOL_TCP: u32 = 6;
export const PROTOCOL_UDP: u32 = 17;
export const PROTOCOL_DCCP: u32 = 33;
export const PROTOCOL_IPV6: u32 = 41;
export const PROTOCOL_ROUTING: u32 = 43;
export const PROTOCOL_FRAGMENT: u32 = 44;
export const PROTOCOL_ESP: u32 = 50;
export const PROTOCOL_AH: u32 = 51;
export const PROTOCOL_ICMPV6: u32 = 58;
export const PROTOCOL_NONE: u32 = 59;
export const PROTOCOL_DESTINATION: u32 = 60;
export const PROTOCOL_SCTP: u32 = 132;
export const PROTOCOL_MOBILITY: u32 = 135;
export const PROTOCOL_UDPLITE: u32 = 136;
export const PROTOCOL_HIP: u32 = 139;
export const PROTOCOL_SHIM6: u32 = 140;

/** Reads a 16-bit field in network order. */
export function loadNetwork16(addressPtr: usize): u32 {
  return <u32>bswap<u16>(load<u16>(addressPtr));
}

/** Reads a 32-bit field in network order. */
export function loadNetwork32(addressPtr: usize): u32 {
  return bswap<u32>(load<u32>(addressPtr));
}

/** Writes a 16-bit field in network order. */
export function storeNetwork16(addressPtr: usize, value: u32): void {
  store<u16>(addressPtr, bswap<u16>(<u16>value));
}

/** Writes a 32-bit field in network order. */
export function storeNetwork32(addressPtr: usize, value: u32): void {
  store<u32>(addressPtr, bswap<u32>(value));
}
