/**
 * AES-CBC (SP 800-38A §6.2) as ESP uses it (RFC 3602). Constant-time. Sits between the ESP rooms and the cipher; pads
 * nothing and authenticates nothing: a text that is decrypted here has had its ICV verified.
 *
 * Encryption is one chain of blocks, so one packet cannot fill the processor: several do, side by side, in `cbc-lanes.ts`.
 */
import { AES_SCHEDULE_SIZE } from '../../../abi/crypto-context.ts';
import { aesEncryptBlock, aesExpand, aesExpandDecrypt } from '../aes/aes.ts';
import { aesDecryptEight } from '../aes/decrypt.ts';

/** Octets of the blocks that are decrypted side by side. */
const GROUP: usize = 128;
/** A last group of fewer blocks as received, and any group decrypted but not yet chained; not reentrant. */
const REST: usize = memory.data(128, 16);
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
 * @param iv          16 octets, unpredictable; read only
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
  while (text < end) {
    const octets = min<usize>(GROUP, end - text);
    let received = text;
    if (octets < GROUP) {
      // It is decrypted along with whatever the scratch holds behind it.
      received = REST;
      for (let at: usize = 0; at < octets; at += 16) v128.store(REST + at, v128.load(text + at));
    }
    aesDecryptEight(schedule, received, DECRYPTED);
    const last = v128.load(text + octets - 16);
    // From the end, so that the block before is still there as received.
    for (let at = octets - 16; at > 0; at -= 16) {
      v128.store(text + at, v128.xor(v128.load(DECRYPTED + at), v128.load(text + at - 16)));
    }
    v128.store(text, v128.xor(v128.load(DECRYPTED), chained));
    chained = last;
    text += octets;
  }
}
