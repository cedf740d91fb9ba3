/**
 * AES-CCM (SP 800-38C, RFC 3610) with 11-octet nonces, a length field of 4 octets and ICVs of 8, 12 or 16 octets, as ESP uses
 * it (RFC 4309). Constant-time. Sits between the ESP rooms and the cipher; builds no nonces and no AAD, and holds no state
 * between packets.
 *
 * The MAC is CBC's chain over the plaintext, so a received text has to be decrypted before its ICV can be computed; when that
 * is wrong, the text is encrypted again. MAC and keystream take two passes: the keystream comes eight blocks at a time, and
 * a block of it encrypted beside each block of the MAC was slower on long packets.
 */
import { CCM_NONCE_SIZE } from '../../../abi/crypto-context.ts';
import { aesEncryptBlock, aesExpand } from '../aes/aes.ts';
import { addKeystream, blocksOf, keystreamBlock, startKeystream } from './counter-mode.ts';
import { isIcv, writeIcv } from './icv.ts';

/** Flags and nonce, then a length of 4 octets: begins the MAC, and without its length the counter blocks. Not reentrant. */
const FIRST_BLOCK: usize = memory.data(16, 16);
const LENGTH: usize = 12;
const PARTIAL: usize = memory.data(16, 16);

const ICV_COUNTER: usize = 0;
const TEXT_COUNTER: usize = 1;
/** RFC 3610 §2.2 and §2.3: the flags' lowest bits say L - 1, and L is 4 (RFC 4309 §3). */
const LENGTH_FLAG: u32 = 3;
const AAD_FLAG: u32 = 0x40;
/** From here on AAD takes a longer length field (RFC 3610 §2.2), which nothing in ESP needs. */
const AAD_LIMIT: i32 = 0xff00;

/**
 * Fills a context from a key.
 *
 * @param context  CCM_CONTEXT_SIZE octets, written whole
 * @param key      `keyLength` octets: 16, 24 or 32; other lengths trap
 * @constantTime
 */
export function ccmSetup(context: usize, key: usize, keyLength: i32): void {
  aesExpand(key, keyLength, context);
}

/**
 * Encrypts a text in place and writes its ICV.
 *
 * @param nonce      CCM_NONCE_SIZE octets, used once under this key
 * @param aad        `aadLength` octets, fewer than 0xff00, covered by the ICV; more trap
 * @param text       `textLength` octets
 * @param icv        `icvLength` octets, written; may follow the text, overlaps nothing
 * @param icvLength  8, 12 or 16
 * @constantTime in all but the lengths
 * @rfc 3610 §2, 4309 §3
 */
export function ccmSeal(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
  icvLength: i32,
): void {
  writeNonce(nonce);
  const mac = authenticate(context, aad, aadLength, text, textLength, icvLength);
  start(context, textLength);
  const icvMask = keystreamBlock(ICV_COUNTER);
  addKeystream(context, text, textLength, TEXT_COUNTER);
  writeIcv(icv, v128.xor(mac, icvMask), icvLength);
}

/**
 * Decrypts a text in place and verifies its ICV. When that is wrong, the text is as it was before the call.
 *
 * @returns false when the ICV is wrong
 * @constantTime in all but the lengths and the verdict
 * @rfc 3610 §2.5, 4309 §3
 */
export function ccmOpen(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icv: usize,
  icvLength: i32,
): bool {
  writeNonce(nonce);
  start(context, textLength);
  const icvMask = keystreamBlock(ICV_COUNTER);
  addKeystream(context, text, textLength, TEXT_COUNTER);
  const mac = authenticate(context, aad, aadLength, text, textLength, icvLength);
  if (isIcv(icv, v128.xor(mac, icvMask), icvLength)) return true;
  start(context, textLength);
  addKeystream(context, text, textLength, TEXT_COUNTER);
  return false;
}

function writeNonce(nonce: usize): void {
  for (let index: usize = 0; index < <usize>CCM_NONCE_SIZE; index++) {
    store<u8>(FIRST_BLOCK + 1 + index, load<u8>(nonce + index));
  }
}

/** Starts the keystream: counter 0 is the ICV's, the text begins at 1 (RFC 3610 §2.3). */
function start(context: usize, textLength: i32): void {
  store<u8>(FIRST_BLOCK, LENGTH_FLAG);
  startKeystream(context, FIRST_BLOCK, 1 + blocksOf(textLength));
}

/** The MAC over lengths, nonce, AAD and plaintext (RFC 3610 §2.2), not yet masked. */
function authenticate(
  context: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icvLength: i32,
): v128 {
  if (aadLength >= AAD_LIMIT) unreachable();
  const aadFlag: u32 = aadLength > 0 ? AAD_FLAG : 0;
  store<u8>(FIRST_BLOCK, aadFlag | ((<u32>((icvLength - 2) >> 1)) << 3) | LENGTH_FLAG);
  store<u32>(FIRST_BLOCK, bswap<u32>(<u32>textLength), LENGTH);
  let mac = aesEncryptBlock(context, v128.load(FIRST_BLOCK));
  if (aadLength > 0) {
    // The AAD begins with its length in two octets, so the first block has room for fourteen of it.
    const head = min(14, aadLength);
    v128.store(PARTIAL, i8x16.splat(0));
    store<u16>(PARTIAL, bswap<u16>(<u16>aadLength));
    for (let index: usize = 0; index < <usize>head; index++) {
      store<u8>(PARTIAL + 2 + index, load<u8>(aad + index));
    }
    mac = aesEncryptBlock(context, v128.xor(mac, v128.load(PARTIAL)));
    mac = chain(context, mac, aad + <usize>head, aadLength - head);
  }
  return chain(context, mac, text, textLength);
}

/** Carries the MAC on over `length` octets, the last block of which is padded with zeros. */
function chain(context: usize, mac: v128, octets: usize, length: i32): v128 {
  const end = octets + <usize>(length & ~15);
  for (; octets < end; octets += 16) {
    mac = aesEncryptBlock(context, v128.xor(mac, v128.load(octets)));
  }
  const left = <usize>(length & 15);
  if (left === 0) return mac;
  v128.store(PARTIAL, i8x16.splat(0));
  for (let index: usize = 0; index < left; index++) store<u8>(PARTIAL + index, load<u8>(octets + index));
  return aesEncryptBlock(context, v128.xor(mac, v128.load(PARTIAL)));
}
