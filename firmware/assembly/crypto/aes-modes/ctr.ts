/**
 * AES in counter mode (SP 800-38A §6.5) as ESP uses it (RFC 3686): a counter of 32 bits that starts at 1 for each packet.
 * Constant-time. Sits between the ESP rooms and `counter-mode.ts`; builds no nonces and authenticates nothing: a text that is
 * decrypted here has had its ICV verified.
 */
import { aesExpand } from '../aes/aes.ts';
import { addKeystream, blocksOf, startKeystream } from './counter-mode.ts';

const TEXT_COUNTER: usize = 1;

/**
 * Fills a context from a key.
 *
 * @param context  CTR_CONTEXT_SIZE octets, written whole
 * @param key      `keyLength` octets: 16, 24 or 32; other lengths trap
 * @constantTime
 */
export function ctrSetup(context: usize, key: usize, keyLength: i32): void {
  aesExpand(key, keyLength, context);
}

/**
 * Encrypts a text in place, or decrypts it, which is the same.
 *
 * @param nonce  CTR_NONCE_SIZE octets, used once under this key: the SA's nonce, then the packet's IV
 * @param text   `textLength` octets
 * @constantTime in all but the length
 * @rfc 3686 §2.1
 */
export function ctrEncrypt(context: usize, nonce: usize, text: usize, textLength: i32): void {
  startKeystream(context, nonce, 1 + blocksOf(textLength));
  addKeystream(context, text, textLength, TEXT_COUNTER);
}
