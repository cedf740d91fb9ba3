/**
 * SHA-256 (FIPS 180-4 §6.2) of eight messages at once: two groups of four lanes as in `sha256-lanes.ts`, A and B, which take turns
 * round by round. A round waits for the one before, so one group alone leaves a processor idle; two do not fit into sixteen
 * registers, so that d and h, which are not needed for three rounds, wait in memory. Constant-time. Only whole blocks; padding, lengths
 * and keys are `hmac-lanes.ts`.
 */
import { addRunning, loadBlocks } from './lanes.ts';
import { SHA256_ROUND_CONSTANTS } from './sha256.ts';
import { bigSigma0, bigSigma1, choose, extend } from './sha256-lanes.ts';

/**
 * What a group works with, a vector a word: the schedule, W_0 to W_63, then a and e as they were before the first round and after
 * each, beginning four rounds back, where they are d and h. Not reentrant.
 *
 *   0              1024                              2112
 *   | W_0 ... W_63 | a_-4 ... a_-1 | a_0 ... a_63    | e_-4 ... e_-1 | e_0 ... e_63 |
 *
 * Round t finds W_t, d and h at these distances from 16 * t.
 */
const H_OF_ROUND: usize = 2112;
const D_OF_ROUND: usize = 1024;
const GROUP_SIZE: usize = 3200;
const GROUPS: usize = memory.data(6400, 16);
/** From d to a, and from h to e, of the next round. */
const NEXT: usize = 64;

/**
 * Takes `blocks` blocks of each of eight messages into their chaining values, in place.
 *
 * @param values    8 vectors for the first four messages, as in `sha256Lanes`, then 8 for the others
 * @param messages  eight records of 16 octets, of which the first four are the address of a message
 * @param running   2 vectors: all bits set in the lanes to change; the others are computed as well, and their messages read
 * @constantTime
 */
