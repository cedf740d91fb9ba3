/**
 * Functions whose time tells a secret, each written as it has been written in real programs. The instrument must find every one of
 * them, or it proves nothing about the firmware. Nothing else may call them. AssemblyScript, compiled by `../planted.ts`.
 */

/** Comparison of ICVs as `memcmp` does it: ends at the first octet that differs. */
export function early_exit_equal(a: usize, b: usize, length: i32): bool {
  for (let index: usize = 0; index < <usize>length; index++) {
    if (load<u8>(a + index) !== load<u8>(b + index)) return false;
  }
  return true;
}

/** Check of ESP padding (RFC 4303 section 2.4) that ends at the first wrong octet; `end` is where the ICV begins. */
export function early_exit_padding(end: usize): bool {
  const padLength = <usize>load<u8>(end - 2);
  const padding = end - 2 - padLength;
  for (let index: usize = 0; index < padLength; index++) {
    if (<usize>load<u8>(padding + index) !== index + 1) return false;
  }
  return true;
}

/** GHASH's multiplication (SP 800-38D algorithm 1) of `block` by `h`, in place: skips what a bit of zero would add. */
export function bitwise_ghash(h: usize, block: usize): void {
  let high = bswap<u64>(load<u64>(h, 0));
  let low = bswap<u64>(load<u64>(h, 8));
  let sumHigh: u64 = 0;
  let sumLow: u64 = 0;
  for (let bit: usize = 0; bit < 128; bit++) {
    if (((<u32>load<u8>(block + (bit >> 3)) >> (7 - (<u32>bit & 7))) & 1) !== 0) {
      sumHigh ^= high;
      sumLow ^= low;
    }
    const carry = low & 1;
    low = (low >> 1) | (high << 63);
    high >>= 1;
    if (carry !== 0) high ^= (<u64>0xe1) << 56;
  }
  store<u64>(block, bswap<u64>(sumHigh), 0);
  store<u64>(block, bswap<u64>(sumLow), 8);
}

/**
 * GHASH's multiplication by a table of 256 products for each octet of the block, 64 KiB in all, the fast way of McGrew and
 * Viega, "The Galois/Counter Mode of Operation": what is in the cache depends on the octets.
 */
export function table_ghash(tables: usize, block: usize): void {
  let sum = i64x2.splat(0);
  for (let index: usize = 0; index < 16; index++) {
    const product = tables + 4096 * index + 16 * <usize>load<u8>(block + index);
    sum = v128.xor(sum, v128.load(product));
  }
  v128.store(block, sum, 16);
}

/** 2^exponent modulo the prime 2^31 - 1, as a key agreement squares and multiplies: a bit of zero costs no multiplication. */
export function square_and_multiply(exponent: usize): void {
  let power: u64 = 1;
  const bits = load<u64>(exponent);
  for (let bit: u64 = 0; bit < 64; bit++) {
    power = (power * power) % 0x7fffffff;
    if (((bits >> (63 - bit)) & 1) !== 0) power = (power * 2) % 0x7fffffff;
  }
  store<u64>(exponent, power, 8);
}
