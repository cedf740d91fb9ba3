/**
 * DES and triple DES in CBC mode (FIPS 46-3, RFC 2405, RFC 2451) by tables that join each S-box with the permutation behind it. A
 * yardstick for measurements; not constant-time; ships nowhere.
 */
// biome-ignore-all lint/correctness/noPrecisionLoss: asc reads literals of 64 bits whole

/** FIPS 46-3, appendix 1: S1 to S8, a row of sixteen columns each word, the first column in the highest four bits. */
// biome-ignore format: a box a line
const SUBSTITUTIONS: usize = memory.data<u64>([
  0xe4d12fb83a6c5907, 0x0f74e2d1a6cb9538, 0x41e8d62bfc973a50, 0xfc8249175b3ea06d,
  0xf18e6b34972dc05a, 0x3d47f28ec01a69b5, 0x0e7ba4d158c6932f, 0xd8a13f42b67c05e9,
  0xa09e63f51dc7b428, 0xd709346a285ecbf1, 0xd6498f30b12c5ae7, 0x1ad069874fe3b52c,
  0x7de3069a1285bc4f, 0xd8b56f03472c1ae9, 0xa690cb7df13e5284, 0x3f06a1d8945bc72e,
  0x2c417ab6853fd0e9, 0xeb2c47d150fa3986, 0x421bad78f9c5630e, 0xb8c71e2d6f09a453,
  0xc1af92680d34e75b, 0xaf427c9561de0b38, 0x9ef528c3704a1db6, 0x432c95fabe17608d,
  0x4b2ef08d3c975a61, 0xd0b7491ae35c2f86, 0x14bdc37eaf680592, 0x6bd814a7950fe23c,
  0xd2846fb1a93e50c7, 0x1fd8a374c56b0e92, 0x7b419ce206adf358, 0x21e74a8dfc90356b,
], 16);

/** FIPS 46-3: the bit of the input that each bit of the output is, counted from 1 at the highest. */
// biome-ignore format: as the standard has them
const PERMUTATION: usize = memory.data<u8>([
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
  2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
]);
// biome-ignore format: as the standard has them
const CHOICE_1: usize = memory.data<u8>([
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
  63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
]);
// biome-ignore format: as the standard has them
const CHOICE_2: usize = memory.data<u8>([
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
  41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
]);
/** Bit r is set where round r, from 0, rotates by two. */
const TWO_STEPS: u32 = 0b0111_1110_1111_1100;

/** Eight tables of 64 words. */
const TABLES: usize = memory.data(2048, 16);
const CHAIN: usize = memory.data(8, 16);
const NEXT_CHAIN: usize = memory.data(8, 16);
/** Of a context: rounds in all (u32, padded to 16), then eight octets a round, one for each S-box. */
const ROUND_KEYS: usize = 16;

/** Fills the tables; once, before anything else. */
export function desTables(): void {
  for (let box: usize = 0; box < 8; box++) {
    for (let input: usize = 0; input < 64; input++) {
      const row = ((input >> 4) & 2) | (input & 1);
      const columns = load<u64>(SUBSTITUTIONS + ((4 * box + row) << 3));
      const nibble = <u64>(columns >> <u64>(60 - 4 * ((input >> 1) & 15))) & 15;
      store<u32>(
        TABLES + (box << 8) + (input << 2),
        <u32>permuted(nibble << (<u64>(28 - 4 * box)), 32, PERMUTATION, 32),
      );
    }
  }
}

export function desSetup(context: usize, key: usize, keyLength: i32): void {
  store<u32>(context, 2 * keyLength);
  for (let at: i32 = 0; at < keyLength; at += 8) {
    // The second of three keys decrypts: its rounds go backwards.
    const block = context + ROUND_KEYS + <usize>(16 * at);
    expand(load<u64>(key + <usize>at), at === 8 ? block + 120 : block, at === 8 ? -8 : 8);
  }
}

