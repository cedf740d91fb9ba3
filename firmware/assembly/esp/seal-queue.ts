/**
 * Packets that are sealed at the end of their batch, several at once, whatever SAs they belong to: CBC encrypts those with keys of
 * one length side by side, HMAC those of one hash. Until `sealQueued` they lie in their slots, complete but for encryption, IV and
 * ICV; nobody sees them before, because the batch is not over. Which packets wait is decided in seal.ts.
 */
import { AES_CBC_IV_LENGTH, ENCRYPTION_AES_CBC } from '../../abi/algorithm.ts';
import {
  AES_BLOCK_SIZE,
  CBC_JOB_IV,
  CBC_JOB_LENGTH,
  CBC_JOB_SCHEDULE,
  CBC_JOB_SIZE,
  CBC_JOB_TEXT,
  CBC_LANES,
  CIPHER_IV_KEY,
} from '../../abi/crypto-context.ts';
import { SA_ENCRYPTION, SA_FLAG_ESN, SA_FLAGS, SA_INTEGRITY } from '../../abi/sa-slot.ts';
import { cbcEncryptLanes } from '../crypto/aes-modes/cbc-lanes.ts';
import { UDP_HEADER } from '../packet/ip.ts';
import { writeUdpChecksum } from '../packet/outer-header.ts';
import { icvLength } from './geometry.ts';
import { collectIcv, computeIcvs, digestOf, hasLanes, LANE_BATCH } from './icv-lanes.ts';
import { computeIcv, DIGEST } from './integrity.ts';

/**
 * A packet that waits: u32 addresses of slot, keys, SPI and text, octets of the text, address of the IPv6 header whose UDP has to be
 * summed (0: none); u64 sequence number.
 */
const JOB_SLOT: usize = 0;
const JOB_CIPHER: usize = 4;
const JOB_ESP: usize = 8;
const JOB_TEXT: usize = 12;
const JOB_LENGTH: usize = 16;
const JOB_HEADER: usize = 20;
const JOB_SEQUENCE: usize = 24;
/** Of a packet in the queue, highest first: rounds of AES-CBC (0: another cipher, which has encrypted it), then length. */
const JOB_ORDER: usize = 32;
const JOB_SIZE: usize = 48;
const QUEUE: usize = memory.data(3072, 16);

/** What CBC does side by side. */
const CBC_JOBS: usize = memory.data(128, 16);
const ZERO_BLOCK: usize = memory.data(16, 16);

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
  // Side by side go packets with as many rounds and, so that lanes end together, of about one length.
  const rounds = load<u32>(slotPtr, SA_ENCRYPTION) === ENCRYPTION_AES_CBC ? load<u32>(cipherPtr) : 0;
  const order = (rounds << 16) | min<u32>(length, 0xffff);
  let job = QUEUE + <usize>queued * JOB_SIZE;
  for (; job > QUEUE && load<u32>(job - JOB_SIZE, JOB_ORDER) < order; job -= JOB_SIZE) {
    v128.store(job, v128.load(job - JOB_SIZE), 0);
    v128.store(job, v128.load(job - JOB_SIZE, 16), 16);
    v128.store(job, v128.load(job - JOB_SIZE, 32), 32);
  }
  store<u32>(job, order, JOB_ORDER);
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
  let job = QUEUE;
  while (job < end && roundsOf(job) !== 0) {
    let next = job + JOB_SIZE;
    while (next < end && next < job + <usize>CBC_LANES * JOB_SIZE && roundsOf(next) === roundsOf(job))
      next += JOB_SIZE;
    encryptCbc(job, next);
    job = next;
  }
  for (job = QUEUE; job < end; job += JOB_SIZE) cover(job);
  computeIcvs();
  for (job = QUEUE; job < end; job += JOB_SIZE) finish(job);
  queued = 0;
}

function roundsOf(job: usize): u32 {
  return load<u32>(job, JOB_ORDER) >> 16;
}

/**
 * Gives up to CBC_LANES packets their IVs, then encrypts them. An IV is the encryption of the packet's number under a key that serves
 * only this and is random at each installation, so that nobody foresees the next one (RFC 3602 section 3).
 */
function encryptCbc(first: usize, end: usize): void {
  let lane = CBC_JOBS;
  for (let job = first; job < end; job += JOB_SIZE, lane += CBC_JOB_SIZE) {
    const ivPtr = ivOf(job);
    v128.store(ivPtr, i64x2(0, <i64>bswap<u64>(load<u64>(job, JOB_SEQUENCE))));
    // The first block of a chain that begins with zeros is the cipher alone.
    store<u32>(lane, <u32>ZERO_BLOCK, CBC_JOB_IV);
    store<u32>(lane, <u32>ivPtr, CBC_JOB_TEXT);
    store<u32>(lane, AES_BLOCK_SIZE, CBC_JOB_LENGTH);
    store<u32>(lane, load<u32>(job, JOB_CIPHER) + CIPHER_IV_KEY, CBC_JOB_SCHEDULE);
  }
  const count = <u32>((end - first) / JOB_SIZE);
  cbcEncryptLanes(CBC_JOBS, count);
  lane = CBC_JOBS;
  for (let job = first; job < end; job += JOB_SIZE, lane += CBC_JOB_SIZE) {
    store<u32>(lane, <u32>ivOf(job), CBC_JOB_IV);
    store<u32>(lane, load<u32>(job, JOB_TEXT), CBC_JOB_TEXT);
    store<u32>(lane, load<u32>(job, JOB_LENGTH), CBC_JOB_LENGTH);
    store<u32>(lane, load<u32>(job, JOB_CIPHER), CBC_JOB_SCHEDULE);
  }
  cbcEncryptLanes(CBC_JOBS, count);
}

/** Computes the ICV of an encrypted packet, or collects it to be computed beside others. */
function cover(job: usize): void {
  const slotPtr = <usize>load<u32>(job, JOB_SLOT);
  const cipherPtr = <usize>load<u32>(job, JOB_CIPHER);
  const espPtr = <usize>load<u32>(job, JOB_ESP);
  const icvPtr = icvOf(job);
  const sequence = load<u64>(job, JOB_SEQUENCE);
  const integrity = load<u32>(slotPtr, SA_INTEGRITY);
  const extended = (load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_ESN) !== 0;
  if (!hasLanes(integrity)) {
    computeIcv(integrity, cipherPtr, espPtr, icvPtr, sequence, extended);
    memory.copy(icvPtr, DIGEST, icvLength(slotPtr));
    return;
  }
  collectIcv(integrity, cipherPtr, espPtr, icvPtr, sequence, extended, numberOf(job));
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

function ivOf(job: usize): usize {
  return <usize>load<u32>(job, JOB_TEXT) - AES_CBC_IV_LENGTH;
}

function icvOf(job: usize): usize {
  return <usize>load<u32>(job, JOB_TEXT) + <usize>load<u32>(job, JOB_LENGTH);
}

function numberOf(job: usize): u32 {
  return <u32>((job - QUEUE) / JOB_SIZE);
}
