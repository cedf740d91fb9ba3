/**
 * AES-CCM (SP 800-38C, RFC 3610) with 11-octet nonces, a length field of 4 octets and ICVs of 8, 12 or 16 octets, as ESP uses
 * it (RFC 4309). Constant-time. Sits between the ESP rooms and the cipher; builds no nonces and no AAD, and holds no state
 * between packets.
 *
 * The MAC is CBC's chain over the plaintext. Each of its blocks is encrypted together with a block of keystream, on which it
 * does not wait (`aes-pair.ts`):
 *
 *   MAC   | flags, nonce, length | AAD blocks | text 1 | text 2 | ...          the last AAD block beside counter 1, and so on
 *   CTR   | counter 0: the ICV's |            | counter 1 ...
 *
 * A received text has to be decrypted before its ICV can be computed; when that is wrong, the text is encrypted again.
 */
import { CCM_NONCE_SIZE } from '../../abi/crypto-context.ts';
import { aesEncryptBlock, aesExpand } from './aes.ts';
import { aesEncryptPair } from './aes-pair.ts';
import { addKeystream, blocksOf, startKeystream } from './counter-mode.ts';
import { isIcv, writeIcv } from './icv.ts';

/** A block of the MAC and one of the counter, then what both became; not reentrant. */
const PAIR: usize = memory.data(32, 16);
const KEYSTREAM: usize = PAIR + 16;
const COUNTER_BLOCK: usize = memory.data(16, 16);
const COUNTER: usize = 12;
const PARTIAL: usize = memory.data(16, 16);
/** Keystream of counter 0. */
const ICV_MASK: usize = memory.data(16, 16);

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
  let mac = startMac(context, nonce, aad, aadLength, textLength, icvLength);
  const end = text + <usize>textLength;
  for (let counter: u32 = 1; text < end; counter++) {
    const plain = loadPadded(text, end);
    mac = macBesideKeystream(context, v128.xor(mac, plain), counter);
    storePart(text, end, v128.xor(plain, v128.load(KEYSTREAM)));
    text += 16;
  }
  writeIcv(icv, v128.xor(mac, v128.load(ICV_MASK)), icvLength);
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
  let mac = startMac(context, nonce, aad, aadLength, textLength, icvLength);
  const end = text + <usize>textLength;
  // A block enters the MAC while the keystream of the next one is computed.
  let open = text;
  let plain = i8x16.splat(0);
  for (let counter: u32 = 1; open < end; counter++) {
    if (counter === 1) {
      setCounter(counter);
      v128.store(KEYSTREAM, aesEncryptBlock(context, v128.load(COUNTER_BLOCK)));
    } else {
      mac = macBesideKeystream(context, v128.xor(mac, plain), counter);
    }
    storePart(open, end, v128.xor(loadPadded(open, end), v128.load(KEYSTREAM)));
    plain = loadPadded(open, end);
    open += 16;
  }
  if (textLength > 0) mac = aesEncryptBlock(context, v128.xor(mac, plain));
  if (isIcv(icv, v128.xor(mac, v128.load(ICV_MASK)), icvLength)) return true;
  setCounter(0);
  startKeystream(context, COUNTER_BLOCK, 1 + blocksOf(textLength));
  addKeystream(context, text, textLength, TEXT_COUNTER);
  return false;
}

/** Begins MAC and counter of a packet; returns the MAC over everything before the text (RFC 3610 §2.2). */
function startMac(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  textLength: i32,
  icvLength: i32,
): v128 {
  if (aadLength >= AAD_LIMIT) unreachable();
  store<u8>(COUNTER_BLOCK, LENGTH_FLAG);
  for (let index: usize = 0; index < <usize>CCM_NONCE_SIZE; index++) {
    store<u8>(COUNTER_BLOCK + 1 + index, load<u8>(nonce + index));
  }
  v128.store(PARTIAL, v128.load(COUNTER_BLOCK));
  const aadFlag: u32 = aadLength > 0 ? AAD_FLAG : 0;
  store<u8>(PARTIAL, aadFlag | ((<u32>((icvLength - 2) >> 1)) << 3) | LENGTH_FLAG);
  store<u32>(PARTIAL, bswap<u32>(<u32>textLength), COUNTER);
  let mac = macBesideKeystream(context, v128.load(PARTIAL), 0);
  v128.store(ICV_MASK, v128.load(KEYSTREAM));
  if (aadLength === 0) return mac;

  // The AAD begins with its length in two octets, so the first block has room for fourteen of it.
  const end = aad + <usize>aadLength;
  const head = min<usize>(14, end - aad);
  v128.store(PARTIAL, i8x16.splat(0));
  store<u16>(PARTIAL, bswap<u16>(<u16>aadLength));
  for (let index: usize = 0; index < head; index++) store<u8>(PARTIAL + 2 + index, load<u8>(aad + index));
  mac = aesEncryptBlock(context, v128.xor(mac, v128.load(PARTIAL)));
  for (aad += head; aad < end; aad += 16) {
    mac = aesEncryptBlock(context, v128.xor(mac, loadPadded(aad, end)));
  }
  return mac;
}

/** Encrypts a block of the MAC, which it returns, and leaves the keystream of a counter in KEYSTREAM. */
function macBesideKeystream(context: usize, block: v128, counter: u32): v128 {
  setCounter(counter);
  v128.store(PAIR, block);
  v128.store(KEYSTREAM, v128.load(COUNTER_BLOCK));
  aesEncryptPair(context, PAIR);
  return v128.load(PAIR);
}

function setCounter(counter: u32): void {
  store<u32>(COUNTER_BLOCK, bswap<u32>(counter), COUNTER);
}

/** The block at `at`, or what there is of it before `end`, padded with zeros. */
function loadPadded(at: usize, end: usize): v128 {
  if (at + 16 <= end) return v128.load(at);
  v128.store(PARTIAL, i8x16.splat(0));
  for (let index: usize = 0; at + index < end; index++) store<u8>(PARTIAL + index, load<u8>(at + index));
  return v128.load(PARTIAL);
}

/** Stores a block at `at`, or as much of it as there is room for before `end`. */
function storePart(at: usize, end: usize, block: v128): void {
  if (at + 16 <= end) {
    v128.store(at, block);
    return;
  }
  v128.store(PARTIAL, block);
  for (let index: usize = 0; at + index < end; index++) store<u8>(at + index, load<u8>(PARTIAL + index));
}
