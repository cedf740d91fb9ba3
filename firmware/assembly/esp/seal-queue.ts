/**
 * Packets that are sealed at the end of their batch, several at once: CBC encrypts packets of one SA side by side, HMAC those of
 * any SA. Until `sealQueued` they lie in their slots, complete but for encryption, IV and ICV; nobody sees them before, because
 * the batch is not over. Which packets wait is decided in seal.ts.
 */
import { ENCRYPTION_AES_CBC } from '../../abi/algorithm.ts';
import {
  CBC_JOB_IV,
  CBC_JOB_LENGTH,
  CBC_JOB_SIZE,
  CBC_JOB_TEXT,
  CBC_LANES,
  CIPHER_INTEGRITY,
  CIPHER_IV_KEY,
} from '../../abi/crypto-context.ts';
import { SA_ENCRYPTION, SA_FLAG_ESN, SA_FLAGS, SA_INTEGRITY } from '../../abi/sa-slot.ts';
import { cbcEncryptLanes, cbcUnpredictableIvLanes } from '../crypto/aes-modes/cbc-lanes.ts';
import { storeNetwork32, UDP_HEADER } from '../packet/ip.ts';
import { writeUdpChecksum } from '../packet/outer-header.ts';
import { icvLength, ivLength } from './geometry.ts';
import { collectIcv, computeIcvs, digestOf, hasLanes, LANE_BATCH } from './icv-lanes.ts';
import { computeIcv, DIGEST } from './integrity.ts';

/** A packet that waits: u32 addresses of slot, keys, SPI and text, the text's octets, and of the IPv6 header whose UDP has to be summed (0: none); u64 sequence number. */
const JOB_SLOT: usize = 0;
const JOB_CIPHER: usize = 4;
const JOB_ESP: usize = 8;
const JOB_TEXT: usize = 12;
const JOB_LENGTH: usize = 16;
const JOB_HEADER: usize = 20;
const JOB_SEQUENCE: usize = 24;
const JOB_SIZE: usize = 32;
const QUEUE: usize = memory.data(2048, 16);

/** Octets of the jobs that CBC takes at once. */
const CHUNK: usize = <usize>CBC_LANES * JOB_SIZE;
/** What CBC does side by side. */
const CBC_JOBS: usize = memory.data(128, 16);

let queued: u32 = 0;
/** The packet that was queued last; 0 when the last one was sealed at once. */
let newest: usize = 0;

/** Queues a packet whose header and trailer are written; with CBC it has neither IV nor encryption yet. */
export function queue(
  slotPtr: usize,
  cipherPtr: usize,
  espPtr: usize,
  textPtr: usize,
  length: u32,
  sequence: u64,
): void {
  if (queued === LANE_BATCH) sealQueued();
  // Those of an SA stand together, in the order of their numbers.
  let job = QUEUE + <usize>queued * JOB_SIZE;
  for (; job > QUEUE && <usize>load<u32>(job - JOB_SIZE, JOB_SLOT) > slotPtr; job -= JOB_SIZE) {
    v128.store(job, v128.load(job - JOB_SIZE));
    v128.store(job + 16, v128.load(job - JOB_SIZE + 16));
  }
  store<u32>(job, <u32>slotPtr, JOB_SLOT);
  store<u32>(job, <u32>cipherPtr, JOB_CIPHER);
  store<u32>(job, <u32>espPtr, JOB_ESP);
  store<u32>(job, <u32>textPtr, JOB_TEXT);
  store<u32>(job, length, JOB_LENGTH);
  store<u32>(job, 0, JOB_HEADER);
  store<u64>(job, sequence, JOB_SEQUENCE);
  queued++;
  newest = job;
}

/** Notes that the packet after this was sealed at once. */
export function queueNone(): void {
  newest = 0;
}

/** Sums the UDP of the packet that was sealed or queued last, as soon as it is sealed (RFC 8200 section 8.1). */
export function sumUdp(headerPtr: usize, udpPtr: usize, udpLength: u32): void {
  if (newest !== 0) store<u32>(newest, <u32>headerPtr, JOB_HEADER);
  else writeUdpChecksum(headerPtr, udpPtr, udpLength);
}

