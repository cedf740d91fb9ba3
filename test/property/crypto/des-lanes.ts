/**
 * Derives the firmware's DES tables from FIPS 46-3: the slow, obvious model for `des-tables.ts`.
 *
 * The permutation P sends the four output bits of an S-box to four different S-boxes, and each S-box takes its four inner
 * input bits from four different ones. Bits are edges between eight boxes that give and eight that take, four at each; such
 * a graph can be coloured with four colours so that no box gives or takes one twice. A bit's colour is its place in the
 * nibble that its S-box gives as well as in the nibble that the next round takes, so P and E move bits from lane to lane,
 * never within one. A box's outer two input bits are inner bits of its neighbours; they have to differ in colour too, as
 * they share an octet. Does no DES itself.
 */

/** FIPS 46-3, appendix 1: S1 to S8, four rows of sixteen columns each. */
export const substitutions = [
  'e4d12fb83a6c5907 0f74e2d1a6cb9538 41e8d62bfc973a50 fc8249175b3ea06d',
  'f18e6b34972dc05a 3d47f28ec01a69b5 0e7ba4d158c6932f d8a13f42b67c05e9',
  'a09e63f51dc7b428 d709346a285ecbf1 d6498f30b12c5ae7 1ad069874fe3b52c',
  '7de3069a1285bc4f d8b56f03472c1ae9 a690cb7df13e5284 3f06a1d8945bc72e',
  '2c417ab6853fd0e9 eb2c47d150fa3986 421bad78f9c5630e b8c71e2d6f09a453',
  'c1af92680d34e75b af427c9561de0b38 9ef528c3704a1db6 432c95fabe17608d',
  '4b2ef08d3c975a61 d0b7491ae35c2f86 14bdc37eaf680592 6bd814a7950fe23c',
  'd2846fb1a93e50c7 1fd8a374c56b0e92 7b419ce206adf358 21e74a8dfc90356b',
].map((rows) => rows.split(' ').map((row) => [...row].map((digit) => Number.parseInt(digit, 16))));

/** FIPS 46-3: bit b + 1 of P's output is bit permutation[b] of the S-boxes' outputs. */
const permutation = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22,
  11, 4, 25,
];

/** The S-box of each lane, from 0: in this order a test of every lane's bit at once gives octets of the block. */
export const boxOfLane = [6, 4, 2, 0, 7, 5, 3, 1];
const lanes = [0, 1, 2, 3, 4, 5, 6, 7];
const colours = [0, 1, 2, 3];

/** The S-box, from 0, that gives bit `bit` (from 0) of a half block, and which of its output bits that is. */
const sourceOf = (bit: number): { box: number; output: number } => {
  const given = (permutation[bit] as number) - 1;
  return { box: given >> 2, output: given & 3 };
};

/** The first colouring in the order of bits and colours. */
const colourOf = ((): readonly number[] => {
  const found: number[] = [];
  const fits = (bit: number, colour: number): boolean => {
    for (let other = 0; other < bit; other++) {
      const meets = other >> 2 === bit >> 2 || sourceOf(other).box === sourceOf(bit).box;
      if (meets && found[other] === colour) return false;
    }
    // The outer bits of box k: the last of nibble k - 1 and the first of nibble k + 1.
    if (bit % 4 === 0 && bit >= 8 && found[bit - 5] === colour) return false;
    if (bit === 31 && found[4] === colour) return false;
    return !(bit === 27 && found[0] === colour);
  };
  const search = (bit: number): boolean =>
    bit === 32 ||
    colours.some((colour) => {
      found.length = bit;
      if (!fits(bit, colour)) return false;
      found[bit] = colour;
      return search(bit + 1);
    });
  if (!search(0)) throw new Error('no colouring');
  return found;
})();

/** The input bits of a box (E, FIPS 46-3): bits of the half block from 0, the outer ones first and last. */
const inputsOf = (box: number): number[] => [0, 1, 2, 3, 4, 5].map((input) => (4 * box + input + 31) % 32);

/** Where input `input` of the lane's box lies: in the lane's low octet the inner bits, in its high octet the outer ones. */
const maskOf = (lane: number, input: number): { high: boolean; mask: number } => ({
  high: input === 0 || input === 5,
  mask: 1 << (colourOf[inputsOf(boxOfLane[lane] as number)[input] as number] as number),
});

/** A number whose binary digits are those bits of the box's input that `places` says, each shifted to its place. */
function substituted(box: number, row: number, nibble: number): number {
  let column = 0;
  for (let input = 1; input <= 4; input++) {
    const colour = colourOf[inputsOf(box)[input] as number] as number;
    column |= ((nibble >> colour) & 1) << (4 - input);
  }
  const standard = substitutions[box]?.[row]?.[column] as number;
  let result = 0;
  for (let bit = 0; bit < 32; bit++) {
    const { box: from, output } = sourceOf(bit);
    if (from === box) result |= ((standard >> (3 - output)) & 1) << (colourOf[bit] as number);
  }
  return result;
}

/** Rows 0 and 1 of the lane's box in one octet, or rows 2 and 3, for an inner nibble. */
const rowPair = (lane: number, pair: number, nibble: number): number => {
  const box = boxOfLane[lane] as number;
  return substituted(box, 2 * pair, nibble) | (substituted(box, 2 * pair + 1, nibble) << 4);
};

const laneOf = (box: number): number => boxOfLane.indexOf((box + 8) % 8);
const nibbles = Array.from({ length: 16 }, (_, nibble) => nibble);

/** The four lanes' octets that a lane takes bits from, by colour; 0x80 where it takes none. */
function gathered(colour: number): number[] {
  const from = (lane: number, inputs: number[]): number => {
    const bits = inputs.map((input) => inputsOf(boxOfLane[lane] as number)[input] as number);
    const bit = bits.find((each) => colourOf[each] === colour);
    return bit === undefined ? 0x80 : 2 * laneOf(sourceOf(bit).box);
  };
  return lanes.flatMap((lane) => [from(lane, [1, 2, 3, 4]), from(lane, [0, 5])]);
}

/** For sixteen blocks: the lane from which each lane takes its bit of each colour, [lane][colour]. */
export const sources = lanes.map((lane) =>
  colours.map((colour) => (gathered(colour)[2 * lane] as number) / 2),
);
/** The lane of the box before and of the box behind each lane's. */
export const neighbours = lanes.map((lane) => {
  const box = boxOfLane[lane] as number;
  return [laneOf(box - 1), laneOf(box + 1)];
});

/** The tables in the firmware's order, 16 octets a row. */
export const desTables: Readonly<Record<string, number[][]>> = {
  COLUMNS: nibbles.map((nibble) =>
    lanes.flatMap((lane) => [rowPair(lane, 0, nibble), rowPair(lane, 1, nibble)]),
  ),
  ROW_PAIRS: lanes.flatMap((lane) =>
    [0, 1].map((pair) => nibbles.map((nibble) => rowPair(lane, pair, nibble))),
  ),
  INPUTS: [0, 1, 2, 3, 4, 5].map((input) =>
    lanes.flatMap((lane) => {
      const { high, mask } = maskOf(lane, input);
      return high ? [0, mask] : [mask, 0];
    }),
  ),
  GATHER: colours.map(gathered),
  NEIGHBOURS: [0, 1].map((side) => neighbours.flatMap((pair) => [0x80, 2 * (pair[side] as number)])),
};
