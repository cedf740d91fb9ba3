/**
 * Known-answer tests of every cipher and hash, run before an instance lets a packet through (`../../self-test.ts` keeps the
 * door). They catch a miscompiled module and a processor whose relaxed instructions do something else, not a wrong key.
 */
import {
  AES_BLOCK_SIZE,
  GCM_CONTEXT_SIZE,
  GCM_ICV_SIZE,
  SHA1_DIGEST_SIZE,
  SHA256_DIGEST_SIZE,
} from '../../../abi/crypto-context.ts';
import { aesEncryptBlock, aesExpand } from '../aes/aes.ts';
import { cbcDecrypt, cbcEncrypt, cbcSetup } from '../aes-modes/cbc.ts';
import { gcmOpen, gcmSeal, gcmSetup } from '../aes-modes/gcm.ts';
import { equal } from '../equal.ts';
import { hmacSha1, hmacSha1Setup, hmacSha256, hmacSha256Setup } from '../hash/hmac.ts';
import { aesModesSelfTest } from './aes-modes.ts';
import { chacha20Poly1305GivesKnownAnswer } from './chacha20-poly1305.ts';
import { desGivesKnownAnswer, tripleDesGivesKnownAnswer } from './des.ts';
import {
  hmacMd5GivesKnownAnswer,
  hmacSha1LanesGiveKnownAnswer,
  hmacSha256LanesGiveKnownAnswer,
  hmacSha384GivesKnownAnswer,
  hmacSha512GivesKnownAnswer,
} from './hash.ts';
import {
  AES_128_CIPHER,
  AES_192_CIPHER,
  AES_256_CIPHER,
  AES_KEY,
  AES_PLAIN,
  CBC_128_CIPHER,
  CBC_128_IV,
  CBC_128_KEY,
  CBC_128_PLAIN,
  CBC_128_PLAIN_LENGTH,
  CBC_256_CIPHER,
  CBC_256_IV,
  CBC_256_KEY,
  CBC_256_PLAIN,
  CBC_256_PLAIN_LENGTH,
  GCM_128_CIPHER,
  GCM_128_ICV,
  GCM_192_CIPHER,
  GCM_192_ICV,
  GCM_256_CIPHER,
  GCM_256_ICV,
  GCM_AAD,
  GCM_AAD_LENGTH,
  GCM_KEY,
  GCM_LONG_ICV,
  GCM_LONG_KEY,
  GCM_LONG_NONCE,
  GCM_LONG_PLAIN,
  GCM_LONG_PLAIN_LENGTH,
  GCM_NONCE,
  GCM_PLAIN,
  GCM_PLAIN_LENGTH,
  HMAC_KEY,
  HMAC_LONG_SHA1,
  HMAC_LONG_SHA1_TEXT,
  HMAC_LONG_SHA1_TEXT_LENGTH,
  HMAC_LONG_SHA256,
  HMAC_LONG_TEXT,
  HMAC_LONG_TEXT_LENGTH,
  HMAC_SHA1,
  HMAC_SHA256,
  HMAC_TEXT,
  HMAC_TEXT_LENGTH,
} from './vectors.ts';

/** Scratch: no key but the published ones comes here. */
const CONTEXT: usize = memory.data(GCM_CONTEXT_SIZE, 16);
const TEXT: usize = memory.data(272, 16);
const ICV: usize = memory.data(16, 16);
const DIGEST: usize = memory.data(32, 16);
const LONG_KEY: usize = memory.data(144, 16);

/**
 * Runs all tests.
 *
 * @returns 0 when all gave the known answer, otherwise the number of the first that did not
 */
export function cryptoSelfTest(): i32 {
  if (!aesGivesKnownAnswer(16, AES_128_CIPHER)) return 1;
  if (!aesGivesKnownAnswer(24, AES_192_CIPHER)) return 2;
  if (!aesGivesKnownAnswer(32, AES_256_CIPHER)) return 3;
  if (!cbcGivesKnownAnswer(CBC_128_KEY, 16, CBC_128_IV, CBC_128_PLAIN, CBC_128_CIPHER, CBC_128_PLAIN_LENGTH))
    return 4;
  if (!cbcGivesKnownAnswer(CBC_256_KEY, 32, CBC_256_IV, CBC_256_PLAIN, CBC_256_CIPHER, CBC_256_PLAIN_LENGTH))
    return 5;
  if (!gcmGivesKnownAnswer(16, GCM_128_CIPHER, GCM_128_ICV)) return 6;
  if (!gcmGivesKnownAnswer(24, GCM_192_CIPHER, GCM_192_ICV)) return 7;
  if (!gcmGivesKnownAnswer(32, GCM_256_CIPHER, GCM_256_ICV)) return 8;
  if (!longGcmGivesKnownAnswer()) return 9;
  if (!hmacSha1GivesKnownAnswer(HMAC_KEY, 4, HMAC_TEXT, HMAC_TEXT_LENGTH, HMAC_SHA1)) return 10;
  if (!hmacSha256GivesKnownAnswer(HMAC_KEY, 4, HMAC_TEXT, HMAC_TEXT_LENGTH, HMAC_SHA256)) return 11;
  memory.fill(LONG_KEY, 0xaa, 131);
  if (
    !hmacSha1GivesKnownAnswer(LONG_KEY, 80, HMAC_LONG_SHA1_TEXT, HMAC_LONG_SHA1_TEXT_LENGTH, HMAC_LONG_SHA1)
  )
    return 12;
  if (!hmacSha256GivesKnownAnswer(LONG_KEY, 131, HMAC_LONG_TEXT, HMAC_LONG_TEXT_LENGTH, HMAC_LONG_SHA256))
    return 13;
  if (!comparisonSeesEveryOctet()) return 14;
  if (!desGivesKnownAnswer()) return 15;
  if (!tripleDesGivesKnownAnswer()) return 16;
  if (!hmacMd5GivesKnownAnswer()) return 17;
  if (!hmacSha384GivesKnownAnswer()) return 18;
  if (!hmacSha512GivesKnownAnswer()) return 19;
  if (!hmacSha1LanesGiveKnownAnswer()) return 20;
  if (!hmacSha256LanesGiveKnownAnswer(LONG_KEY, 131)) return 21;
  if (!chacha20Poly1305GivesKnownAnswer()) return 22;
  return aesModesSelfTest(CONTEXT, TEXT, 23);
}

