/**
 * DES and triple DES (FIPS 46-3) for one block, and the key schedule. Legacy; constant-time. Sits under `cbc.ts`;
 * blocks side by side are in `decrypt.ts`. Decides no mode and refuses no weak key.
 *
 * CBC encryption is one chain of rounds, so what counts is the way through a round. Each of the eight S-boxes has a 16-bit
 * lane of one register and is read whole, sixteen columns of four rows, by selections that each input bit steers in all
 * lanes at once: no index is secret. Swizzles, each good for one S-box here, would take as many steps and more constants;
 * bitslicing wants 128 blocks. The bits of a lane are in such an order that P and E are four swizzles (`tables.ts`).
 *
 * A half block or round key in a register, 16 bits for each S-box, and a schedule (DES_SCHEDULE_SIZE octets):
 *
 *   0             4   8             12        0        4           16            32
 *   | inner input | 0 | outer input | 0 |     | rounds | unused, 0 | round key 0 | round key 1 | ...
 */
import { DES_SCHEDULE_SIZE } from '../../../abi/crypto-context.ts';
import { lookup } from '../nibble.ts';
import { BEFORE, BEHIND, COLUMNS, GATHER, INPUTS, PERMUTED_CHOICE_1, PERMUTED_CHOICE_2 } from './tables.ts';

/** Where the first round key lies in a schedule. */
export const DES_ROUND_KEYS: usize = 16;
/** The octets of the round keys of one pass of DES. */
export const DES_PASS: usize = 256;

/** Rounds before which C and D turn by one place only, as bits (FIPS 46-3, appendix 1). */
const SINGLE_SHIFTS: u32 = 0x8103;

/** The bit of an octet that each of eight lanes tests, twice. */
// biome-ignore format: one vector
const BIT_OF_LANE: usize = memory.data<u8>([
  0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80,
], 16);

/** Each bit of a nibble in the low octet of every lane; then in both octets. From memory: the compiler would rebuild them. */
// biome-ignore format: one vector a line
const BITS: usize = memory.data<u8>([
  0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00,
  0x02, 0x00, 0x02, 0x00, 0x02, 0x00, 0x02, 0x00, 0x02, 0x00, 0x02, 0x00, 0x02, 0x00, 0x02, 0x00,
  0x04, 0x00, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00,
  0x08, 0x00, 0x08, 0x00, 0x08, 0x00, 0x08, 0x00, 0x08, 0x00, 0x08, 0x00, 0x08, 0x00, 0x08, 0x00,
  0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
  0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02,
  0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
  0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
], 16);

/**
 * Writes the schedule of a key. Parity bits are ignored. Traps on other key lengths: the host's door refuses them first.
 *
 * @param key        8 octets, or 24 for triple DES: K1, K2, K3 of encryption, decryption, encryption (RFC 2451 §2.2)
 * @param schedule   DES_SCHEDULE_SIZE octets, written whole; may not overlap the key
 * @constantTime
 */
export function desExpand(key: usize, keyLength: i32, schedule: usize): void {
  if (keyLength !== 8 && keyLength !== 24) unreachable();
  memory.fill(schedule, 0, DES_SCHEDULE_SIZE);
  store<u32>(schedule, keyLength << 1);
  let at = schedule + DES_ROUND_KEYS;
  expandPass(key, at, 16);
  if (keyLength === 8) return;
  at += DES_PASS;
  // The middle pass decrypts: the same rounds, last key first.
  expandPass(key + 8, at + DES_PASS - 16, -16);
  expandPass(key + 16, at + DES_PASS, 16);
}

/** Encrypts one block, as loaded from memory. @constantTime */
export function desEncryptBlock(schedule: usize, block: u64): u64 {
  const halves = desHalves(i64x2.splat(block));
  let left = withOuterInputs(v128.and(halves, i16x8.splat(0xff)));
  let right = withOuterInputs(i16x8.shr_u(halves, 8));
  let key = schedule + DES_ROUND_KEYS;
  const end = key + 16 * <usize>load<u32>(schedule);
  while (key < end) {
    for (const pass = key + DES_PASS; key < pass; key += 32) {
      left = v128.xor(left, substitute(v128.xor(right, v128.load(key, 0))));
      right = v128.xor(right, substitute(v128.xor(left, v128.load(key, 16))));
    }
    // The halves change places after a pass; between passes the final and the initial permutation undo each other.
    const swapped = left;
    left = right;
    right = swapped;
  }
  return desBlock(v128.or(v128.and(left, i16x8.splat(0xff)), i16x8.shl(right, 8)));
}

/**
 * The initial permutation of the block in the low octets of `block`: inner inputs of each S-box, of the left half in even
 * and of the right half in odd octets.
 */
export function desHalves(block: v128): v128 {
  const bits = v128.load(BIT_OF_LANE);
  return v128.or(
    v128.or(
      inputBits(v128.shuffle<u8>(block, block, 7, 7, 7, 7, 7, 7, 7, 7, 3, 3, 3, 3, 3, 3, 3, 3), bits, 1),
      inputBits(v128.shuffle<u8>(block, block, 6, 6, 6, 6, 6, 6, 6, 6, 2, 2, 2, 2, 2, 2, 2, 2), bits, 2),
    ),
    v128.or(
      inputBits(v128.shuffle<u8>(block, block, 5, 5, 5, 5, 5, 5, 5, 5, 1, 1, 1, 1, 1, 1, 1, 1), bits, 3),
      inputBits(v128.shuffle<u8>(block, block, 4, 4, 4, 4, 4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0), bits, 4),
    ),
  );
}

