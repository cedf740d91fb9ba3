/**
 * AES-CBC encryption (SP 800-38A §6.2, RFC 3602) of several packets side by side, each under its own key. Decides which texts run
 * beside each other and for how long; the cipher is in `aes/chains.ts`, or in `cbc.ts` for a text that is left alone. Pads nothing
 * and authenticates nothing.
 *
 * Whenever the shortest text ends, the others move together: every text is then one block further along its own chain, whose
 * last ciphertext block is all that has to be remembered, and that stands in the text.
 */
import {
  CBC_JOB_IV,
  CBC_JOB_LENGTH,
  CBC_JOB_SCHEDULE,
  CBC_JOB_SIZE,
  CBC_JOB_TEXT,
  CBC_LANES,
} from '../../../abi/crypto-context.ts';
import { aesEncryptChains, forgetChainKeys } from '../aes/chains.ts';
import { cbcEncrypt } from './cbc.ts';

/** What is left of the jobs, in their form; not reentrant. */
const LANES: usize = memory.data(128, 16);

/**
 * Encrypts the texts of `count` jobs in place.
 *
 * @param jobs   `count` records of CBC_JOB_SIZE octets, only read: address of an unpredictable IV, address and length of a text, and
 *               of an encrypting schedule; keys are of one length, texts are multiples of 16 and may differ; texts and IVs do
 *               not overlap
 * @param count  1 ... CBC_LANES
 * @constantTime in all but count and lengths
 */
export function cbcEncryptLanes(jobs: usize, count: u32): void {
  let lanes: usize = LANES;
  for (const end = jobs + <usize>count * CBC_JOB_SIZE; jobs < end; jobs += CBC_JOB_SIZE) {
    v128.store(lanes, v128.load(jobs));
    if (load<u32>(lanes, CBC_JOB_LENGTH) !== 0) lanes += CBC_JOB_SIZE;
  }
  const together = lanes > LANES + CBC_JOB_SIZE;
  encryptLanes(lanes);
  if (together) forgetChainKeys();
}

/** Encrypts what LANES says, up to `end`. */
function encryptLanes(end: usize): void {
  while (end > LANES + CBC_JOB_SIZE) {
    const eight = end > LANES + 4 * CBC_JOB_SIZE;
    let octets: u32 = u32.MAX_VALUE;
    for (let lane = LANES; lane < end; lane += CBC_JOB_SIZE) {
      octets = min(octets, load<u32>(lane, CBC_JOB_LENGTH));
    }
    // An idle lane does what the first one does, octet for octet.
    for (let lane = end; lane < LANES + CBC_LANES * CBC_JOB_SIZE; lane += CBC_JOB_SIZE) {
      v128.store(lane, v128.load(LANES));
    }
    aesEncryptChains(LANES, <usize>octets, eight);
    end = closeRanks(end, octets);
  }
  if (end > LANES) {
    cbcEncrypt(
      <usize>load<u32>(LANES, CBC_JOB_SCHEDULE),
      <usize>load<u32>(LANES, CBC_JOB_IV),
      <usize>load<u32>(LANES, CBC_JOB_TEXT),
      <i32>load<u32>(LANES, CBC_JOB_LENGTH),
    );
  }
}

/**
 * Moves the lanes on by `octets`, takes out those that have come to their end, and moves the rest together.
 *
 * @returns the new end
 */
function closeRanks(end: usize, octets: u32): usize {
  let free: usize = LANES;
  for (let lane = LANES; lane < end; lane += CBC_JOB_SIZE) {
    const left = load<u32>(lane, CBC_JOB_LENGTH) - octets;
    if (left === 0) continue;
    const text = load<u32>(lane, CBC_JOB_TEXT) + octets;
    store<u32>(free, text - 16, CBC_JOB_IV);
    store<u32>(free, text, CBC_JOB_TEXT);
    store<u32>(free, left, CBC_JOB_LENGTH);
    store<u32>(free, load<u32>(lane, CBC_JOB_SCHEDULE), CBC_JOB_SCHEDULE);
    free += CBC_JOB_SIZE;
  }
  return free;
}
