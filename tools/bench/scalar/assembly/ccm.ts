/** CCM (SP 800-38C) with the nonce of ESP (RFC 4309) over the textbook's AES: a yardstick for measurements that ships nowhere. */
import { aesEncrypt } from './aes.ts';
import { addBlock, addKeystream, addOctets } from './aes-modes.ts';

const COUNTER_BLOCK: usize = memory.data(16, 16);
const FIRST_BLOCK: usize = memory.data(16, 16);
const MAC: usize = memory.data(16, 16);
/** Length of the length field less one (SP 800-38C appendix A.2.1): 15 octets less a nonce of 11. */
const LENGTH_FLAG: u8 = 3;

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
  authenticate(context, nonce, aad, aadLength, text, textLength, icvLength);
  startCounter(nonce);
  addKeystream(context, COUNTER_BLOCK, 1, text, textLength);
  memory.copy(icv, MAC, icvLength);
}

/** Unlike the firmware's, leaves the text decrypted when it refuses. */
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
  startCounter(nonce);
  addKeystream(context, COUNTER_BLOCK, 1, text, textLength);
  authenticate(context, nonce, aad, aadLength, text, textLength, icvLength);
  return memory.compare(MAC, icv, icvLength) === 0;
}

function startCounter(nonce: usize): void {
  store<u8>(COUNTER_BLOCK, LENGTH_FLAG);
  memory.copy(COUNTER_BLOCK + 1, nonce, 11);
}

/** Writes the encrypted MAC of a plaintext (SP 800-38C §6.1). */
function authenticate(
  context: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
  text: usize,
  textLength: i32,
  icvLength: i32,
): void {
  store<u8>(MAC, (aadLength > 0 ? 0x40 : 0) | (((icvLength - 2) >> 1) << 3) | LENGTH_FLAG);
  memory.copy(MAC + 1, nonce, 11);
  store<u32>(MAC, bswap<u32>(textLength), 12);
  aesEncrypt(context, MAC, MAC);
  if (aadLength > 0) {
    // The first block of associated data begins with its length.
    const first = min(aadLength, 14);
    memory.fill(FIRST_BLOCK, 0, 16);
    store<u16>(FIRST_BLOCK, bswap<u16>(<u16>aadLength));
    memory.copy(FIRST_BLOCK + 2, aad, first);
    addBlock(MAC, FIRST_BLOCK);
    aesEncrypt(context, MAC, MAC);
    chain(context, aad + <usize>first, aadLength - first);
  }
  chain(context, text, textLength);
  startCounter(nonce);
  addKeystream(context, COUNTER_BLOCK, 0, MAC, 16);
}

function chain(context: usize, message: usize, length: i32): void {
  for (; length > 0; length -= 16) {
    if (length >= 16) addBlock(MAC, message);
    else addOctets(MAC, message, length);
    aesEncrypt(context, MAC, MAC);
    message += 16;
  }
}
