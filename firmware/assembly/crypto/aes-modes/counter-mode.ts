/**
 * Adds AES keystream to a text: what GCM, CTR and CCM share. Their counter blocks are twelve octets and a 32-bit counter
 * that starts at 0 for a packet (SP 800-38D §7.1, RFC 3686 §4, RFC 4309 §3); which block belongs to the text's beginning is
 * the mode's to say. Constant-time. Authenticates nothing. Not reentrant.
 */
import { aesKeystream, KEYSTREAM_SIZE } from '../aes/counter.ts';
import { aesCounterPrepare } from '../aes/counter-start.ts';

const KEYSTREAM: usize = memory.data(256, 16);
const COUNTER_BLOCK: usize = memory.data(16, 16);
const COUNTER: usize = 12;

/**
 * Computes the keystream of a packet's first counter blocks.
 *
 * @param schedule  encrypting schedule
 * @param prefix    12 octets, used once under this key: what precedes the counter
 * @param blocks    how many of them will be used, from counter 0 on; more than 16 may be said
 */
export function startKeystream(schedule: usize, prefix: usize, blocks: i32): void {
  store<u64>(COUNTER_BLOCK, load<u64>(prefix), 0);
  store<u64>(COUNTER_BLOCK, load<u32>(prefix, 8), 8);
  aesCounterPrepare(schedule, v128.load(COUNTER_BLOCK));
  aesKeystream(schedule, 0, min(16, blocks), KEYSTREAM);
}

/** The keystream of counter 0 ... 15, after `startKeystream` and before `addKeystream`. */
export function keystreamBlock(counter: usize): v128 {
  return v128.load(KEYSTREAM + 16 * counter);
}

/**
 * Adds the keystream to a text in place, which encrypts or decrypts it. Call `startKeystream` before.
 *
 * @param schedule      the one of `startKeystream`
 * @param firstCounter  0 ... 15: counter of the text's first block
 * @constantTime in all but the length
 */
export function addKeystream(schedule: usize, text: usize, textLength: i32, firstCounter: usize): void {
  const end = text + <usize>textLength;
  let stream = KEYSTREAM + 16 * firstCounter;
  for (let group: u32 = 1; ; group++) {
    const full = min(end, text + (KEYSTREAM + KEYSTREAM_SIZE - stream));
    while (text + 16 <= full) {
      v128.store(text, v128.xor(v128.load(text), v128.load(stream)));
      text += 16;
      stream += 16;
    }
    while (text < full) {
      store<u8>(text, load<u8>(text) ^ load<u8>(stream));
      text += 1;
      stream += 1;
    }
    if (text === end) return;
    if ((group & 15) === 0) {
      // The upper 24 bits of the 32-bit counter (SP 800-38D §6.2) move on: 256 blocks are done.
      store<u32>(COUNTER_BLOCK, bswap(group << 4), COUNTER);
      aesCounterPrepare(schedule, v128.load(COUNTER_BLOCK));
    }
    aesKeystream(schedule, group & 15, min(16, blocksOf(<i32>(end - text))), KEYSTREAM);
    stream = KEYSTREAM;
  }
}

/** Blocks that `octets` octets take, the last one in part. */
export function blocksOf(octets: i32): i32 {
  return (octets + 15) >> 4;
}
