/**
 * AES (FIPS 197) as a textbook has it in words: S-box by table, MixColumns by arithmetic, one block at a time. A yardstick for
 * measurements: its indices depend on the key, so it is not constant-time, and it ships nowhere.
 *
 * A schedule has the firmware's size: number of rounds (u32, padded to 16), then the round keys.
 */
const SBOX: usize = memory.data(256, 16);
const INVERSE: usize = memory.data(256, 16);

/** Fills the S-box and its inverse (FIPS 197 §5.1.1); once, before anything else. */
export function aesTables(): void {
  let power: u32 = 1;
  let inverse: u32 = 1;
  do {
    // 3 generates the field: one goes through it, the other through the inverses.
    power = (power ^ (power << 1) ^ ((power >> 7) * 0x11b)) & 0xff;
    inverse ^= inverse << 1;
    inverse ^= inverse << 2;
    inverse = (inverse ^ (inverse << 4)) & 0xff;
    inverse ^= (inverse >> 7) * 9;
    const twice = inverse * 0x101;
    const value = (inverse ^ (twice >> 4) ^ (twice >> 5) ^ (twice >> 6) ^ (twice >> 7) ^ 0x63) & 0xff;
    store<u8>(SBOX + <usize>power, value);
    store<u8>(INVERSE + <usize>value, power);
  } while (power !== 1);
  store<u8>(SBOX, 0x63);
  store<u8>(INVERSE + 0x63, 0);
}

/** Fills an encrypting schedule. */
export function aesExpand(key: usize, keyLength: i32, schedule: usize): void {
  const keyWords = keyLength >> 2;
  const rounds = keyWords + 6;
  store<u32>(schedule, rounds);
  const words = schedule + 16;
  memory.copy(words, key, keyLength);
  let constant: u32 = 1;
  for (let at = keyWords; at < 4 * (rounds + 1); at++) {
    let word = load<u32>(words + ((<usize>(at - 1)) << 2));
    if (at % keyWords === 0) {
      word = substitute(SBOX, rotr<u32>(word, 8)) ^ constant;
      constant = double(constant);
    } else if (keyWords > 6 && at % keyWords === 4) {
      word = substitute(SBOX, word);
    }
    store<u32>(words + ((<usize>at) << 2), word ^ load<u32>(words + ((<usize>(at - keyWords)) << 2)));
  }
}

/** Fills a decrypting schedule from an encrypting one (FIPS 197 §5.3.5). */
export function aesInvertSchedule(schedule: usize, inverted: usize): void {
  const rounds = load<u32>(schedule);
  store<u32>(inverted, rounds);
  for (let round: u32 = 0; round <= rounds; round++) {
    const from = schedule + 16 + ((<usize>(rounds - round)) << 4);
    const to = inverted + 16 + ((<usize>round) << 4);
    for (let at: usize = 0; at < 16; at += 4) {
      const word = load<u32>(from + at);
      store<u32>(to + at, round === 0 || round === rounds ? word : unmixColumn(word));
    }
  }
}

/** Encrypts one block; source and target may be the same. */
export function aesEncrypt(schedule: usize, source: usize, target: usize): void {
  const last = schedule + 16 + ((<usize>load<u32>(schedule)) << 4);
  let key = schedule + 16;
  let a = load<u32>(source, 0) ^ load<u32>(key, 0);
  let b = load<u32>(source, 4) ^ load<u32>(key, 4);
  let c = load<u32>(source, 8) ^ load<u32>(key, 8);
  let d = load<u32>(source, 12) ^ load<u32>(key, 12);
  for (key += 16; key < last; key += 16) {
    const nextA = mixColumn(shifted(SBOX, a, b, c, d)) ^ load<u32>(key, 0);
    const nextB = mixColumn(shifted(SBOX, b, c, d, a)) ^ load<u32>(key, 4);
    const nextC = mixColumn(shifted(SBOX, c, d, a, b)) ^ load<u32>(key, 8);
    d = mixColumn(shifted(SBOX, d, a, b, c)) ^ load<u32>(key, 12);
    a = nextA;
    b = nextB;
    c = nextC;
  }
  store<u32>(target, shifted(SBOX, a, b, c, d) ^ load<u32>(last, 0), 0);
  store<u32>(target, shifted(SBOX, b, c, d, a) ^ load<u32>(last, 4), 4);
  store<u32>(target, shifted(SBOX, c, d, a, b) ^ load<u32>(last, 8), 8);
  store<u32>(target, shifted(SBOX, d, a, b, c) ^ load<u32>(last, 12), 12);
}