/** The final permutation, its inverse: the block whose halves those are. */
export function desBlock(halves: v128): u64 {
  return (
    (octetPair(halves, 1) << 24) |
    (octetPair(halves, 2) << 16) |
    (octetPair(halves, 3) << 8) |
    octetPair(halves, 4)
  );
}

/** Every lane's bit `bits` of `octets`, at the place of input `input`. */
function inputBits(octets: v128, bits: v128, input: usize): v128 {
  return v128.and(i8x16.eq(v128.and(octets, bits), bits), inBothHalves(input));
}

/** The octet of the block that collects input `input` of S7, S5, S3 and S1, and 32 bits below it that of the others. */
function octetPair(halves: v128, input: usize): u64 {
  const mask = inBothHalves(input);
  const octets = <u64>i8x16.bitmask(i8x16.eq(v128.and(halves, mask), mask));
  return ((octets & 0xff) << 32) | (octets >> 8);
}

/** The place of an inner input in even and odd octets. */
function inBothHalves(input: usize): v128 {
  const place = v128.load(INPUTS + 16 * input);
  return v128.or(place, i16x8.shl(place, 8));
}

/** E (FIPS 46-3): adds the outer inputs, which are inner ones of the neighbours. */
function withOuterInputs(inner: v128): v128 {
  const before = v128.and(lookup(inner, v128.load(BEFORE)), v128.load(INPUTS, 0));
  const behind = v128.and(lookup(inner, v128.load(BEHIND)), v128.load(INPUTS, 80));
  return v128.or(inner, v128.or(before, behind));
}

/** The S-boxes, P and the next round's E. Sixteen columns, halved by each bit of the inner input, then the rows. */
function substitute(x: v128): v128 {
  const bit0 = hasBits(x, v128.load(BITS, 0));
  const bit1 = hasBits(x, v128.load(BITS, 16));
  const bit2 = hasBits(x, v128.load(BITS, 32));
  const bit3 = hasBits(x, v128.load(BITS, 48));
  const low = select(bit2, columns(4, bit0, bit1), columns(0, bit0, bit1));
  const high = select(bit2, columns(12, bit0, bit1), columns(8, bit0, bit1));
  let rows = select(bit3, high, low);
  rows = select(hasBits(x, v128.load(INPUTS, 0)), i16x8.shr_u(rows, 8), rows);
  rows = select(hasBits(x, v128.load(INPUTS, 80)), i16x8.shr_u(rows, 4), rows);
  // Above the nibble there are rows not wanted; the masks leave them out.
  return v128.xor(v128.xor(gather(rows, 0), gather(rows, 1)), v128.xor(gather(rows, 2), gather(rows, 3)));
}

/** One of the four columns from `first` on. */
function columns(first: usize, bit0: v128, bit1: v128): v128 {
  const at = COLUMNS + 16 * first;
  const low = select(bit0, v128.load(at, 16), v128.load(at, 0));
  return select(bit1, select(bit0, v128.load(at, 48), v128.load(at, 32)), low);
}

/** Bit `bit` of the octets that each octet takes it from. */
function gather(rows: v128, bit: usize): v128 {
  return v128.and(lookup(rows, v128.load(GATHER + 16 * bit)), v128.load(BITS + 64 + 16 * bit));
}

/** All ones in each 16-bit lane that has the bit of `mask`. */
function hasBits(x: v128, mask: v128): v128 {
  return i16x8.eq(v128.and(x, mask), mask);
}

/** `yes` where the mask is all ones, `no` where it is zero: for such masks the relaxed instruction has one answer. */
function select(mask: v128, yes: v128, no: v128): v128 {
  return i8x16.relaxed_laneselect(yes, no, mask);
}

/** Writes the sixteen round keys of one key (FIPS 46-3, appendix 1), each `stride` octets behind the one before. */
function expandPass(key: usize, first: usize, stride: isize): void {
  const bits = bswap<u64>(load<u64>(key));
  let c = permutedChoice1(bits, 0);
  let d = permutedChoice1(bits, 28);
  let at = first;
  for (let round: u32 = 0; round < 16; round++) {
    const shift: u32 = 2 - ((SINGLE_SHIFTS >> round) & 1);
    c = ((c << shift) | (c >> (28 - shift))) & 0xfffffff;
    d = ((d << shift) | (d >> (28 - shift))) & 0xfffffff;
    storeRoundKey(((<u64>c) << 28) | <u64>d, at);
    at += stride;
  }
}

/** 28 bits of PC-1 from its entry `first` on. */
function permutedChoice1(bits: u64, first: usize): u32 {
  let chosen: u32 = 0;
  for (let entry: usize = 0; entry < 28; entry++) {
    const number = <u64>load<u8>(PERMUTED_CHOICE_1 + first + entry);
    chosen = (chosen << 1) | (<u32>(bits >> (64 - number)) & 1);
  }
  return chosen;
}

/** PC-2 of the 56 bits of CD, each bit at the place of the input that it meets. */
function storeRoundKey(cd: u64, at: usize): void {
  for (let lane: usize = 0; lane < 8; lane++) {
    let inputs: u32 = 0;
    for (let input: usize = 0; input < 6; input++) {
      const number = <u64>load<u8>(PERMUTED_CHOICE_2 + 6 * lane + input);
      const bit = <u32>(cd >> (56 - number)) & 1;
      inputs |= -bit & <u32>load<u16>(INPUTS + 16 * input + 2 * lane);
    }
    store<u16>(at + 2 * lane, inputs);
  }
}
