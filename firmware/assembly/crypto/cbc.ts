/**
 * AES-CBC (SP 800-38A §6.2) as ESP uses it (RFC 3602). Constant-time. Sits between the ESP rooms and the cipher; pads
 * nothing and authenticates nothing: a text that is decrypted here has had its ICV verified.
 *
 * Encryption is one chain of blocks, so one packet cannot fill the processor. Several packets side by side take the place
 */
import { AES_SCHEDULE_SIZE } from '../../abi/crypto-context.ts';
import { aesEncryptBlock, aesExpand, aesExpandDecrypt } from './aes.ts';
import { aesDecryptFour } from './aes-decrypt.ts';

/** Plain blocks before chaining; not reentrant. */
const DECRYPTED: usize = memory.data(128, 16);

/**
 * Fills a context from a key.
 *
 * @param context  CBC_CONTEXT_SIZE octets, written whole
 * @param key      `keyLength` octets: 16, 24 or 32; other lengths trap
 * @constantTime
 */
export function cbcSetup(context: usize, key: usize, keyLength: i32): void {
  aesExpand(key, keyLength, context);
  aesExpandDecrypt(key, keyLength, context + AES_SCHEDULE_SIZE);
}

/**
 * Encrypts a text in place.
 *
 * @param iv          16 octets, unpredictable (`cbcUnpredictableIv`); read only
 * @param textLength  a multiple of 16
 * @constantTime in all but the length
 */
export function cbcEncrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  let chained = v128.load(iv);
  for (const end = text + <usize>textLength; text < end; text += 16) {
    chained = aesEncryptBlock(context, v128.xor(chained, v128.load(text)));
    v128.store(text, chained);
  }
}

/**
 * Decrypts a text in place.
 *
 * @param iv          16 octets, read only; may lie right before the text
 * @param textLength  a multiple of 16
 * @constantTime in all but the length
 */
export function cbcDecrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  const schedule = context + AES_SCHEDULE_SIZE;
  const end = text + <usize>textLength;
  let chained = v128.load(iv);
  for (; text + 64 <= end; text += 64) {
    aesDecryptFour(schedule, text, DECRYPTED);
    const block0 = v128.load(text, 0);
    const block1 = v128.load(text, 16);
    const block2 = v128.load(text, 32);
    const block3 = v128.load(text, 48);
    v128.store(text, v128.xor(v128.load(DECRYPTED, 0), chained), 0);
    v128.store(text, v128.xor(v128.load(DECRYPTED, 16), block0), 16);
    v128.store(text, v128.xor(v128.load(DECRYPTED, 32), block1), 32);
    v128.store(text, v128.xor(v128.load(DECRYPTED, 48), block2), 48);
    chained = block3;
  }
  if (text === end) return;
  // One to three blocks are left; the lanes beside them decrypt whatever the scratch held.
  memory.copy(DECRYPTED, text, end - text);
  aesDecryptFour(schedule, DECRYPTED, DECRYPTED);
  for (let at = DECRYPTED; text < end; text += 16, at += 16) {
    const block = v128.load(text);
    v128.store(text, v128.xor(v128.load(at), chained));
    chained = block;
  }
}

/**
 * Writes the IV for a sequence number: its encryption, counted as a 128-bit number, under a key that serves only this SA
 * and is random at each installation, so that nobody foresees the next IV (RFC 3602 §3). Never twice for one number.
 *
 * @param schedule      CBC_IV_CONTEXT_SIZE octets of `aesExpand`, of that key
 * @param sequenceLow   low and high word of the 64-bit sequence number
 * @param out           16 octets, written
 * @constantTime
 */
export function cbcUnpredictableIv(schedule: usize, sequenceLow: u32, sequenceHigh: u32, out: usize): void {
  const sequence = ((<u64>sequenceHigh) << 32) | <u64>sequenceLow;
  v128.store(out, aesEncryptBlock(schedule, i64x2(0, <i64>bswap<u64>(sequence))));
}
