/**
 * DES-CBC (RFC 2405) and triple DES in outer CBC mode (RFC 2451) as ESP uses them. Legacy; constant-time. Sits between the ESP
 * rooms and the cipher; pads nothing and authenticates nothing: a text that is decrypted here has had its ICV verified.
 * A key serves for far fewer than 2^32 blocks (64-bit blocks collide): its lifetime is the host's to set.
 */

import { desDecryptSixteen } from './decrypt.ts';
import { desEncryptBlock, desExpand } from './des.ts';

/** A group of blocks as received, and decrypted but not yet chained; not reentrant. */
const RECEIVED: usize = memory.data(128, 16);
const DECRYPTED: usize = memory.data(128, 16);

/**
 * Fills a context from a key.
 *
 * @param context  DES_CBC_CONTEXT_SIZE octets, written whole
 * @param key      `keyLength` octets: 8, or 24 for triple DES; other lengths trap
 * @constantTime
 */
export function desCbcSetup(context: usize, key: usize, keyLength: i32): void {
  desExpand(key, keyLength, context);
}

/**
 * Encrypts a text in place.
 *
 * @param iv          8 octets, unpredictable (`desCbcUnpredictableIv`); read only
 * @param textLength  a multiple of 8
 * @constantTime in all but the length
 */
export function desCbcEncrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  let chained = load<u64>(iv);
  for (const end = text + <usize>textLength; text < end; text += 8) {
    chained = desEncryptBlock(context, chained ^ load<u64>(text));
    store<u64>(text, chained);
  }
}

/**
 * Decrypts a text in place.
 *
 * @param iv          8 octets, read only; may lie right before the text
 * @param textLength  a multiple of 8
 * @constantTime in all but the length
 */
export function desCbcDecrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  const end = text + <usize>textLength;
  let chained = load<u64>(iv);
  while (text < end) {
    // A last group of fewer than sixteen blocks decrypts whatever the scratch held beside them.
    const octets = min<usize>(128, end - text);
    memory.copy(RECEIVED, text, octets);
    desDecryptSixteen(context, RECEIVED, DECRYPTED);
    for (let at: usize = 0; at < octets; at += 8) {
      store<u64>(text + at, load<u64>(DECRYPTED + at) ^ chained);
      chained = load<u64>(RECEIVED + at);
    }
    text += octets;
  }
}

/**
 * Writes the IV for a sequence number: its encryption under a key that serves only this SA and is random at each
 * installation, so that nobody foresees the next IV (RFC 2451 §3). Never twice for one number.
 *
 * @param schedule      DES_CBC_IV_CONTEXT_SIZE octets of `desExpand`, of that key
 * @param sequenceLow   low and high word of the 64-bit sequence number
 * @param out           8 octets, written
 * @constantTime
 */
export function desCbcUnpredictableIv(
  schedule: usize,
  sequenceLow: u32,
  sequenceHigh: u32,
  out: usize,
): void {
  const sequence = ((<u64>sequenceHigh) << 32) | <u64>sequenceLow;
  store<u64>(out, desEncryptBlock(schedule, bswap<u64>(sequence)));
}
