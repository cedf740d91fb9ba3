/**
 * GMAC (SP 800-38D §3): GCM without a text, as ESP and AH use it (RFC 4543). Takes the message in pieces, because what an ICV
 * covers does not lie in one place: the upper half of a sequence number is not in the packet, and AH counts some fields
 * as zero. Constant-time. Sits between the ESP rooms and `ghash.ts`; the contexts are those of `gcmSetup`.
 */
import { AES_SCHEDULE_SIZE } from '../../../abi/crypto-context.ts';
import { aesEncryptBlock } from '../aes/aes.ts';
import { ghash } from './ghash.ts';

/** The message begun: GHASH so far, counter block 1, and octets that do not yet fill a group. Not reentrant. */
const HASH: usize = memory.data(16, 16);
const COUNTER_BLOCK: usize = memory.data(16, 16);
const STAGE: usize = memory.data(144, 16);
const STAGE_SIZE: usize = 128;

let staged: usize = 0;
let messageLength: u64 = 0;

/**
 * Writes the ICV of a message.
 *
 * @param context  GCM_CONTEXT_SIZE octets of `gcmSetup`
 * @param nonce    GCM_NONCE_SIZE octets, used once under this key
 * @param icv      GCM_ICV_SIZE octets, written
 * @constantTime in all but the length
 */
export function gmac(context: usize, nonce: usize, message: usize, length: i32, icv: usize): void {
  gmacBegin(nonce);
  gmacAdd(context, message, length);
  gmacEnd(context, icv);
}

/** Begins a message; forgets one that was begun and not ended. Parameters as for `gmac`. */
export function gmacBegin(nonce: usize): void {
  v128.store(HASH, i8x16.splat(0));
  store<u64>(COUNTER_BLOCK, load<u64>(nonce), 0);
  store<u32>(COUNTER_BLOCK, load<u32>(nonce, 8), 8);
  store<u32>(COUNTER_BLOCK, bswap<u32>(1), 12);
  staged = 0;
  messageLength = 0;
}

/** Adds the next `length` octets of the message, wherever the last piece ended. */
export function gmacAdd(context: usize, piece: usize, length: i32): void {
  const end = piece + <usize>length;
  messageLength += <u64>length;
  while (piece < end) {
    if (staged === 0 && end - piece >= STAGE_SIZE) {
      const blocks = (<i32>(end - piece) >> 4) & ~7;
      hash(context, piece, blocks);
      piece += 16 * <usize>blocks;
    } else if ((staged & 15) === 0 && end - piece >= 16) {
      v128.store(STAGE + staged, v128.load(piece));
      staged += 16;
      piece += 16;
    } else {
      store<u8>(STAGE + staged, load<u8>(piece));
      staged += 1;
      piece += 1;
    }
    if (staged === STAGE_SIZE) {
      hash(context, STAGE, <i32>STAGE_SIZE >> 4);
      staged = 0;
    }
  }
}

/** Ends the message and writes its ICV. */
export function gmacEnd(context: usize, icv: usize): void {
  for (; (staged & 15) !== 0; staged++) store<u8>(STAGE + staged, 0);
  // There is room for one more block than a full group: the lengths of message and text (SP 800-38D §7.1 step 5).
  store<u64>(STAGE + staged, bswap<u64>(messageLength << 3), 0);
  store<u64>(STAGE + staged, 0, 8);
  hash(context, STAGE, <i32>(staged + 16) >> 4);
  v128.store(icv, v128.xor(v128.load(HASH), aesEncryptBlock(context, v128.load(COUNTER_BLOCK))));
}

function hash(context: usize, blocks: usize, count: i32): void {
  v128.store(HASH, ghash(context + AES_SCHEDULE_SIZE, v128.load(HASH), blocks, count));
}
