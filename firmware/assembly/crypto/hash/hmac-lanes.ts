/**
 * HMAC (RFC 2104) with SHA-1 or SHA-256 of up to eight packets at once, each with its own key, a packet a lane, in two groups of four
 * lanes. Lengths may differ: all lanes run to the end of the longest message, and those that have finished keep their values. Inner hash,
 * padding and outer hash all run in lanes. Constant-time but for lengths. Contexts are those of `hmac.ts`; which packets go
 * together is the caller's choice.
 *
 * A job is a record of HMAC_JOB_SIZE octets (`firmware/abi/crypto-context.ts`).
 */
import {
  HMAC_JOB_CONTEXT,
  HMAC_JOB_LENGTH,
  HMAC_JOB_MESSAGE,
  HMAC_JOB_OUT,
  HMAC_JOB_SIZE,
  HMAC_LANES,
  SHA1_DIGEST_SIZE,
  SHA256_DIGEST_SIZE,
} from '../../../abi/crypto-context.ts';
import { transpose } from './lanes.ts';
import { sha1Lanes } from './sha1-lanes.ts';
import { sha256EightLanes } from './sha256-eight-lanes.ts';
import { sha256Lanes } from './sha256-lanes.ts';
import { padTail } from './tail.ts';

/** Lanes of one vector. */
const GROUP: u32 = 4;
/** B of RFC 2104 §2, the same for both hashes, and where a context keeps the outer value. */
const BLOCK: i32 = 64;
const OUTER: usize = 32;
const TAIL_SIZE: usize = 128;

/** Scratch; not reentrant. Eight vectors a group: a word of each chaining value. */
const VALUES: usize = memory.data(256, 16);
const GROUP_VALUES: usize = 128;
/** The lanes' inner digests, 32 octets each, and tails, two blocks each. */
const DIGESTS: usize = memory.data(256, 16);
const TAILS: usize = memory.data(1024, 16);

/** What a lane reads: u32 each. Whole blocks at SOURCE, then the blocks of its tail. */
const SOURCE: usize = 0;
const SOURCE_BLOCKS: usize = 4;
const TAIL_BLOCKS: usize = 8;
const READER_SIZE: usize = 16;
const READERS: usize = memory.data(128, 16);
const GROUP_READERS: usize = 64;
/** All bits set for a lane that has not finished. */
const RUNNING: usize = memory.data(32, 16);

/**
 * Writes the whole HMAC-SHA-1 of each job's message.
 *
 * @param jobs   `count` jobs; contexts filled by hmacSha1Setup; 20 octets are written at each job's out, after all messages
 *               were read, so it may overlap any of them
 * @param count  1 to HMAC_LANES
 * @constantTime but for the lengths
 */
export function hmacSha1Lanes(jobs: usize, count: u32): void {
  hmacLanes(SHA1_DIGEST_SIZE, jobs, count);
}

/** The same of HMAC-SHA-256: contexts filled by hmacSha256Setup, 32 octets written at each job's out. */
export function hmacSha256Lanes(jobs: usize, count: u32): void {
  hmacLanes(SHA256_DIGEST_SIZE, jobs, count);
}

/** The size of the digest tells which hash. */
function hmacLanes(digestSize: i32, jobs: usize, count: u32): void {
  const lanes = count > GROUP ? <u32>HMAC_LANES : GROUP;
  loadValues(jobs, count, lanes, 0);
  for (let lane: u32 = 0; lane < lanes; lane++) {
    const job = jobOf(jobs, count, lane);
    prepare(lane, load<u32>(job, HMAC_JOB_MESSAGE), load<u32>(job, HMAC_JOB_LENGTH));
  }
  run(digestSize, lanes);
  for (let lane: u32 = 0; lane < lanes; lane++) {
    const digest = DIGESTS + <usize>(lane << 5);
    writeDigest(digestSize, lane, digest);
    prepare(lane, digest, digestSize);
  }
  loadValues(jobs, count, lanes, OUTER);
  run(digestSize, lanes);
  for (let lane: u32 = 0; lane < count; lane++) {
    writeDigest(digestSize, lane, load<u32>(jobOf(jobs, count, lane), HMAC_JOB_OUT));
  }
}

/** A lane without a job of its own repeats the first, and its digest is not written. */
function jobOf(jobs: usize, count: u32, lane: u32): usize {
  return lane < count ? jobs + <usize>lane * HMAC_JOB_SIZE : jobs;
}

/** VALUES from the half of each context at `half`; of SHA-1's, three words stay unused. */
function loadValues(jobs: usize, count: u32, lanes: u32, half: usize): void {
  let values = VALUES;
  for (let lane: u32 = 0; lane < lanes; lane += GROUP, values += GROUP_VALUES) {
    const context0 = <usize>load<u32>(jobOf(jobs, count, lane), HMAC_JOB_CONTEXT) + half;
    const context1 = <usize>load<u32>(jobOf(jobs, count, lane + 1), HMAC_JOB_CONTEXT) + half;
    const context2 = <usize>load<u32>(jobOf(jobs, count, lane + 2), HMAC_JOB_CONTEXT) + half;
    const context3 = <usize>load<u32>(jobOf(jobs, count, lane + 3), HMAC_JOB_CONTEXT) + half;
    for (let at: usize = 0; at < 32; at += 16) {
      transpose(
        values + (at << 2),
        v128.load(context0 + at),
        v128.load(context1 + at),
        v128.load(context2 + at),
        v128.load(context3 + at),
      );
    }
  }
}

