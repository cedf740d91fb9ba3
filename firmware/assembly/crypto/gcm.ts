/**
 * AES-GCM (SP 800-38D) with 12-octet nonces and 16-octet ICVs, as ESP uses it (RFC 4106). Constant-time. Sits between the
 * ESP rooms and `aes-counter.ts` and `ghash.ts`; builds no nonces and no AAD, and holds no state between packets.
 *
 * Counter block 1 masks the ICV, the text starts at counter block 2 (§7.1): the first call for keystream gives both.
 */
import { AES_SCHEDULE_SIZE, GCM_ICV_SIZE, GCM_NONCE_SIZE } from '../../abi/crypto-context.ts';
import { aesEncryptBlock, aesExpand } from './aes.ts';
import { aesKeystream, KEYSTREAM_SIZE } from './aes-counter.ts';
import { aesCounterPrepare } from './aes-counter-start.ts';
import { equal } from './equal.ts';
import { ghash, ghashSetup } from './ghash.ts';

/** Scratch; not reentrant. */
const KEYSTREAM: usize = memory.data(256, 16);
const COUNTER_BLOCK: usize = memory.data(16, 16);
const COMPUTED_ICV: usize = memory.data(16, 16);
/** Blocks on their way to GHASH: the ends of AAD and text, padded, and the block of lengths. */
const STAGE: usize = memory.data(128, 16);
const STAGE_SIZE: usize = 128;

const ICV_BLOCK: usize = 16;
const FIRST_TEXT_BLOCK: usize = 32;

/**
 * Fills a context from a key.
 *
 * @param context    GCM_CONTEXT_SIZE octets, written whole
 * @param key        `keyLength` octets: 16, 24 or 32; other lengths trap
 * @constantTime
 */
export function gcmSetup(context: usize, key: usize, keyLength: i32): void {
  aesExpand(key, keyLength, context);
  ghashSetup(context + AES_SCHEDULE_SIZE, aesEncryptBlock(context, i8x16.splat(0)));
}

/**
 * Encrypts a text in place and writes its ICV.
 *
 * @param nonce       GCM_NONCE_SIZE octets, used once under this key
 * @param aad         `aadLength` octets, covered by the ICV
 * @param text        `textLength` octets; less than 2^32 - 2 blocks by its type
 * @param icv         GCM_ICV_SIZE octets, written; may follow the text, overlaps nothing
 * @constantTime in all but the lengths
 * @rfc SP 800-38D §7.1, RFC 4106 §3
 */
export function gcmSeal(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
): void {
  firstKeystream(context, nonce, textLength);
  const icvMask = v128.load(KEYSTREAM + ICV_BLOCK);
  addKeystream(context, text, textLength);
  v128.store(icv, v128.xor(authenticate(context, aad, aadLength, text, textLength), icvMask));
}

/**
 * Verifies an ICV, then decrypts the text in place. Writes nothing to the text unless the ICV is right.
 *
 * @returns false when the ICV is wrong
 * @constantTime in all but the lengths and the verdict
 * @rfc SP 800-38D §7.2, RFC 4106 §3
 */
export function gcmOpen(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
): bool {
  firstKeystream(context, nonce, textLength);
  const computed = authenticate(context, aad, aadLength, text, textLength);
  v128.store(COMPUTED_ICV, v128.xor(computed, v128.load(KEYSTREAM + ICV_BLOCK)));
  if (!equal(COMPUTED_ICV, icv, GCM_ICV_SIZE)) return false;
  addKeystream(context, text, textLength);
  return true;
}

/** Fills KEYSTREAM with counter blocks 0 (unused), 1 (the ICV's) and what the text needs of 2 ... 15. */
function firstKeystream(context: usize, nonce: usize, textLength: i32): void {
  store<u64>(COUNTER_BLOCK, load<u64>(nonce), 0);
  store<u64>(COUNTER_BLOCK, load<u32>(nonce, 8), 8);
  aesCounterPrepare(context, v128.load(COUNTER_BLOCK));
  aesKeystream(context, 0, min(16, 2 + blocksOf(textLength)), KEYSTREAM);
}

/** Adds the keystream to the text, from that of `firstKeystream` on. */
function addKeystream(context: usize, text: usize, textLength: i32): void {
  const end = text + <usize>textLength;
  let stream = KEYSTREAM + FIRST_TEXT_BLOCK;
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
      store<u32>(COUNTER_BLOCK, bswap(group << 4), GCM_NONCE_SIZE);
      aesCounterPrepare(context, v128.load(COUNTER_BLOCK));
    }
    aesKeystream(context, group & 15, min(16, blocksOf(<i32>(end - text))), KEYSTREAM);
    stream = KEYSTREAM;
  }
}

function blocksOf(octets: i32): i32 {
  return (octets + 15) >> 4;
}

/** GHASH of AAD, text and their lengths (SP 800-38D §7.1 step 5), not yet masked. */
function authenticate(context: usize, aad: usize, aadLength: i32, text: usize, textLength: i32): v128 {
  const rows = context + AES_SCHEDULE_SIZE;
  let y = i8x16.splat(0);
  y = ghash(rows, y, aad, aadLength >> 4);
  let staged = stagePartial(STAGE, aad + <usize>(aadLength & ~15), aadLength & 15);

  // Short texts and the head of long ones share a group with the AAD, so that groups are full where they can be.
  const end = text + <usize>(textLength & ~15);
  while (text < end && staged < STAGE + STAGE_SIZE) {
    v128.store(staged, v128.load(text));
    text += 16;
    staged += 16;
  }
  if (staged > STAGE + STAGE_SIZE - 32) {
    y = ghash(rows, y, STAGE, <i32>(staged - STAGE) >> 4);
    y = ghash(rows, y, text, <i32>(end - text) >> 4);
    staged = STAGE;
  }
  staged = stagePartial(staged, end, textLength & 15);
  store<u64>(staged, bswap<u64>((<u64>aadLength) << 3), 0);
  store<u64>(staged, bswap<u64>((<u64>textLength) << 3), 8);
  return ghash(rows, y, STAGE, <i32>(staged + 16 - STAGE) >> 4);
}

/** Stages the `length` octets after the last whole block, padded with zeros, if any; returns the next free place. */
function stagePartial(staged: usize, octets: usize, length: i32): usize {
  if (length === 0) return staged;
  // Octet by octet: memory.copy leaves the module, which costs more than so few octets.
  v128.store(staged, i8x16.splat(0));
  for (let index: usize = 0; index < <usize>length; index++) {
    store<u8>(staged + index, load<u8>(octets + index));
  }
  return staged + 16;
}
