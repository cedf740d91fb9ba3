/**
 * Known-answer tests of the HMACs that `self-test.ts` does not know by itself: MD5, SHA-384, SHA-512, and several packets in lanes.
 */
import {
  HMAC_JOB_CONTEXT,
  HMAC_JOB_LENGTH,
  HMAC_JOB_MESSAGE,
  HMAC_JOB_OUT,
  HMAC_JOB_SIZE,
  HMAC_LANES,
  HMAC_SHA512_CONTEXT_SIZE,
  MD5_DIGEST_SIZE,
  SHA1_DIGEST_SIZE,
  SHA256_DIGEST_SIZE,
  SHA384_DIGEST_SIZE,
  SHA512_DIGEST_SIZE,
} from '../../../abi/crypto-context.ts';
import { equal } from '../equal.ts';
import {
  hmacMd5,
  hmacMd5Setup,
  hmacSha1Setup,
  hmacSha256Setup,
  hmacSha384,
  hmacSha384Setup,
  hmacSha512,
  hmacSha512Setup,
} from '../hash/hmac.ts';
import { hmacSha1Lanes, hmacSha256Lanes } from '../hash/hmac-lanes.ts';
import {
  HMAC_KEY,
  HMAC_LONG_SHA256,
  HMAC_LONG_TEXT,
  HMAC_LONG_TEXT_LENGTH,
  HMAC_SHA1,
  HMAC_SHA256,
  HMAC_TEXT,
  HMAC_TEXT_LENGTH,
} from './vectors.ts';

// RFC 2202 §2 and RFC 4231 §4.3, case 2 of each: HMAC_TEXT under HMAC_KEY.
// biome-ignore format: sixteen octets a line
const HMAC_MD5: usize = memory.data<u8>([
  0x75, 0x0c, 0x78, 0x3e, 0x6a, 0xb0, 0xb5, 0x03, 0xea, 0xa8, 0x6e, 0x31, 0x0a, 0x5d, 0xb7, 0x38,
]);
// biome-ignore format: sixteen octets a line
const HMAC_SHA384: usize = memory.data<u8>([
  0xaf, 0x45, 0xd2, 0xe3, 0x76, 0x48, 0x40, 0x31, 0x61, 0x7f, 0x78, 0xd2, 0xb5, 0x8a, 0x6b, 0x1b,
  0x9c, 0x7e, 0xf4, 0x64, 0xf5, 0xa0, 0x1b, 0x47, 0xe4, 0x2e, 0xc3, 0x73, 0x63, 0x22, 0x44, 0x5e,
  0x8e, 0x22, 0x40, 0xca, 0x5e, 0x69, 0xe2, 0xc7, 0x8b, 0x32, 0x39, 0xec, 0xfa, 0xb2, 0x16, 0x49,
]);
// biome-ignore format: sixteen octets a line
const HMAC_SHA512: usize = memory.data<u8>([
  0x16, 0x4b, 0x7a, 0x7b, 0xfc, 0xf8, 0x19, 0xe2, 0xe3, 0x95, 0xfb, 0xe7, 0x3b, 0x56, 0xe0, 0xa3,
  0x87, 0xbd, 0x64, 0x22, 0x2e, 0x83, 0x1f, 0xd6, 0x10, 0x27, 0x0c, 0xd7, 0xea, 0x25, 0x05, 0x54,
  0x97, 0x58, 0xbf, 0x75, 0xc0, 0x5a, 0x99, 0x4a, 0x6d, 0x03, 0x4f, 0x65, 0xf8, 0xf0, 0xe6, 0xfd,
  0xca, 0xea, 0xb1, 0xa3, 0x4d, 0x4a, 0x6b, 0x4b, 0x63, 0x6e, 0x07, 0x0a, 0x38, 0xbc, 0xe7, 0x37,
]);

/** Scratch: no key but the published ones comes here. */
const CONTEXT: usize = memory.data(HMAC_SHA512_CONTEXT_SIZE, 16);
const LONG_CONTEXT: usize = memory.data(HMAC_SHA512_CONTEXT_SIZE, 16);
const JOBS: usize = memory.data(128, 16);
/** As many digests as there are lanes, 32 octets each. */
const DIGESTS: usize = memory.data(256, 16);

export function hmacMd5GivesKnownAnswer(): bool {
  hmacMd5Setup(CONTEXT, HMAC_KEY, 4);
  hmacMd5(CONTEXT, HMAC_TEXT, HMAC_TEXT_LENGTH, DIGESTS);
  return equal(DIGESTS, HMAC_MD5, MD5_DIGEST_SIZE);
}

export function hmacSha384GivesKnownAnswer(): bool {
  hmacSha384Setup(CONTEXT, HMAC_KEY, 4);
  hmacSha384(CONTEXT, HMAC_TEXT, HMAC_TEXT_LENGTH, DIGESTS);
  return equal(DIGESTS, HMAC_SHA384, SHA384_DIGEST_SIZE);
}

export function hmacSha512GivesKnownAnswer(): bool {
  hmacSha512Setup(CONTEXT, HMAC_KEY, 4);
  hmacSha512(CONTEXT, HMAC_TEXT, HMAC_TEXT_LENGTH, DIGESTS);
  return equal(DIGESTS, HMAC_SHA512, SHA512_DIGEST_SIZE);
}

/** All lanes carry the short text; which of them is right or wrong shows in its own digest. */
export function hmacSha1LanesGiveKnownAnswer(): bool {
  hmacSha1Setup(CONTEXT, HMAC_KEY, 4);
  for (let lane: usize = 0; lane < <usize>HMAC_LANES; lane++)
    writeJob(lane, CONTEXT, HMAC_TEXT, HMAC_TEXT_LENGTH);
  hmacSha1Lanes(JOBS, HMAC_LANES);
  for (let lane: usize = 0; lane < <usize>HMAC_LANES; lane++) {
    if (!equal(DIGESTS + lane * 32, HMAC_SHA1, SHA1_DIGEST_SIZE)) return false;
  }
  return true;
}

/** Even lanes carry the short text, odd ones the long one under the long key, so that half of them finish before the others. */
export function hmacSha256LanesGiveKnownAnswer(longKey: usize, longKeyLength: i32): bool {
  hmacSha256Setup(CONTEXT, HMAC_KEY, 4);
  hmacSha256Setup(LONG_CONTEXT, longKey, longKeyLength);
  for (let lane: usize = 0; lane < <usize>HMAC_LANES; lane += 2) {
    writeJob(lane, CONTEXT, HMAC_TEXT, HMAC_TEXT_LENGTH);
    writeJob(lane + 1, LONG_CONTEXT, HMAC_LONG_TEXT, HMAC_LONG_TEXT_LENGTH);
  }
  hmacSha256Lanes(JOBS, HMAC_LANES);
  for (let lane: usize = 0; lane < <usize>HMAC_LANES; lane += 2) {
    if (!equal(DIGESTS + lane * 32, HMAC_SHA256, SHA256_DIGEST_SIZE)) return false;
    if (!equal(DIGESTS + lane * 32 + 32, HMAC_LONG_SHA256, SHA256_DIGEST_SIZE)) return false;
  }
  return true;
}

function writeJob(lane: usize, context: usize, text: usize, length: i32): void {
  const job = JOBS + lane * HMAC_JOB_SIZE;
  store<u32>(job, <u32>context, HMAC_JOB_CONTEXT);
  store<u32>(job, <u32>text, HMAC_JOB_MESSAGE);
  store<u32>(job, length, HMAC_JOB_LENGTH);
  store<u32>(job, <u32>(DIGESTS + lane * 32), HMAC_JOB_OUT);
}
