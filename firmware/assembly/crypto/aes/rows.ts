/**
 * Four blocks of AES in four registers, one row of the state each, and back: the layout of everything that works on blocks
 * side by side (see `counter.ts`). Computes nothing else.
 *
 * Of four blocks in row order (`ROWS` in aes-tables.ts) `row0` ... `row3` give the rows; of four rows they give the blocks
 * again, because the 4 by 4 words are merely transposed. Use the four together: the compiler computes only once what they
 * share.
 */

/** Word 0 of each: row 0 of four blocks, or block 0 of four rows. */
export function row0(x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  return v128.shuffle<u64>(lowWords(x0, x1), lowWords(x2, x3), 0, 2);
}

/** Word 1 of each. */
export function row1(x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  return v128.shuffle<u64>(lowWords(x0, x1), lowWords(x2, x3), 1, 3);
}

/** Word 2 of each. */
export function row2(x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  return v128.shuffle<u64>(highWords(x0, x1), highWords(x2, x3), 0, 2);
}

/** Word 3 of each. */
export function row3(x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  return v128.shuffle<u64>(highWords(x0, x1), highWords(x2, x3), 1, 3);
}

function lowWords(x: v128, y: v128): v128 {
  return v128.shuffle<u32>(x, y, 0, 4, 1, 5);
}

function highWords(x: v128, y: v128): v128 {
  return v128.shuffle<u32>(x, y, 2, 6, 3, 7);
}
