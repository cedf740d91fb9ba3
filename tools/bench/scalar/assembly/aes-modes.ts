/**
 * CBC, CTR and CMAC over the textbook's AES, one block after the other. Yardsticks for measurements; they ship nowhere.
 * Parameters are those of the firmware's modes.
 */
import { aesDecrypt, aesEncrypt, aesExpand, aesInvertSchedule } from './aes.ts';

const SCHEDULE_SIZE: usize = 256;
const CHAIN: usize = memory.data(16, 16);
const NEXT_CHAIN: usize = memory.data(16, 16);
const COUNTER_BLOCK: usize = memory.data(16, 16);
const KEYSTREAM: usize = memory.data(16, 16);
const MAC: usize = memory.data(16, 16);
/** CMAC's subkeys lie behind its schedule (RFC 4493 §2.3). */
const SUBKEY_1: usize = SCHEDULE_SIZE;
const SUBKEY_2: usize = SCHEDULE_SIZE + 16;

export function cbcSetup(context: usize, key: usize, keyLength: i32): void {
  aesExpand(key, keyLength, context);
  aesInvertSchedule(context, context + SCHEDULE_SIZE);
}

export function cbcEncrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  let chain = iv;
  for (const end = text + <usize>textLength; text < end; text += 16) {
    addBlock(text, chain);
    aesEncrypt(context, text, text);
    chain = text;
  }
}

export function cbcDecrypt(context: usize, iv: usize, text: usize, textLength: i32): void {
  memory.copy(CHAIN, iv, 16);
  for (const end = text + <usize>textLength; text < end; text += 16) {
    memory.copy(NEXT_CHAIN, text, 16);
    aesDecrypt(context + SCHEDULE_SIZE, text, text);
    addBlock(text, CHAIN);
    memory.copy(CHAIN, NEXT_CHAIN, 16);
  }
}

export function ctrEncrypt(context: usize, nonce: usize, text: usize, textLength: i32): void {
  memory.copy(COUNTER_BLOCK, nonce, 12);
  addKeystream(context, COUNTER_BLOCK, 1, text, textLength);
}

/** Encrypts with counters from `counter` on; the last four octets of the counter block are written. */
export function addKeystream(
  schedule: usize,
  counterBlock: usize,
  counter: u32,
  text: usize,
  length: i32,
): void {
  while (length > 0) {
    store<u32>(counterBlock, bswap<u32>(counter++), 12);
    aesEncrypt(schedule, counterBlock, KEYSTREAM);
    if (length >= 16) addBlock(text, KEYSTREAM);
    else addOctets(text, KEYSTREAM, length);
    text += 16;
    length -= 16;
  }
}

export function cmacSetup(context: usize, key: usize, keyLength: i32): void {
  aesExpand(key, keyLength, context);
  memory.fill(MAC, 0, 16);
  aesEncrypt(context, MAC, MAC);
  doubled(MAC, context + SUBKEY_1);
  doubled(context + SUBKEY_1, context + SUBKEY_2);
}

export function cmac(context: usize, message: usize, length: i32, out: usize): void {
  memory.fill(MAC, 0, 16);
  for (; length > 16; length -= 16) {
    addBlock(MAC, message);
    aesEncrypt(context, MAC, MAC);
    message += 16;
  }
  addOctets(MAC, message, length);
  if (length < 16) store<u8>(MAC + <usize>length, load<u8>(MAC + <usize>length) ^ 0x80);
  addBlock(MAC, context + (length < 16 ? SUBKEY_2 : SUBKEY_1));
  aesEncrypt(context, MAC, out);
}

/** Writes a block times x in GF(2^128), big-endian. */
function doubled(block: usize, out: usize): void {
  const high = bswap<u64>(load<u64>(block, 0));
  const low = bswap<u64>(load<u64>(block, 8));
  store<u64>(out, bswap<u64>((high << 1) | (low >> 63)), 0);
  store<u64>(out, bswap<u64>((low << 1) ^ ((high >> 63) * 0x87)), 8);
}

/** Adds a block to another, in place. */
export function addBlock(target: usize, other: usize): void {
  store<u64>(target, load<u64>(target, 0) ^ load<u64>(other, 0), 0);
  store<u64>(target, load<u64>(target, 8) ^ load<u64>(other, 8), 8);
}

export function addOctets(target: usize, other: usize, length: i32): void {
  for (let at: usize = 0; at < <usize>length; at++) {
    store<u8>(target + at, load<u8>(target + at) ^ load<u8>(other + at));
  }
}