export function sha256EightLanes(values: usize, messages: usize, blocks: i32, running: usize): void {
  for (let offset: usize = 0; offset < 64 * <usize>blocks; offset += 64) {
    loadGroup(GROUPS, values, messages, offset);
    loadGroup(GROUPS + GROUP_SIZE, values + 128, messages + 64, offset);
    let at = GROUPS;
    let constants = SHA256_ROUND_CONSTANTS;
    let aA = v128.load(values, 0);
    let bA = v128.load(values, 16);
    let bcA = v128.xor(bA, v128.load(values, 32));
    let eA = v128.load(values, 64);
    let fA = v128.load(values, 80);
    let gA = v128.load(values, 96);
    let aB = v128.load(values, 128);
    let bB = v128.load(values, 144);
    let bcB = v128.xor(bB, v128.load(values, 160));
    let eB = v128.load(values, 192);
    let fB = v128.load(values, 208);
    let gB = v128.load(values, 224);
    for (; at < GROUPS + 16 * 48; at += 16, constants += 4) {
      {
        extend(at);
        const given = i32x4.add(
          v128.load(at, H_OF_ROUND),
          i32x4.add(v128.load(at), v128.load32_splat(constants)),
        );
        const t1 = i32x4.add(i32x4.add(given, choose(eA, fA, gA)), bigSigma1(eA));
        gA = fA;
        fA = eA;
        eA = i32x4.add(v128.load(at, D_OF_ROUND), t1);
        v128.store(at, eA, H_OF_ROUND + NEXT);
        const ab = v128.xor(aA, bA);
        const next = i32x4.add(i32x4.add(t1, majority(ab, bcA, bA)), bigSigma0(aA));
        bcA = ab;
        bA = aA;
        aA = next;
        v128.store(at, aA, D_OF_ROUND + NEXT);
      }
      {
        extend(at + GROUP_SIZE);
        const given = i32x4.add(
          v128.load(at, GROUP_SIZE + H_OF_ROUND),
          i32x4.add(v128.load(at, GROUP_SIZE), v128.load32_splat(constants)),
        );
        const t1 = i32x4.add(i32x4.add(given, choose(eB, fB, gB)), bigSigma1(eB));
        gB = fB;
        fB = eB;
        eB = i32x4.add(v128.load(at, GROUP_SIZE + D_OF_ROUND), t1);
        v128.store(at, eB, GROUP_SIZE + H_OF_ROUND + NEXT);
        const ab = v128.xor(aB, bB);
        const next = i32x4.add(i32x4.add(t1, majority(ab, bcB, bB)), bigSigma0(aB));
        bcB = ab;
        bB = aB;
        aB = next;
        v128.store(at, aB, GROUP_SIZE + D_OF_ROUND + NEXT);
      }
    }
    for (; at < GROUPS + 16 * 64; at += 16, constants += 4) {
      {
        const given = i32x4.add(
          v128.load(at, H_OF_ROUND),
          i32x4.add(v128.load(at), v128.load32_splat(constants)),
        );
        const t1 = i32x4.add(i32x4.add(given, choose(eA, fA, gA)), bigSigma1(eA));
        gA = fA;
        fA = eA;
        eA = i32x4.add(v128.load(at, D_OF_ROUND), t1);
        v128.store(at, eA, H_OF_ROUND + NEXT);
        const ab = v128.xor(aA, bA);
        const next = i32x4.add(i32x4.add(t1, majority(ab, bcA, bA)), bigSigma0(aA));
        bcA = ab;
        bA = aA;
        aA = next;
        v128.store(at, aA, D_OF_ROUND + NEXT);
      }
      {
        const given = i32x4.add(
          v128.load(at, GROUP_SIZE + H_OF_ROUND),
          i32x4.add(v128.load(at, GROUP_SIZE), v128.load32_splat(constants)),
        );
        const t1 = i32x4.add(i32x4.add(given, choose(eB, fB, gB)), bigSigma1(eB));
        gB = fB;
        fB = eB;
        eB = i32x4.add(v128.load(at, GROUP_SIZE + D_OF_ROUND), t1);
        v128.store(at, eB, GROUP_SIZE + H_OF_ROUND + NEXT);
        const ab = v128.xor(aB, bB);
        const next = i32x4.add(i32x4.add(t1, majority(ab, bcB, bB)), bigSigma0(aB));
        bcB = ab;
        bB = aB;
        aB = next;
        v128.store(at, aB, GROUP_SIZE + D_OF_ROUND + NEXT);
      }
    }
    addGroup(GROUPS, values, v128.load(running));
    addGroup(GROUPS + GROUP_SIZE, values + 128, v128.load(running, 16));
  }
}

/** The block at `offset` of each of four messages, and d, c, b, a, h, g, f, e before its first round. */
function loadGroup(group: usize, values: usize, messages: usize, offset: usize): void {
  loadBlocks(
    group,
    <usize>load<u32>(messages, 0) + offset,
    <usize>load<u32>(messages, 16) + offset,
    <usize>load<u32>(messages, 32) + offset,
    <usize>load<u32>(messages, 48) + offset,
  );
  for (let back: usize = 0; back < 64; back += 16) {
    v128.store(group + D_OF_ROUND + back, v128.load(values + 48 - back));
    v128.store(group + H_OF_ROUND + back, v128.load(values + 112 - back));
  }
}

/** Adds d, c, b, a, h, g, f, e after the last round to the chaining values. */
function addGroup(group: usize, values: usize, running: v128): void {
  const last = group + 16 * 64;
  for (let back: usize = 0; back < 64; back += 16) {
    addRunning(values + 48 - back, v128.load(last + D_OF_ROUND + back), running);
    addRunning(values + 112 - back, v128.load(last + H_OF_ROUND + back), running);
  }
}

/** Maj (FIPS 180-4 §4.1.2) of a, b and c: b + c is a + b of the round before. */
function majority(aPlusB: v128, bPlusC: v128, b: v128): v128 {
  return v128.xor(v128.and(aPlusB, bPlusC), b);
}
