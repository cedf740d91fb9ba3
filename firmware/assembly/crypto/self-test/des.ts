/**
 * Known answers of DES and triple DES, a part of the self-test (`self-test.ts`, which says what it catches). Published values.
 */
import { DES_CBC_CONTEXT_SIZE } from '../../../abi/crypto-context.ts';
import { desCbcDecrypt, desCbcEncrypt, desCbcSetup } from '../des/cbc.ts';
import { equal } from '../equal.ts';

// SP 800-20, variable key known answer test, first key: DES of one block of zeros, IV zero.
const KEY: usize = memory.data<u8>([0x80, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01]);
const ZERO: usize = memory.data<u8>([0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00]);
const CIPHER: usize = memory.data<u8>([0x95, 0xa8, 0xd7, 0x28, 0x13, 0xda, 0xa9, 0x4d]);

// NIST CAVP TCBCMMT3, encryption, case 1: triple DES in CBC mode of two blocks.
// biome-ignore format: one key a line
const TRIPLE_KEY: usize = memory.data<u8>([
  0xa4, 0x9d, 0x75, 0x64, 0x19, 0x9e, 0x97, 0xcb,
  0x52, 0x9d, 0x2c, 0x9d, 0x97, 0xbf, 0x2f, 0x98,
  0xd3, 0x5e, 0xdf, 0x57, 0xba, 0x1f, 0x73, 0x58,
]);
const TRIPLE_IV: usize = memory.data<u8>([0xc2, 0xe9, 0x99, 0xcb, 0x62, 0x49, 0x02, 0x3c]);
// biome-ignore format: one block a line
const TRIPLE_PLAIN: usize = memory.data<u8>([
  0xc6, 0x89, 0xae, 0xe3, 0x8a, 0x30, 0x1b, 0xb3,
  0x16, 0xda, 0x75, 0xdb, 0x36, 0xf1, 0x10, 0xb5,
]);
// biome-ignore format: one block a line
const TRIPLE_CIPHER: usize = memory.data<u8>([
  0xe9, 0xaf, 0xab, 0xa5, 0xec, 0x75, 0xea, 0x1b,
  0xbe, 0x65, 0x50, 0x66, 0x55, 0xbb, 0x4e, 0xcb,
]);

/** Scratch: no key but the published ones comes here. */
const CONTEXT: usize = memory.data(DES_CBC_CONTEXT_SIZE, 16);
const TEXT: usize = memory.data(16, 16);

export function desGivesKnownAnswer(): bool {
  return cbcGivesKnownAnswer(KEY, 8, ZERO, ZERO, CIPHER, 8);
}

export function tripleDesGivesKnownAnswer(): bool {
  return cbcGivesKnownAnswer(TRIPLE_KEY, 24, TRIPLE_IV, TRIPLE_PLAIN, TRIPLE_CIPHER, 16);
}

function cbcGivesKnownAnswer(
  key: usize,
  keyLength: i32,
  iv: usize,
  plain: usize,
  cipher: usize,
  length: i32,
): bool {
  desCbcSetup(CONTEXT, key, keyLength);
  memory.copy(TEXT, plain, length);
  desCbcEncrypt(CONTEXT, iv, TEXT, length);
  if (!equal(TEXT, cipher, length)) return false;
  desCbcDecrypt(CONTEXT, iv, TEXT, length);
  return equal(TEXT, plain, length);
}
