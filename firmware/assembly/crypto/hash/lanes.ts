/**
 * What SHA-1 and SHA-256 in four lanes share: vectors that hold one word of each of four messages, and how they come from the
 * messages. Constant-time. Knows neither hash.
 *
 *   messages in memory          vectors: lane i belongs to message i
 *   0: | W0 W1 W2 W3 ...        W0: | 0 | 1 | 2 | 3 |
 *   1: | W0 W1 W2 W3 ...        W1: | 0 | 1 | 2 | 3 |
 */

/** The message schedule: 16 vectors of a block, and behind them as many as the longest schedule has, 80. Not reentrant. */
export const WORDS: usize = memory.data(1280, 16);

/** Octets of a word reversed, four words at once: messages are big-endian (FIPS 180-4 §3.1). */
const BIG_ENDIAN: usize = memory.data<u8>([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12], 16);

/** Reads a block of each of four messages into the 16 vectors at `words`. */
export function loadBlocks(
  words: usize,
  message0: usize,
  message1: usize,
  message2: usize,
  message3: usize,
): void {
  const bigEndian = v128.load(BIG_ENDIAN);
  for (let at: usize = 0; at < 64; at += 16) {
    transpose(
      words + (at << 2),
      i8x16.relaxed_swizzle(v128.load(message0 + at), bigEndian),
      i8x16.relaxed_swizzle(v128.load(message1 + at), bigEndian),
      i8x16.relaxed_swizzle(v128.load(message2 + at), bigEndian),
      i8x16.relaxed_swizzle(v128.load(message3 + at), bigEndian),
    );
  }
}

/** Stores four vectors of four words with rows and columns exchanged. */
export function transpose(to: usize, row0: v128, row1: v128, row2: v128, row3: v128): void {
  const left01 = v128.shuffle<u32>(row0, row1, 0, 4, 1, 5);
  const left23 = v128.shuffle<u32>(row2, row3, 0, 4, 1, 5);
  const right01 = v128.shuffle<u32>(row0, row1, 2, 6, 3, 7);
  const right23 = v128.shuffle<u32>(row2, row3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<u64>(left01, left23, 0, 2), 0);
  v128.store(to, v128.shuffle<u64>(left01, left23, 1, 3), 16);
  v128.store(to, v128.shuffle<u64>(right01, right23, 0, 2), 32);
  v128.store(to, v128.shuffle<u64>(right01, right23, 1, 3), 48);
}

/** Adds to a vector of the chaining values, in the running lanes only: the others keep what they have. */
export function addRunning(value: usize, sum: v128, running: v128): void {
  v128.store(value, i32x4.add(v128.load(value), v128.and(sum, running)));
}
