/** The Internet checksum (RFC 1071) and its incremental update (RFC 1624). Words are summed as they lie in memory. */

/** Octets from which on lanes pay. */
const LANES_LEAST: u32 = 64;

/** Adds `length` octets, at most 65535, to a running sum of little-endian 16-bit words; an odd last octet is padded with zero. */
export function checksumAdd(sum: u64, addressPtr: usize, length: u32): u64 {
  let offset: u32 = 0;
  if (length >= LANES_LEAST) {
    offset = length & ~31;
    sum += addLanes(addressPtr, offset);
  }
  for (; offset + 4 <= length; offset += 4) sum += <u64>load<u32>(addressPtr + offset);
  for (; offset + 2 <= length; offset += 2) sum += <u64>load<u16>(addressPtr + offset);
  if (offset < length) sum += <u64>load<u8>(addressPtr + offset);
  return sum;
}

/** The sum of `length` octets, a multiple of 32 below 2^18, beyond which a lane of 32 bits could overflow. */
function addLanes(addressPtr: usize, length: u32): u64 {
  let even = i32x4.splat(0);
  let odd = i32x4.splat(0);
  for (let offset: u32 = 0; offset < length; offset += 32) {
    even = i32x4.add(even, i32x4.extadd_pairwise_i16x8_u(v128.load(addressPtr + offset)));
    odd = i32x4.add(odd, i32x4.extadd_pairwise_i16x8_u(v128.load(addressPtr + offset, 16)));
  }
  const low = i64x2.add(i64x2.extend_low_i32x4_u(even), i64x2.extend_low_i32x4_u(odd));
  const high = i64x2.add(i64x2.extend_high_i32x4_u(even), i64x2.extend_high_i32x4_u(odd));
  const both = i64x2.add(low, high);
  return <u64>i64x2.extract_lane(both, 0) + <u64>i64x2.extract_lane(both, 1);
}

/** Folds a running sum to the 16 bits that go into a header by a little-endian store. */
export function checksumFold(sum: u64): u16 {
  return ~sumFold(sum);
}

/** Folds a running sum to 16 bits without inverting them: what is left in a header for somebody else to complete. */
export function sumFold(sum: u64): u16 {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return <u16>sum;
}

/** Checksum of `length` octets, 0 over a header whose own checksum is right. */
export function checksum(addressPtr: usize, length: u32): u16 {
  return checksumFold(checksumAdd(0, addressPtr, length));
}

/** Corrects the checksum at `checksumPtr` for a 16-bit word that changed, both read by little-endian loads. */
export function checksumUpdate(checksumPtr: usize, before: u16, after: u16): void {
  // RFC 1624 equation 3: HC' = ~(~HC + ~m + m').
  let sum = <u32>(~load<u16>(checksumPtr) & 0xffff) + <u32>(~before & 0xffff) + <u32>after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store<u16>(checksumPtr, <u16>~sum);
}
