/**
 * Known-answer tests of the modes beside GCM and plain CBC, each with its source; `self-test.ts` runs them behind its own.
 */
import {
  CBC_CONTEXT_SIZE,
  CBC_JOB_IV,
  CBC_JOB_LENGTH,
  CBC_JOB_SCHEDULE,
  CBC_JOB_SIZE,
  CBC_JOB_TEXT,
  CBC_LANES,
} from '../../../abi/crypto-context.ts';
import { cbcSetup } from '../aes-modes/cbc.ts';
import { cbcEncryptLanes } from '../aes-modes/cbc-lanes.ts';
import { ccmOpen, ccmSeal, ccmSetup } from '../aes-modes/ccm.ts';
import { cmac, cmacSetup } from '../aes-modes/cmac.ts';
import { ctrEncrypt, ctrSetup } from '../aes-modes/ctr.ts';
import { gcmSetup } from '../aes-modes/gcm.ts';
import { gmac } from '../aes-modes/gmac.ts';
import { equal } from '../equal.ts';
import { CBC_128_CIPHER, CBC_128_IV, CBC_128_KEY, CBC_128_PLAIN } from './vectors.ts';

// RFC 3686 §6, test vector 3: AES-CTR of 36 octets.
// biome-ignore format: sixteen octets a line
const CTR_KEY: usize = memory.data<u8>([
  0x76, 0x91, 0xbe, 0x03, 0x5e, 0x50, 0x20, 0xa8, 0xac, 0x6e, 0x61, 0x85, 0x29, 0xf9, 0xa0, 0xdc,
]);
// biome-ignore format: sixteen octets a line
const CTR_NONCE: usize = memory.data<u8>([
  0x00, 0xe0, 0x01, 0x7b, 0x27, 0x77, 0x7f, 0x3f, 0x4a, 0x17, 0x86, 0xf0,
]);
// biome-ignore format: sixteen octets a line
const CTR_PLAIN: usize = memory.data<u8>([
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
  0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
  0x20, 0x21, 0x22, 0x23,
]);
const CTR_LENGTH: i32 = 36;
// biome-ignore format: sixteen octets a line
const CTR_CIPHER: usize = memory.data<u8>([
  0xc1, 0xcf, 0x48, 0xa8, 0x9f, 0x2f, 0xfd, 0xd9, 0xcf, 0x46, 0x52, 0xe9, 0xef, 0xdb, 0x72, 0xd7,
  0x45, 0x40, 0xa4, 0x2b, 0xde, 0x6d, 0x78, 0x36, 0xd5, 0x9a, 0x5c, 0xea, 0xae, 0xf3, 0x10, 0x53,
  0x25, 0xb2, 0x07, 0x2f,
]);

// C2SP Wycheproof, aes_ccm_test, tcId 264: AES-128-CCM of 17 octets.
// biome-ignore format: sixteen octets a line
const CCM_KEY: usize = memory.data<u8>([
  0x1d, 0x28, 0x6e, 0x52, 0x5e, 0xc2, 0x86, 0x4d, 0x9e, 0xa6, 0xe7, 0xad, 0xfb, 0xdc, 0x49, 0x70,
]);
// biome-ignore format: sixteen octets a line
const CCM_NONCE: usize = memory.data<u8>([
  0x1a, 0xd4, 0x48, 0x79, 0xf1, 0x94, 0x7a, 0xbd, 0x50, 0x3d, 0xce,
]);
// biome-ignore format: sixteen octets a line
const CCM_AAD: usize = memory.data<u8>([
  0x1d, 0xb0, 0xea, 0xaa, 0xa1, 0xe2, 0xc8, 0x48,
]);
const CCM_AAD_LENGTH: i32 = 8;
// biome-ignore format: sixteen octets a line
const CCM_PLAIN: usize = memory.data<u8>([
  0x7b, 0x40, 0xe6, 0xc9, 0x87, 0x69, 0x2d, 0x02, 0x02, 0xcb, 0x6f, 0x44, 0xb4, 0x23, 0xc2, 0x67,
  0xdd,
]);
const CCM_LENGTH: i32 = 17;
// biome-ignore format: sixteen octets a line
const CCM_CIPHER: usize = memory.data<u8>([
  0x84, 0xf9, 0x1f, 0x9d, 0x35, 0xb9, 0x98, 0x59, 0x8e, 0x50, 0xfe, 0xb3, 0x4d, 0xca, 0xa0, 0xd2,
  0x60,
]);
// biome-ignore format: sixteen octets a line
const CCM_ICV: usize = memory.data<u8>([
  0xae, 0x4e, 0x38, 0xcc, 0x4b, 0x73, 0x09, 0x44, 0xbc, 0x45, 0x9d, 0xf8, 0x5a, 0x53, 0x6f, 0x4e,
]);

// RFC 4493 §4, example 3: AES-CMAC of 40 octets.
// biome-ignore format: sixteen octets a line
const CMAC_KEY: usize = memory.data<u8>([
  0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c,
]);
// biome-ignore format: sixteen octets a line
const CMAC_MESSAGE: usize = memory.data<u8>([
  0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
  0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51,
  0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4, 0x11,
]);
const CMAC_LENGTH: i32 = 40;
// biome-ignore format: sixteen octets a line
const CMAC_MAC: usize = memory.data<u8>([
  0xdf, 0xa6, 0x67, 0x47, 0xde, 0x9a, 0xe6, 0x30, 0x30, 0xca, 0x32, 0x61, 0x14, 0x97, 0xc8, 0x27,
]);

