/**
 * GCM and GMAC (SP 800-38D) over the textbook's AES, GHASH by a table of nibbles (Shoup's method), one block after the other.
 * A yardstick for measurements; not constant-time; ships nowhere.
 */
import { aesEncrypt, aesExpand } from './aes.ts';
import { addBlock, addKeystream, addOctets } from './aes-modes.ts';

/** Behind the AES schedule: the products of H and each nibble, upper and lower half, high bit first. */
const PRODUCTS: usize = 256;

const COUNTER_BLOCK: usize = memory.data(16, 16);
const HASH: usize = memory.data(16, 16);
const MASK: usize = memory.data(16, 16);
const EMPTY: usize = memory.data(16, 16);
/** What four bits that leave at the low end add at the high end. */
const REDUCTION: usize = memory.data<u16>([
  0x0000, 0x1c20, 0x3840, 0x2460, 0x7080, 0x6ca0, 0x48c0, 0x54e0, 0xe100, 0xfd20, 0xd940, 0xc560, 0x9180,
  0x8da0, 0xa9c0, 0xb5e0,
]);

export function gcmSetup(context: usize, key: usize, keyLength: i32): void {
  aesExpand(key, keyLength, context);
  memory.fill(HASH, 0, 16);
  aesEncrypt(context, HASH, HASH);
  let high = bswap<u64>(load<u64>(HASH, 0));
  let low = bswap<u64>(load<u64>(HASH, 8));
  const products = context + PRODUCTS;
  memory.fill(products, 0, 16);
  for (let bit: usize = 8; bit > 0; bit >>= 1) {
    store<u64>(products + (bit << 4), high, 0);
    store<u64>(products + (bit << 4), low, 8);
    const carry = low & 1;
    low = (high << 63) | (low >> 1);
    high = (high >> 1) ^ (carry * 0xe100000000000000);
  }
  for (let bit: usize = 2; bit <= 8; bit <<= 1) {
    for (let rest: usize = 1; rest < bit; rest++) {
      const sum = products + ((bit + rest) << 4);
      memory.copy(sum, products + (bit << 4), 16);
      addBlock(sum, products + (rest << 4));
    }
  }
}

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
  startCounter(nonce);
  addKeystream(context, COUNTER_BLOCK, 2, text, textLength);
  authenticate(context, aad, aadLength, text, textLength);
  memory.copy(icv, HASH, icvLength);
}

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
  startCounter(nonce);
  authenticate(context, aad, aadLength, text, textLength);
  if (memory.compare(HASH, icv, icvLength) !== 0) return false;
  addKeystream(context, COUNTER_BLOCK, 2, text, textLength);
  return true;
}

export function gmac(context: usize, nonce: usize, message: usize, length: i32, icv: usize): void {
  startCounter(nonce);
  authenticate(context, message, length, EMPTY, 0);
  memory.copy(icv, HASH, 16);
}

function startCounter(nonce: usize): void {
  memory.copy(COUNTER_BLOCK, nonce, 12);
}

/** Writes the ICV of a ciphertext at HASH. */
function authenticate(context: usize, aad: usize, aadLength: i32, text: usize, textLength: i32): void {
  const products = context + PRODUCTS;
  memory.fill(HASH, 0, 16);
  hash(products, aad, aadLength);
  hash(products, text, textLength);
  store<u64>(HASH, load<u64>(HASH, 0) ^ bswap<u64>((<u64>aadLength) << 3), 0);
  store<u64>(HASH, load<u64>(HASH, 8) ^ bswap<u64>((<u64>textLength) << 3), 8);
  multiply(products);
  store<u32>(COUNTER_BLOCK, bswap<u32>(1), 12);
  aesEncrypt(context, COUNTER_BLOCK, MASK);
  addBlock(HASH, MASK);
}

function hash(products: usize, message: usize, length: i32): void {
  for (; length > 0; length -= 16) {
    if (length >= 16) addBlock(HASH, message);
    else addOctets(HASH, message, length);
    multiply(products);
    message += 16;
  }
}

/** HASH times H, a nibble at a time from the last. */
function multiply(products: usize): void {
  let high: u64 = 0;
  let low: u64 = 0;
  for (let at: usize = 16; at-- > 0; ) {
    const octet = <usize>load<u8>(HASH + at);
    for (let shift: usize = 0; shift < 8; shift += 4) {
      const product = products + (((octet >> shift) & 15) << 4);
      const left = <u64>load<u16>(REDUCTION + ((<usize>(low & 15)) << 1));
      low = ((high << 60) | (low >> 4)) ^ load<u64>(product, 8);
      high = (high >> 4) ^ (left << 48) ^ load<u64>(product, 0);
    }
  }
  store<u64>(HASH, bswap<u64>(high), 0);
  store<u64>(HASH, bswap<u64>(low), 8);
}