function aesGivesKnownAnswer(keyLength: i32, cipher: usize): bool {
  aesExpand(AES_KEY, keyLength, CONTEXT);
  v128.store(TEXT, aesEncryptBlock(CONTEXT, v128.load(AES_PLAIN)));
  return equal(TEXT, cipher, AES_BLOCK_SIZE);
}

function cbcGivesKnownAnswer(
  key: usize,
  keyLength: i32,
  iv: usize,
  plain: usize,
  cipher: usize,
  length: i32,
): bool {
  cbcSetup(CONTEXT, key, keyLength);
  memory.copy(TEXT, plain, length);
  cbcEncrypt(CONTEXT, iv, TEXT, length);
  if (!equal(TEXT, cipher, length)) return false;
  cbcDecrypt(CONTEXT, iv, TEXT, length);
  return equal(TEXT, plain, length);
}

function gcmGivesKnownAnswer(keyLength: i32, cipher: usize, icv: usize): bool {
  gcmSetup(CONTEXT, GCM_KEY, keyLength);
  memory.copy(TEXT, GCM_PLAIN, GCM_PLAIN_LENGTH);
  gcmSeal(CONTEXT, GCM_NONCE, GCM_AAD, GCM_AAD_LENGTH, TEXT, GCM_PLAIN_LENGTH, ICV, GCM_ICV_SIZE);
  if (!equal(TEXT, cipher, GCM_PLAIN_LENGTH) || !equal(ICV, icv, GCM_ICV_SIZE)) return false;
  // A wrong ICV must neither pass nor touch the text.
  store<u8>(ICV, load<u8>(ICV) ^ 1);
  if (gcmOpen(CONTEXT, GCM_NONCE, GCM_AAD, GCM_AAD_LENGTH, TEXT, GCM_PLAIN_LENGTH, ICV, GCM_ICV_SIZE))
    return false;
  if (!equal(TEXT, cipher, GCM_PLAIN_LENGTH)) return false;
  if (!gcmOpen(CONTEXT, GCM_NONCE, GCM_AAD, GCM_AAD_LENGTH, TEXT, GCM_PLAIN_LENGTH, icv, GCM_ICV_SIZE))
    return false;
  return equal(TEXT, GCM_PLAIN, GCM_PLAIN_LENGTH);
}

function longGcmGivesKnownAnswer(): bool {
  gcmSetup(CONTEXT, GCM_LONG_KEY, 16);
  memory.copy(TEXT, GCM_LONG_PLAIN, GCM_LONG_PLAIN_LENGTH);
  gcmSeal(CONTEXT, GCM_LONG_NONCE, 0, 0, TEXT, GCM_LONG_PLAIN_LENGTH, ICV, GCM_ICV_SIZE);
  if (!equal(ICV, GCM_LONG_ICV, GCM_ICV_SIZE)) return false;
  if (!gcmOpen(CONTEXT, GCM_LONG_NONCE, 0, 0, TEXT, GCM_LONG_PLAIN_LENGTH, ICV, GCM_ICV_SIZE)) return false;
  return equal(TEXT, GCM_LONG_PLAIN, GCM_LONG_PLAIN_LENGTH);
}

function hmacSha1GivesKnownAnswer(key: usize, keyLength: i32, text: usize, length: i32, digest: usize): bool {
  hmacSha1Setup(CONTEXT, key, keyLength);
  hmacSha1(CONTEXT, text, length, DIGEST);
  return equal(DIGEST, digest, SHA1_DIGEST_SIZE);
}

function hmacSha256GivesKnownAnswer(
  key: usize,
  keyLength: i32,
  text: usize,
  length: i32,
  digest: usize,
): bool {
  hmacSha256Setup(CONTEXT, key, keyLength);
  hmacSha256(CONTEXT, text, length, DIGEST);
  return equal(DIGEST, digest, SHA256_DIGEST_SIZE);
}

/** Every test above trusts `equal`: it has to tell apart two blocks that differ in any one octet. */
function comparisonSeesEveryOctet(): bool {
  v128.store(TEXT, v128.load(AES_PLAIN));
  for (let index: usize = 0; index < <usize>AES_BLOCK_SIZE; index++) {
    store<u8>(TEXT + index, load<u8>(TEXT + index) ^ 0x80);
    if (equal(TEXT, AES_PLAIN, AES_BLOCK_SIZE)) return false;
    store<u8>(TEXT + index, load<u8>(TEXT + index) ^ 0x80);
  }
  return equal(TEXT, AES_PLAIN, AES_BLOCK_SIZE);
}