/** Sets a lane up to read a message that follows on a padded key, and pads the message. */
function prepare(lane: u32, message: usize, length: i32): void {
  const reader = READERS + <usize>lane * READER_SIZE;
  const left = length & (BLOCK - 1);
  const whole = length - left;
  const bits = bswap<u64>((<u64>BLOCK + <u64>length) << 3);
  const padded = padTail(tailOf(lane), message + <usize>whole, left, BLOCK, bits);
  store<u32>(reader, <u32>message, SOURCE);
  store<u32>(reader, whole >> 6, SOURCE_BLOCKS);
  store<u32>(reader, padded >> 6, TAIL_BLOCKS);
}

function tailOf(lane: u32): usize {
  return TAILS + <usize>lane * TAIL_SIZE;
}

/**
 * Runs all lanes to their ends: each time as far as no lane comes to the end of what it reads. One that has finished reads what a
 * running lane reads, so that it stays inside memory that is there. A group that has finished is left out.
 */
function run(digestSize: i32, lanes: u32): void {
  for (let blocks = nextStretch(lanes); blocks > 0; blocks = nextStretch(lanes)) {
    const first = v128.any_true(v128.load(RUNNING));
    const second = lanes > GROUP && v128.any_true(v128.load(RUNNING, 16));
    if (digestSize === SHA256_DIGEST_SIZE && first && second) {
      sha256EightLanes(VALUES, READERS, blocks, RUNNING);
    } else {
      if (first) runGroup(digestSize, 0, blocks);
      if (second) runGroup(digestSize, 1, blocks);
    }
    advance(blocks, lanes);
  }
}

/** Takes `blocks` blocks into the four chaining values of a group. */
function runGroup(digestSize: i32, group: usize, blocks: i32): void {
  const values = VALUES + group * GROUP_VALUES;
  const readers = READERS + group * GROUP_READERS;
  const running = v128.load(RUNNING + (group << 4));
  const a = <usize>load<u32>(readers, 0);
  const b = <usize>load<u32>(readers, 16);
  const c = <usize>load<u32>(readers, 32);
  const d = <usize>load<u32>(readers, 48);
  if (digestSize === SHA1_DIGEST_SIZE) sha1Lanes(values, a, b, c, d, blocks, running);
  else sha256Lanes(values, a, b, c, d, blocks, running);
}

/** Sends lanes on to their tails, and fills RUNNING. Returns how many blocks all may go on for; 0 when all have finished. */
function nextStretch(lanes: u32): i32 {
  let stretch: u32 = u32.MAX_VALUE;
  let busy: usize = 0;
  for (let lane: u32 = 0; lane < lanes; lane++) {
    const reader = READERS + <usize>lane * READER_SIZE;
    if (load<u32>(reader, SOURCE_BLOCKS) === 0) {
      store<u32>(reader, <u32>tailOf(lane), SOURCE);
      store<u32>(reader, load<u32>(reader, TAIL_BLOCKS), SOURCE_BLOCKS);
      store<u32>(reader, 0, TAIL_BLOCKS);
    }
    const blocks = load<u32>(reader, SOURCE_BLOCKS);
    store<u32>(RUNNING + <usize>(lane << 2), blocks > 0 ? u32.MAX_VALUE : 0);
    if (blocks === 0) continue;
    stretch = min(stretch, blocks);
    busy = reader;
  }
  if (busy === 0) return 0;
  for (let reader = READERS; reader < readersEnd(lanes); reader += READER_SIZE) {
    if (load<u32>(reader, SOURCE_BLOCKS) === 0) store<u32>(reader, load<u32>(busy, SOURCE), SOURCE);
  }
  return stretch;
}

/** Takes note that every running lane has read `blocks` blocks. */
function advance(blocks: u32, lanes: u32): void {
  for (let reader = READERS; reader < readersEnd(lanes); reader += READER_SIZE) {
    const left = load<u32>(reader, SOURCE_BLOCKS);
    if (left === 0) continue;
    store<u32>(reader, load<u32>(reader, SOURCE) + (blocks << 6), SOURCE);
    store<u32>(reader, left - blocks, SOURCE_BLOCKS);
  }
}

function readersEnd(lanes: u32): usize {
  return READERS + <usize>lanes * READER_SIZE;
}

/** Writes a lane's chaining value as a digest: words big-endian. */
function writeDigest(digestSize: i32, lane: u32, out: usize): void {
  const words = VALUES + <usize>(lane >> 2) * GROUP_VALUES + <usize>((lane & 3) << 2);
  for (let at: usize = 0; at < <usize>digestSize; at += 4) {
    store<u32>(out + at, bswap<u32>(load<u32>(words + (at << 2))));
  }
}
