/**
 * ICVs of several packets at once: collects those whose HMAC runs in lanes and computes them together, packets of about one
 * length side by side, since all lanes run as long as the longest. Which packets, and what becomes of their ICVs, is
 * decided by `seal-queue.ts` and `icv-ahead.ts`. Constant-time but for lengths.
 */
import { INTEGRITY_HMAC_SHA1_96, INTEGRITY_HMAC_SHA256_128 } from '../../abi/algorithm.ts';
import {
  CIPHER_INTEGRITY,
  HMAC_JOB_CONTEXT,
  HMAC_JOB_LENGTH,
  HMAC_JOB_MESSAGE,
  HMAC_JOB_OUT,
  HMAC_JOB_SIZE,
  HMAC_LANES,
} from '../../abi/crypto-context.ts';
import { hmacSha1, hmacSha256 } from '../crypto/hash/hmac.ts';
import { hmacSha1Lanes, hmacSha256Lanes } from '../crypto/hash/hmac-lanes.ts';
import { completeForIcv } from './integrity.ts';

/** Packets that are collected at most. */
export const LANE_BATCH: u32 = 64;

/** Two packets take as long in four lanes as one after the other; so do two more than four in eight. */
const WORTH_LANES: u32 = 3;
const HALF: u32 = HMAC_LANES / 2;

const JOBS_SIZE: i32 = 1024;
/** Longest message first. */
const SHA1_JOBS: usize = memory.data(JOBS_SIZE, 16);
const SHA256_JOBS: usize = memory.data(JOBS_SIZE, 16);
let sha1Count: u32 = 0;
let sha256Count: u32 = 0;

const DIGEST_SIZE: usize = 32;
const DIGESTS: usize = memory.data(2048, 16);

/** True where packets of an integrity are faster together. */
export function hasLanes(integrity: u32): bool {
  return integrity === INTEGRITY_HMAC_SHA256_128 || integrity === INTEGRITY_HMAC_SHA1_96;
}

/** Where the whole HMAC of packet `number`, below LANE_BATCH, is after `computeIcvs`; the ICV is its beginning. */
export function digestOf(number: u32): usize {
  return DIGESTS + <usize>number * DIGEST_SIZE;
}

/**
 * Collects the packet from `espPtr` to `icvPtr`, whose HMAC is to be digest `number`, for `computeIcvs`; until then it stays as it
 * is. Four octets from `icvPtr` on may change.
 */
export function collectIcv(
  integrity: u32,
  cipherPtr: usize,
  espPtr: usize,
  icvPtr: usize,
  sequence: u64,
  extended: bool,
  number: u32,
): void {
  const length = completeForIcv(espPtr, icvPtr, sequence, extended);
  const jobs = integrity === INTEGRITY_HMAC_SHA1_96 ? SHA1_JOBS : SHA256_JOBS;
  const count = integrity === INTEGRITY_HMAC_SHA1_96 ? sha1Count++ : sha256Count++;
  let job = jobs + <usize>count * HMAC_JOB_SIZE;
  for (; job > jobs && load<u32>(job - HMAC_JOB_SIZE, HMAC_JOB_LENGTH) < length; job -= HMAC_JOB_SIZE) {
    v128.store(job, v128.load(job - HMAC_JOB_SIZE));
  }
  store<u32>(job, <u32>(cipherPtr + CIPHER_INTEGRITY), HMAC_JOB_CONTEXT);
  store<u32>(job, <u32>espPtr, HMAC_JOB_MESSAGE);
  store<u32>(job, length, HMAC_JOB_LENGTH);
  store<u32>(job, <u32>digestOf(number), HMAC_JOB_OUT);
}

/** Computes everything that was collected, and forgets it. */
export function computeIcvs(): void {
  computeJobs(SHA1_JOBS, sha1Count, true);
  computeJobs(SHA256_JOBS, sha256Count, false);
  sha1Count = 0;
  sha256Count = 0;
}

function computeJobs(jobs: usize, count: u32, isSha1: bool): void {
  while (count >= WORTH_LANES) {
    const lanes = min(count, count < HALF + WORTH_LANES ? HALF : <u32>HMAC_LANES);
    if (isSha1) hmacSha1Lanes(jobs, lanes);
    else hmacSha256Lanes(jobs, lanes);
    jobs += <usize>lanes * HMAC_JOB_SIZE;
    count -= lanes;
  }
  for (; count > 0; count--, jobs += HMAC_JOB_SIZE) {
    const context = <usize>load<u32>(jobs, HMAC_JOB_CONTEXT);
    const message = <usize>load<u32>(jobs, HMAC_JOB_MESSAGE);
    const length = load<i32>(jobs, HMAC_JOB_LENGTH);
    const out = <usize>load<u32>(jobs, HMAC_JOB_OUT);
    if (isSha1) hmacSha1(context, message, length, out);
    else hmacSha256(context, message, length, out);
  }
}
