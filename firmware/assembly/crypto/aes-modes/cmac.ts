/**
 * AES-CMAC (SP 800-38B, RFC 4493), which ESP and AH shorten to 96 bits (RFC 4494): the caller takes as many octets as it
 * wants. Constant-time. Sits between the ESP rooms and the cipher; compares nothing.
 */
import { AES_SCHEDULE_SIZE } from '../../../abi/crypto-context.ts';
import { aesEncryptBlock, aesExpand } from '../aes/aes.ts';

/** For a last block that is whole, and for one that is padded. */
const SUBKEY_1: usize = AES_SCHEDULE_SIZE;
const SUBKEY_2: usize = AES_SCHEDULE_SIZE + 16;

/** The last block; not reentrant. */
const LAST: usize = memory.data(16, 16);

/**
 * Fills a context from a key: its schedule and the two subkeys.
 *
 * @param context  CMAC_CONTEXT_SIZE octets, written whole
 * @param key      `keyLength` octets: 16 (RFC 4494 takes no other), 24 or 32; other lengths trap
 * @constantTime
 * @rfc 4493 §2.3
 */
export function cmacSetup(context: usize, key: usize, keyLength: i32): void {
  aesExpand(key, keyLength, context);
  v128.store(context + SUBKEY_1, aesEncryptBlock(context, i8x16.splat(0)));
  doubleInPlace(context + SUBKEY_1);
  v128.store(context + SUBKEY_2, v128.load(context + SUBKEY_1));
  doubleInPlace(context + SUBKEY_2);
}

/**
 * Writes the MAC of a message.
 *
 * @param out  CMAC_SIZE octets, written; may be the message
 * @constantTime in all but the length
 * @rfc 4493 §2.4
 */
export function cmac(context: usize, message: usize, length: i32, out: usize): void {
  let x = i8x16.splat(0);
  let left = length;
  for (; left > 16; left -= 16, message += 16) {
    x = aesEncryptBlock(context, v128.xor(x, v128.load(message)));
  }
  let last = v128.load(context + SUBKEY_1);
  if (left === 16) {
    last = v128.xor(last, v128.load(message));
  } else {
    v128.store(LAST, i8x16.splat(0));
    for (let index: usize = 0; index < <usize>left; index++) {
      store<u8>(LAST + index, load<u8>(message + index));
    }
    store<u8>(LAST + <usize>left, 0x80);
    last = v128.xor(v128.load(context + SUBKEY_2), v128.load(LAST));
  }
  v128.store(out, aesEncryptBlock(context, v128.xor(x, last)));
}

/** Times x in GF(2^128), first octet first; the polynomial joins by a mask, not by a branch (RFC 4493 §2.3). */
function doubleInPlace(at: usize): void {
  const high = bswap<u64>(load<u64>(at, 0));
  const low = bswap<u64>(load<u64>(at, 8));
  store<u64>(at, bswap<u64>((high << 1) | (low >> 63)), 0);
  store<u64>(at, bswap<u64>((low << 1) ^ ((0 - (high >> 63)) & 0x87)), 8);
}