function expand(key: u64, roundKey: usize, step: isize): void {
  let halves = permuted(bswap<u64>(key), 64, CHOICE_1, 56);
  for (let round: u32 = 0; round < 16; round++) {
    halves = rotatedHalves(halves);
    if ((TWO_STEPS >> round) & 1) halves = rotatedHalves(halves);
    const chosen = permuted(halves, 56, CHOICE_2, 48);
    for (let box: u64 = 0; box < 8; box++) store<u8>(roundKey + <usize>box, (chosen >> (42 - 6 * box)) & 63);
    roundKey += step;
  }
}

function rotatedHalves(halves: u64): u64 {
  return ((halves << 1) & 0xffffffeffffffe) | ((halves >> 27) & 0x10000001);
}

function permuted(input: u64, inputBits: u64, choice: usize, outputBits: usize): u64 {
  let output: u64 = 0;
  for (let at: usize = 0; at < outputBits; at++) {
    output = (output << 1) | ((input >> (inputBits - <u64>load<u8>(choice + at))) & 1);
  }
  return output;
}

export function desCbcEncrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  let chain = iv;
  for (const end = text + <usize>textLength; text < end; text += 8) {
    store<u64>(text, load<u64>(text) ^ load<u64>(chain));
    crypt(context, text, context + ROUND_KEYS, 8);
    chain = text;
  }
}

export function desCbcDecrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  const last = context + ROUND_KEYS + 8 * (<usize>load<u32>(context) - 1);
  store<u64>(CHAIN, load<u64>(iv));
  for (const end = text + <usize>textLength; text < end; text += 8) {
    store<u64>(NEXT_CHAIN, load<u64>(text));
    crypt(context, text, last, -8);
    store<u64>(text, load<u64>(text) ^ load<u64>(CHAIN));
    store<u64>(CHAIN, load<u64>(NEXT_CHAIN));
  }
}

/** One block in place, its round keys from `roundKey` on by `step`. */
function crypt(context: usize, block: usize, roundKey: usize, step: isize): void {
  let left = bswap<u32>(load<u32>(block, 0));
  let right = bswap<u32>(load<u32>(block, 4));
  // IP by exchanges of bits between the halves.
  let moved = ((left >> 4) ^ right) & 0x0f0f0f0f;
  right ^= moved;
  left ^= moved << 4;
  moved = ((left >> 16) ^ right) & 0x0000ffff;
  right ^= moved;
  left ^= moved << 16;
  moved = ((right >> 2) ^ left) & 0x33333333;
  left ^= moved;
  right ^= moved << 2;
  moved = ((right >> 8) ^ left) & 0x00ff00ff;
  left ^= moved;
  right ^= moved << 8;
  moved = ((left >> 1) ^ right) & 0x55555555;
  right ^= moved;
  left ^= moved << 1;
  for (let rounds = load<u32>(context); rounds > 0; rounds -= 16) {
    for (let round = 0; round < 16; round++) {
      const next = left ^ mixed(right, roundKey);
      left = right;
      right = next;
      roundKey += step;
    }
    const swapped = left;
    left = right;
    right = swapped;
  }
  // Its inverse.
  moved = ((left >> 1) ^ right) & 0x55555555;
  right ^= moved;
  left ^= moved << 1;
  moved = ((right >> 8) ^ left) & 0x00ff00ff;
  left ^= moved;
  right ^= moved << 8;
  moved = ((right >> 2) ^ left) & 0x33333333;
  left ^= moved;
  right ^= moved << 2;
  moved = ((left >> 16) ^ right) & 0x0000ffff;
  right ^= moved;
  left ^= moved << 16;
  moved = ((left >> 4) ^ right) & 0x0f0f0f0f;
  right ^= moved;
  left ^= moved << 4;
  store<u32>(block, bswap<u32>(left), 0);
  store<u32>(block, bswap<u32>(right), 4);
}

/** E, the round key, the S-boxes and P. */
function mixed(half: u32, roundKey: usize): u32 {
  let sum: u32 = 0;
  for (let box: usize = 0; box < 8; box++) {
    const input = (rotl<u32>(half, 4 * <u32>box + 5) & 63) ^ <u32>load<u8>(roundKey + box);
    sum ^= load<u32>(TABLES + (box << 8) + ((<usize>input) << 2));
  }
  return sum;
}
