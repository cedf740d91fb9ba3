/**
 * AES-GCM (SP 800-38D) with 12-octet nonces and ICVs of 8, 12 or 16 octets, as ESP uses it (RFC 4106). Constant-time. Sits
 * between the ESP rooms and `counter-mode.ts` and `ghash.ts`; builds no nonces and no AAD, and holds no state between packets.
 *
 * Counter block 1 masks the ICV, the text starts at counter block 2 (§7.1): the first call for keystream gives both.
 */
import { AES_SCHEDULE_SIZE } from '../../../abi/crypto-context.ts';
import { aesEncryptBlock, aesExpand } from '../aes/aes.ts';
import { addKeystream, blocksOf, keystreamBlock, startKeystream } from './counter-mode.ts';
import { ghash, ghashSetup } from './ghash.ts';
import { isIcv, writeIcv } from './icv.ts';

/** Blocks on their way to GHASH: the ends of AAD and text, padded, and the block of lengths. Not reentrant. */
const STAGE: usize = memory.data(128, 16);
const STAGE_SIZE: usize = 128;

const ICV_COUNTER: usize = 1;
const TEXT_COUNTER: usize = 2;

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
 * @param icv         `icvLength` octets, written; may follow the text, overlaps nothing
 * @param icvLength   8, 12 or 16
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
  icvLength: i32,
): void {
  startKeystream(context, nonce, 2 + blocksOf(textLength));
  const icvMask = keystreamBlock(ICV_COUNTER);
  addKeystream(context, text, textLength, TEXT_COUNTER);
  writeIcv(icv, v128.xor(authenticate(context, aad, aadLength, text, textLength), icvMask), icvLength);
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
  icvLength: i32,
): bool {
  startKeystream(context, nonce, 2 + blocksOf(textLength));
  const computed = authenticate(context, aad, aadLength, text, textLength);
  if (!isIcv(icv, v128.xor(computed, keystreamBlock(ICV_COUNTER)), icvLength)) return false;
  addKeystream(context, text, textLength, TEXT_COUNTER);
  return true;
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
