/**
 * Comparison of ICVs: the only one in the firmware. Reads both to the end whatever they hold, so that the time tells
 * nothing about where they differ.
 */

/**
 * True when `length` octets at `a` and `b` are the same.
 *
 * @constantTime in the contents; the length is public
 */
export function equal(a: usize, b: usize, length: i32): bool {
  let difference: u32 = 0;
  for (let index: usize = 0; index < <usize>length; index++) {
    difference |= load<u8>(a + index) ^ load<u8>(b + index);
  }
  return difference === 0;
}