// C2SP Wycheproof, aes_gmac_test, tcId 9: GMAC of 17 octets under a key of 16.
// biome-ignore format: sixteen octets a line
const GMAC_KEY: usize = memory.data<u8>([
  0xc9, 0x85, 0x9c, 0x8b, 0x39, 0xd8, 0xd7, 0xe8, 0x11, 0xd8, 0xae, 0x45, 0xd9, 0xb8, 0x58, 0x82,
]);
// biome-ignore format: sixteen octets a line
const GMAC_NONCE: usize = memory.data<u8>([
  0x11, 0x0d, 0x55, 0x01, 0x19, 0xd7, 0x1a, 0x09, 0x45, 0xbf, 0xec, 0xbb,
]);
// biome-ignore format: sixteen octets a line
const GMAC_MESSAGE: usize = memory.data<u8>([
  0x36, 0x71, 0x70, 0x76, 0x74, 0x8d, 0x93, 0x51, 0xe5, 0xa3, 0xcc, 0x67, 0xb9, 0xe8, 0x83, 0x3e,
  0x07,
]);
const GMAC_LENGTH: i32 = 17;
// biome-ignore format: sixteen octets a line
const GMAC_ICV: usize = memory.data<u8>([
  0xf0, 0xb2, 0x6b, 0x17, 0xb2, 0x8e, 0xa9, 0x27, 0x08, 0xb1, 0x2b, 0x87, 0x1f, 0x3b, 0x30, 0x71,
]);

/** RFC 3602 §4, case 3. */
const LANE_LENGTH: usize = 48;

/**
 * Runs all tests.
 *
 * @param context  scratch of GCM_CONTEXT_SIZE octets
 * @param text     scratch of 80 octets
 * @param first    number of the first test
 * @returns 0 when all gave the known answer, otherwise the number of the first that did not
 */
export function aesModesSelfTest(context: usize, text: usize, first: i32): i32 {
  if (!lanesGiveKnownAnswer(context, text, CBC_LANES)) return first;
  if (!lanesGiveKnownAnswer(context, text, 4)) return first + 1;
  if (!ctrGivesKnownAnswer(context, text)) return first + 2;
  if (!ccmGivesKnownAnswer(context, text)) return first + 3;
  if (!cmacGivesKnownAnswer(context, text)) return first + 4;
  if (!gmacGivesKnownAnswer(context, text)) return first + 5;
  return 0;
}

/** One text in every lane, of which lanes take turns in encrypting 16, 32 and 48 octets. */
function lanesGiveKnownAnswer(context: usize, text: usize, count: u32): bool {
  cbcSetup(context, CBC_128_KEY, 16);
  const jobs = context + CBC_CONTEXT_SIZE;
  const texts = jobs + CBC_LANES * CBC_JOB_SIZE;
  for (let lane: usize = 0; lane < <usize>count; lane++) {
    const job = jobs + lane * CBC_JOB_SIZE;
    store<u32>(job, <u32>CBC_128_IV, CBC_JOB_IV);
    store<u32>(job, <u32>(texts + lane * LANE_LENGTH), CBC_JOB_TEXT);
    store<u32>(job, <u32>laneLength(lane), CBC_JOB_LENGTH);
    store<u32>(job, <u32>context, CBC_JOB_SCHEDULE);
    memory.copy(texts + lane * LANE_LENGTH, CBC_128_PLAIN, LANE_LENGTH);
  }
  cbcEncryptLanes(jobs, count);
  for (let lane: usize = 0; lane < <usize>count; lane++) {
    memory.copy(text, CBC_128_PLAIN, LANE_LENGTH);
    memory.copy(text, CBC_128_CIPHER, laneLength(lane));
    if (!equal(texts + lane * LANE_LENGTH, text, <i32>LANE_LENGTH)) return false;
  }
  return true;
}

function laneLength(lane: usize): usize {
  return 16 * (1 + (lane % 3));
}

function ctrGivesKnownAnswer(context: usize, text: usize): bool {
  ctrSetup(context, CTR_KEY, 16);
  memory.copy(text, CTR_PLAIN, CTR_LENGTH);
  ctrEncrypt(context, CTR_NONCE, text, CTR_LENGTH);
  return equal(text, CTR_CIPHER, CTR_LENGTH);
}

function ccmGivesKnownAnswer(context: usize, text: usize): bool {
  const icv = text + 64;
  ccmSetup(context, CCM_KEY, 16);
  memory.copy(text, CCM_PLAIN, CCM_LENGTH);
  ccmSeal(context, CCM_NONCE, CCM_AAD, CCM_AAD_LENGTH, text, CCM_LENGTH, icv, 16);
  if (!equal(text, CCM_CIPHER, CCM_LENGTH) || !equal(icv, CCM_ICV, 16)) return false;
  // A wrong ICV must neither pass nor leave anything decrypted.
  store<u8>(icv, load<u8>(icv) ^ 1);
  if (ccmOpen(context, CCM_NONCE, CCM_AAD, CCM_AAD_LENGTH, text, CCM_LENGTH, icv, 16)) return false;
  if (!equal(text, CCM_CIPHER, CCM_LENGTH)) return false;
  if (!ccmOpen(context, CCM_NONCE, CCM_AAD, CCM_AAD_LENGTH, text, CCM_LENGTH, CCM_ICV, 16)) return false;
  return equal(text, CCM_PLAIN, CCM_LENGTH);
}

function cmacGivesKnownAnswer(context: usize, text: usize): bool {
  cmacSetup(context, CMAC_KEY, 16);
  cmac(context, CMAC_MESSAGE, CMAC_LENGTH, text);
  return equal(text, CMAC_MAC, 16);
}

function gmacGivesKnownAnswer(context: usize, text: usize): bool {
  gcmSetup(context, GMAC_KEY, 16);
  gmac(context, GMAC_NONCE, GMAC_MESSAGE, GMAC_LENGTH, text);
  return equal(text, GMAC_ICV, 16);
}