/** Seals all that wait; the batch may be given back afterwards. */
export function sealQueued(): void {
  const end = QUEUE + <usize>queued * JOB_SIZE;
  for (let job = QUEUE; job < end; ) {
    let next = job + JOB_SIZE;
    while (next < end && load<u32>(next, JOB_SLOT) === load<u32>(job, JOB_SLOT)) next += JOB_SIZE;
    sealSa(job, next);
    job = next;
  }
  computeIcvs();
  for (let job = QUEUE; job < end; job += JOB_SIZE) finish(job);
  queued = 0;
}

/** Encrypts the packets of one SA and collects their ICVs. */
function sealSa(first: usize, end: usize): void {
  const slotPtr = <usize>load<u32>(first, JOB_SLOT);
  const cipherPtr = <usize>load<u32>(first, JOB_CIPHER);
  const integrity = load<u32>(slotPtr, SA_INTEGRITY);
  const extended = (load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_ESN) !== 0;
  if (load<u32>(slotPtr, SA_ENCRYPTION) === ENCRYPTION_AES_CBC) {
    for (let job = first; job < end; job += CHUNK) {
      encryptCbc(slotPtr, cipherPtr, job, min(end, job + CHUNK));
    }
  }
  for (let job = first; job < end; job += JOB_SIZE) {
    const espPtr = <usize>load<u32>(job, JOB_ESP);
    const icvPtr = icvOf(job);
    const sequence = load<u64>(job, JOB_SEQUENCE);
    if (!hasLanes(integrity)) {
      computeIcv(integrity, cipherPtr, espPtr, icvPtr, sequence, extended);
      memory.copy(icvPtr, DIGEST, icvLength(slotPtr));
      continue;
    }
    if (extended) storeNetwork32(icvPtr, <u32>(sequence >> 32));
    const length = <u32>(icvPtr - espPtr) + (extended ? 4 : 0);
    collectIcv(integrity, cipherPtr + CIPHER_INTEGRITY, espPtr, length, numberOf(job));
  }
}

/** Encrypts up to CBC_LANES packets of one SA; their numbers follow each other, because an SA takes each and leaves none out. */
function encryptCbc(slotPtr: usize, cipherPtr: usize, first: usize, end: usize): void {
  let lane = CBC_JOBS;
  for (let job = first; job < end; job += JOB_SIZE, lane += CBC_JOB_SIZE) {
    const text = load<u32>(job, JOB_TEXT);
    store<u32>(lane, text - ivLength(slotPtr), CBC_JOB_IV);
    store<u32>(lane, text, CBC_JOB_TEXT);
    store<u32>(lane, load<u32>(job, JOB_LENGTH), CBC_JOB_LENGTH);
  }
  const count = <u32>((end - first) / JOB_SIZE);
  const sequence = load<u64>(first, JOB_SEQUENCE);
  const schedule = cipherPtr + CIPHER_IV_KEY;
  cbcUnpredictableIvLanes(schedule, <u32>sequence, <u32>(sequence >> 32), CBC_JOBS, count);
  cbcEncryptLanes(cipherPtr, CBC_JOBS, count);
}

/** Writes the ICV that was computed in a lane, and what depends on the whole packet. */
function finish(job: usize): void {
  const slotPtr = <usize>load<u32>(job, JOB_SLOT);
  const icvPtr = icvOf(job);
  const endPtr = icvPtr + icvLength(slotPtr);
  if (hasLanes(load<u32>(slotPtr, SA_INTEGRITY)))
    memory.copy(icvPtr, digestOf(numberOf(job)), icvLength(slotPtr));
  const headerPtr = <usize>load<u32>(job, JOB_HEADER);
  if (headerPtr === 0) return;
  const udpPtr = <usize>load<u32>(job, JOB_ESP) - UDP_HEADER;
  writeUdpChecksum(headerPtr, udpPtr, <u32>(endPtr - udpPtr));
}

function icvOf(job: usize): usize {
  return <usize>load<u32>(job, JOB_TEXT) + <usize>load<u32>(job, JOB_LENGTH);
}

function numberOf(job: usize): u32 {
  return <u32>((job - QUEUE) / JOB_SIZE);
}
