/**
 * ChaCha20-Poly1305 (RFC 8439 §2.8) as ESP uses it (RFC 7634). Constant-time. Sits between the ESP rooms and `chacha20.ts`,
 * `poly1305.ts` and `stitched.ts`; builds no nonces and no AAD, and holds no state between packets.
 *
 * Block 0 of the keystream is the Poly1305 key, the text starts at block 1: the first call for keystream gives both. From then on
 * Poly1305 follows in the same calls as ChaCha20: when sealing over what was just encrypted, when opening over what came, while
 * the keystream waits in KEYSTREAM until the ICV is verified.
 */
import { CHACHA20_POLY1305_CONTEXT_SIZE, CHACHA20_POLY1305_ICV_SIZE } from '../../../abi/crypto-context.ts';
import { equal } from '../equal.ts';
import { chacha20Two } from './chacha20.ts';
import { poly1305Begin, poly1305Blocks, poly1305End } from './poly1305.ts';
import { chacha20FourAndPoly1305, STITCH_MAC_BLOCKS, STITCH_SIZE } from './stitched.ts';

/** Room for the keystream of a whole packet of common size; longer ones are opened in two steps. */
const KEYSTREAM_SIZE: i32 = 2048;

/** Scratch; not reentrant. */
const KEYSTREAM: usize = memory.data(2048, 16);
const STAGE: usize = memory.data(16, 16);
const COMPUTED_ICV: usize = memory.data(16, 16);
/** What turns adding the keystream into writing it. */
const ZEROS: usize = memory.data(256, 16);

const BLOCK: i32 = 64;
/** Octets of text that the first four and the first two blocks of keystream serve. */
const FIRST_FOUR: i32 = 192;

/**
 * Fills a context from a key of 32 octets.
 *
 * @param context  CHACHA20_POLY1305_CONTEXT_SIZE octets, written whole
 * @constantTime
 */
export function chachaPolySetup(context: usize, key: usize): void {
  memory.copy(context, key, CHACHA20_POLY1305_CONTEXT_SIZE);
}

/**
 * Encrypts a text in place and writes its ICV.
 *
 * @param nonce  CHACHA20_POLY1305_NONCE_SIZE octets, used once under this key
 * @param aad    `aadLength` octets, covered by the ICV
 * @param icv    CHACHA20_POLY1305_ICV_SIZE octets, written; may follow the text, overlaps nothing
 * @constantTime in all but the lengths
 * @rfc 8439 §2.8, 7634 §2
 */
export function chachaPolySeal(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
): void {
  const end = text + <usize>textLength;
  begin(context, nonce, aad, aadLength, textLength);
  let encrypted = text + <usize>min(textLength, FIRST_FOUR);
  let covered = text;
  addKeystream(text, KEYSTREAM + BLOCK, min(textLength, FIRST_FOUR));
  for (let counter: u32 = 4; encrypted < end; counter += 4) {
    const blocks = min(STITCH_MAC_BLOCKS, <i32>(encrypted - covered) >> 4);
    const left = <i32>(end - encrypted);
    if (left >= STITCH_SIZE) {
      chacha20FourAndPoly1305(context, nonce, counter, encrypted, encrypted, covered, blocks);
      covered += 16 * <usize>blocks;
    } else {
      covered += 16 * <usize>keystream(context, nonce, counter, left, KEYSTREAM, covered, blocks);
      addKeystream(encrypted, KEYSTREAM, left);
    }
    encrypted += <usize>min(left, STITCH_SIZE);
  }
  finish(covered, end, aadLength, textLength, icv);
}

/**
 * Verifies an ICV, then decrypts the text in place. Writes nothing to the text unless the ICV is right.
 *
 * @returns false when the ICV is wrong
 * @constantTime in all but the lengths and the verdict
 * @rfc 8439 §2.8, 7634 §2
 */
export function chachaPolyOpen(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
): bool {
  const end = text + <usize>textLength;
  begin(context, nonce, aad, aadLength, textLength);
  const ahead = min(textLength, KEYSTREAM_SIZE - BLOCK);
  let covered = text;
  let counter: u32 = 4;
  for (let at = FIRST_FOUR; at < ahead; at += STITCH_SIZE) {
    const blocks = min(STITCH_MAC_BLOCKS, <i32>(end - covered) >> 4);
    const stream = KEYSTREAM + BLOCK + <usize>at;
    covered += 16 * <usize>keystream(context, nonce, counter, ahead - at, stream, covered, blocks);
    counter += 4;
  }
  finish(covered, end, aadLength, textLength, COMPUTED_ICV);
  if (!equal(COMPUTED_ICV, icv, CHACHA20_POLY1305_ICV_SIZE)) return false;
  addKeystream(text, KEYSTREAM + BLOCK, ahead);
  for (text += <usize>ahead; text < end; counter += 4) {
    const left = min(<i32>(end - text), STITCH_SIZE);
    keystream(context, nonce, counter, left, KEYSTREAM, text, 0);
    addKeystream(text, KEYSTREAM, left);
    text += <usize>left;
  }
  return true;
}

/** Fills KEYSTREAM from block 0 on with what the first 192 octets of text need, and takes the AAD into a new message. */
function begin(context: usize, nonce: usize, aad: usize, aadLength: i32, textLength: i32): void {
  keystream(context, nonce, 0, BLOCK + textLength, KEYSTREAM, ZEROS, 0);
  poly1305Begin(KEYSTREAM);
  poly1305Blocks(aad, aadLength >> 4);
  padded(aad + <usize>(aadLength & ~15), aadLength & 15);
}

/**
 * Writes the keystream of two or four blocks, as `length` needs, and takes other blocks into the message if it computes four.
 *
 * @returns the number of blocks taken in: `macBlocks` or 0
 */
function keystream(
  context: usize,
  nonce: usize,
  counter: u32,
  length: i32,
  out: usize,
  mac: usize,
  macBlocks: i32,
): i32 {
  if (length <= 2 * BLOCK) {
    chacha20Two(context, nonce, counter, out);
    return 0;
  }
  chacha20FourAndPoly1305(context, nonce, counter, ZEROS, out, mac, macBlocks);
  return macBlocks;
}

function addKeystream(text: usize, stream: usize, length: i32): void {
  const end = text + <usize>length;
  while (text + 16 <= end) {
    v128.store(text, v128.xor(v128.load(text), v128.load(stream)));
    text += 16;
    stream += 16;
  }
  while (text < end) {
    store<u8>(text, load<u8>(text) ^ load<u8>(stream));
    text += 1;
    stream += 1;
  }
}

/** Takes in what is left of the ciphertext, and the lengths; writes the ICV. */
function finish(covered: usize, end: usize, aadLength: i32, textLength: i32, icv: usize): void {
  const left = <i32>(end - covered);
  poly1305Blocks(covered, left >> 4);
  padded(covered + <usize>(left & ~15), left & 15);
  store<u64>(STAGE, <u64>aadLength, 0);
  store<u64>(STAGE, <u64>textLength, 8);
  poly1305Blocks(STAGE, 1);
  poly1305End(icv);
}

/** Takes in the `length` octets after the last whole block, padded with zeros (RFC 8439 §2.8), if any. */
function padded(octets: usize, length: i32): void {
  if (length === 0) return;
  v128.store(STAGE, i8x16.splat(0));
  for (let index: usize = 0; index < <usize>length; index++) {
    store<u8>(STAGE + index, load<u8>(octets + index));
  }
  poly1305Blocks(STAGE, 1);
}