/** Decrypts one block with an inverted schedule. */
export function aesDecrypt(inverted: usize, source: usize, target: usize): void {
  const last = inverted + 16 + ((<usize>load<u32>(inverted)) << 4);
  let key = inverted + 16;
  let a = load<u32>(source, 0) ^ load<u32>(key, 0);
  let b = load<u32>(source, 4) ^ load<u32>(key, 4);
  let c = load<u32>(source, 8) ^ load<u32>(key, 8);
  let d = load<u32>(source, 12) ^ load<u32>(key, 12);
  for (key += 16; key < last; key += 16) {
    const nextA = unmixColumn(shifted(INVERSE, a, d, c, b)) ^ load<u32>(key, 0);
    const nextB = unmixColumn(shifted(INVERSE, b, a, d, c)) ^ load<u32>(key, 4);
    const nextC = unmixColumn(shifted(INVERSE, c, b, a, d)) ^ load<u32>(key, 8);
    d = unmixColumn(shifted(INVERSE, d, c, b, a)) ^ load<u32>(key, 12);
    a = nextA;
    b = nextB;
    c = nextC;
  }
  store<u32>(target, shifted(INVERSE, a, d, c, b) ^ load<u32>(last, 0), 0);
  store<u32>(target, shifted(INVERSE, b, a, d, c) ^ load<u32>(last, 4), 4);
  store<u32>(target, shifted(INVERSE, c, b, a, d) ^ load<u32>(last, 8), 8);
  store<u32>(target, shifted(INVERSE, d, c, b, a) ^ load<u32>(last, 12), 12);
}

/** SubBytes and ShiftRows: row i of the new column comes from the i-th argument. Row 0 is the lowest octet of a word. */
function shifted(box: usize, row0: u32, row1: u32, row2: u32, row3: u32): u32 {
  return (
    <u32>load<u8>(box + <usize>(row0 & 0xff)) |
    ((<u32>load<u8>(box + <usize>((row1 >> 8) & 0xff))) << 8) |
    ((<u32>load<u8>(box + <usize>((row2 >> 16) & 0xff))) << 16) |
    ((<u32>load<u8>(box + <usize>(row3 >> 24))) << 24)
  );
}

function substitute(box: usize, word: u32): u32 {
  return shifted(box, word, word, word, word);
}

/** Each octet times 2 in GF(2^8) (FIPS 197 §4.2.1). */
function double(word: u32): u32 {
  return ((word & 0x7f7f7f7f) << 1) ^ (((word >> 7) & 0x01010101) * 0x1b);
}

function mixColumn(word: u32): u32 {
  const twice = double(word);
  return twice ^ rotr<u32>(word ^ twice, 8) ^ rotr<u32>(word, 16) ^ rotr<u32>(word, 24);
}

function unmixColumn(word: u32): u32 {
  const twice = double(word);
  const fourfold = double(twice);
  const eightfold = double(fourfold);
  return (
    eightfold ^
    fourfold ^
    twice ^
    rotr<u32>(eightfold ^ twice ^ word, 8) ^
    rotr<u32>(eightfold ^ fourfold ^ word, 16) ^
    rotr<u32>(eightfold ^ word, 24)
  );
}
