/** ChaCha20 (RFC 8439 §2.4), a block at a time in 32-bit words: a yardstick for measurements that ships nowhere. */
const KEYSTREAM: usize = memory.data(64, 16);

/** Adds the keystream from block `counter` on to a text. */
export function chacha20(key: usize, nonce: usize, counter: u32, text: usize, length: i32): void {
  for (; length > 0; length -= 64) {
    chacha20Block(key, nonce, counter++, KEYSTREAM);
    const octets = <usize>min(length, 64);
    let at: usize = 0;
    for (; at + 8 <= octets; at += 8) {
      store<u64>(text + at, load<u64>(text + at) ^ load<u64>(KEYSTREAM + at));
    }
    for (; at < octets; at++) store<u8>(text + at, load<u8>(text + at) ^ load<u8>(KEYSTREAM + at));
    text += 64;
  }
}

/** Writes 64 octets of keystream (RFC 8439 §2.3). */
export function chacha20Block(key: usize, nonce: usize, counter: u32, out: usize): void {
  let x0: u32 = 0x61707865;
  let x1: u32 = 0x3320646e;
  let x2: u32 = 0x79622d32;
  let x3: u32 = 0x6b206574;
  let x4: u32 = load<u32>(key, 0);
  let x5: u32 = load<u32>(key, 4);
  let x6: u32 = load<u32>(key, 8);
  let x7: u32 = load<u32>(key, 12);
  let x8: u32 = load<u32>(key, 16);
  let x9: u32 = load<u32>(key, 20);
  let x10: u32 = load<u32>(key, 24);
  let x11: u32 = load<u32>(key, 28);
  let x12: u32 = counter;
  let x13: u32 = load<u32>(nonce, 0);
  let x14: u32 = load<u32>(nonce, 4);
  let x15: u32 = load<u32>(nonce, 8);
  for (let double = 0; double < 10; double++) {
    x0 += x4;
    x12 = rotl<u32>(x12 ^ x0, 16);
    x8 += x12;
    x4 = rotl<u32>(x4 ^ x8, 12);
    x0 += x4;
    x12 = rotl<u32>(x12 ^ x0, 8);
    x8 += x12;
    x4 = rotl<u32>(x4 ^ x8, 7);
    x1 += x5;
    x13 = rotl<u32>(x13 ^ x1, 16);
    x9 += x13;
    x5 = rotl<u32>(x5 ^ x9, 12);
    x1 += x5;
    x13 = rotl<u32>(x13 ^ x1, 8);
    x9 += x13;
    x5 = rotl<u32>(x5 ^ x9, 7);
    x2 += x6;
    x14 = rotl<u32>(x14 ^ x2, 16);
    x10 += x14;
    x6 = rotl<u32>(x6 ^ x10, 12);
    x2 += x6;
    x14 = rotl<u32>(x14 ^ x2, 8);
    x10 += x14;
    x6 = rotl<u32>(x6 ^ x10, 7);
    x3 += x7;
    x15 = rotl<u32>(x15 ^ x3, 16);
    x11 += x15;
    x7 = rotl<u32>(x7 ^ x11, 12);
    x3 += x7;
    x15 = rotl<u32>(x15 ^ x3, 8);
    x11 += x15;
    x7 = rotl<u32>(x7 ^ x11, 7);
    x0 += x5;
    x15 = rotl<u32>(x15 ^ x0, 16);
    x10 += x15;
    x5 = rotl<u32>(x5 ^ x10, 12);
    x0 += x5;
    x15 = rotl<u32>(x15 ^ x0, 8);
    x10 += x15;
    x5 = rotl<u32>(x5 ^ x10, 7);
    x1 += x6;
    x12 = rotl<u32>(x12 ^ x1, 16);
    x11 += x12;
    x6 = rotl<u32>(x6 ^ x11, 12);
    x1 += x6;
    x12 = rotl<u32>(x12 ^ x1, 8);
    x11 += x12;
    x6 = rotl<u32>(x6 ^ x11, 7);
    x2 += x7;
    x13 = rotl<u32>(x13 ^ x2, 16);
    x8 += x13;
    x7 = rotl<u32>(x7 ^ x8, 12);
    x2 += x7;
    x13 = rotl<u32>(x13 ^ x2, 8);
    x8 += x13;
    x7 = rotl<u32>(x7 ^ x8, 7);
    x3 += x4;
    x14 = rotl<u32>(x14 ^ x3, 16);
    x9 += x14;
    x4 = rotl<u32>(x4 ^ x9, 12);
    x3 += x4;
    x14 = rotl<u32>(x14 ^ x3, 8);
    x9 += x14;
    x4 = rotl<u32>(x4 ^ x9, 7);
  }
  store<u32>(out, x0 + 0x61707865, 0);
  store<u32>(out, x1 + 0x3320646e, 4);
  store<u32>(out, x2 + 0x79622d32, 8);
  store<u32>(out, x3 + 0x6b206574, 12);
  store<u32>(out, x4 + load<u32>(key, 0), 16);
  store<u32>(out, x5 + load<u32>(key, 4), 20);
  store<u32>(out, x6 + load<u32>(key, 8), 24);
  store<u32>(out, x7 + load<u32>(key, 12), 28);
  store<u32>(out, x8 + load<u32>(key, 16), 32);
  store<u32>(out, x9 + load<u32>(key, 20), 36);
  store<u32>(out, x10 + load<u32>(key, 24), 40);
  store<u32>(out, x11 + load<u32>(key, 28), 44);
  store<u32>(out, x12 + counter, 48);
  store<u32>(out, x13 + load<u32>(nonce, 0), 52);
  store<u32>(out, x14 + load<u32>(nonce, 4), 56);
  store<u32>(out, x15 + load<u32>(nonce, 8), 60);
}
