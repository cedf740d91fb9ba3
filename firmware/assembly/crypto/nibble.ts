/**
 * Lookups by half octets in sixteen lanes at once: the one primitive under AES and GHASH here. A swizzle reads a register,
 * never memory, so a secret index leaves no trace in a cache. A table index must be 0..15, or have its top bit set, which
 * answers 0; for any other the relaxed instruction may answer differently on different processors.
 */

/** `table[index]` in each lane. */
export function lookup(table: v128, index: v128): v128 {
  return i8x16.relaxed_swizzle(table, index);
}

/** The low nibble of each octet; `mask` is 0x0f in each lane. */
export function lowNibbles(x: v128, mask: v128): v128 {
  return v128.and(x, mask);
}

/** The high nibble of each octet, in the low half. Shifts 16-bit lanes, which processors have, and masks the rest away. */
export function highNibbles(x: v128, mask: v128): v128 {
  return v128.and(i16x8.shr_u(x, 4), mask);
}

/**
 * Half of an inversion in GF(2^8) of octets in register form, i in the high nibble and k = i + j in the low one:
 * 1/(1/i + a/k) + j. With the other half `combine` reads 1/x (see `test/property/crypto/aes-field.ts` for the algebra). The
 * compiler computes only once what the halves share.
 */
export function invertIo(x: v128, inverse: v128, inverseTimesA: v128, mask: v128): v128 {
  const k = lowNibbles(x, mask);
  const i = highNibbles(x, mask);
  return invertHalf(inverse, i, v128.xor(i, k), lookup(inverseTimesA, k));
}

/** The other half: 1/(1/j + a/k) + i. */
export function invertJo(x: v128, inverse: v128, inverseTimesA: v128, mask: v128): v128 {
  const k = lowNibbles(x, mask);
  const i = highNibbles(x, mask);
  return invertHalf(inverse, v128.xor(i, k), i, lookup(inverseTimesA, k));
}

function invertHalf(inverse: v128, i: v128, j: v128, aOverK: v128): v128 {
  return v128.xor(lookup(inverse, v128.xor(lookup(inverse, i), aOverK)), j);
}

/** A linear function, as two tables, of the inverse whose halves are `io` and `jo`. */
export function combine(tableIo: v128, tableJo: v128, io: v128, jo: v128): v128 {
  return v128.xor(lookup(tableIo, io), lookup(tableJo, jo));
}

/** A linear function of an octet, as two tables over its nibbles. */
export function linear(tableLow: v128, tableHigh: v128, x: v128, mask: v128): v128 {
  return v128.xor(lookup(tableLow, lowNibbles(x, mask)), lookup(tableHigh, highNibbles(x, mask)));
}
