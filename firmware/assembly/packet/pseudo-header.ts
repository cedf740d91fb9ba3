/** The pseudo-header that checksums of TCP and UDP cover beside the segment (RFC 9293 section 3.1, RFC 8200 section 8.1). */
import { checksumAdd } from './checksum.ts';
import { IPV4_SOURCE, IPV6_SOURCE } from './ip.ts';

/** The sum over it, for an upper layer of `length` octets behind the IP header at `packetPtr`. */
export function pseudoHeaderSum(packetPtr: usize, family: u32, protocol: u32, length: u32): u64 {
  const addresses =
    family === 6 ? checksumAdd(0, packetPtr + IPV6_SOURCE, 32) : checksumAdd(0, packetPtr + IPV4_SOURCE, 8);
  return addresses + <u64>bswap<u32>(protocol) + <u64>bswap<u32>(length);
}
