/** The changes that a router makes in an IP header that passes: TTL, ECN. Keeps the IPv4 checksum right (RFC 1624). */
import { checksumUpdate } from './checksum.ts';
import { ECN_MASK } from './ecn.ts';
import { IPV4_CHECKSUM, IPV4_TTL, IPV6_HOP_LIMIT } from './ip.ts';

/** Decrements TTL or hop limit, which must not be zero. */
export function decrementTtl(packetPtr: usize, family: u32): void {
  if (family === 6) {
    store<u8>(packetPtr + IPV6_HOP_LIMIT, load<u8>(packetPtr + IPV6_HOP_LIMIT) - 1);
    return;
  }
  const before = load<u16>(packetPtr + IPV4_TTL);
  store<u8>(packetPtr + IPV4_TTL, load<u8>(packetPtr + IPV4_TTL) - 1);
  checksumUpdate(packetPtr + IPV4_CHECKSUM, before, load<u16>(packetPtr + IPV4_TTL));
}

/** Replaces the ECN field. */
export function setEcn(packetPtr: usize, family: u32, ecn: u32): void {
  if (family === 6) {
    // The traffic class lies across the second nibbles of the first two octets: ECN is bits 4 and 5 of the second.
    store<u8>(packetPtr + 1, <u8>((<u32>load<u8>(packetPtr + 1) & 0xcf) | (ecn << 4)));
    return;
  }
  const before = load<u16>(packetPtr);
  store<u8>(packetPtr + 1, <u8>((<u32>load<u8>(packetPtr + 1) & ~ECN_MASK) | ecn));
  checksumUpdate(packetPtr + IPV4_CHECKSUM, before, load<u16>(packetPtr));
}
