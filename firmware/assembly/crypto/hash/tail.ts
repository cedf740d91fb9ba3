/**
 * The end of a message as the hashes want it (Merkle and Damgård's strengthening: FIPS 180-4 §5.1, RFC 1321 §3.1, §3.2): what is
 * left behind the last whole block, a one bit, zeros, the length. One place for all hashes, one message at a time or several
 * in lanes. Compresses nothing.
 */

/** Room for a tail of any hash: two blocks. */
export const LONGEST_TAIL: i32 = 256;

/**
 * Writes the last block of a message, or the last two when the length does not fit behind the rest.
 *
 * @param tail    2 `block` octets at a multiple of 16, written whole
 * @param rest    what is left of the message, `left` octets, under `block`
 * @param block   64 or 128 octets; the length takes an eighth of it
 * @param length  length of the whole message in bits, as the hash has its octets; above 64 bits it is always 0
 * @returns       octets to compress: `block` or twice that
 */
export function padTail(tail: usize, rest: usize, left: i32, block: i32, length: u64): i32 {
  const padded = left + 1 + (block >> 3) <= block ? block : 2 * block;
  for (let at = tail; at < tail + 2 * <usize>block; at += 16) v128.store(at, i64x2.splat(0));
  memory.copy(tail, rest, left);
  store<u8>(tail + <usize>left, 0x80);
  store<u64>(tail + <usize>padded - 8, length);
  return padded;
}
