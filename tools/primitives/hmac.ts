/** HMAC (RFC 2104) with MD5, SHA-1 and SHA-2. */
import {
  HMAC_MD5_CONTEXT_SIZE,
  HMAC_SHA1_CONTEXT_SIZE,
  HMAC_SHA256_CONTEXT_SIZE,
  HMAC_SHA384_CONTEXT_SIZE,
  HMAC_SHA512_CONTEXT_SIZE,
  MD5_DIGEST_SIZE,
  SHA1_DIGEST_SIZE,
  SHA256_DIGEST_SIZE,
  SHA384_DIGEST_SIZE,
  SHA512_DIGEST_SIZE,
} from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { Mac } from './shapes.ts';

export interface HmacExports {
  primitive_hmac_md5_setup(context: number, key: number, keyLength: number): void;
  primitive_hmac_md5(context: number, message: number, length: number, out: number): void;
  primitive_hmac_sha1_setup(context: number, key: number, keyLength: number): void;
  primitive_hmac_sha1(context: number, message: number, length: number, out: number): void;
  primitive_hmac_sha256_setup(context: number, key: number, keyLength: number): void;
  primitive_hmac_sha256(context: number, message: number, length: number, out: number): void;
  primitive_hmac_sha384_setup(context: number, key: number, keyLength: number): void;
  primitive_hmac_sha384(context: number, message: number, length: number, out: number): void;
  primitive_hmac_sha512_setup(context: number, key: number, keyLength: number): void;
  primitive_hmac_sha512(context: number, message: number, length: number, out: number): void;
  primitive_hmac_sha1_lanes(jobs: number, count: number): void;
  primitive_hmac_sha256_lanes(jobs: number, count: number): void;
}

const hmac = firmwareExports<HmacExports>(
  'primitive_hmac_md5_setup',
  'primitive_hmac_md5',
  'primitive_hmac_sha1_setup',
  'primitive_hmac_sha1',
  'primitive_hmac_sha256_setup',
  'primitive_hmac_sha256',
  'primitive_hmac_sha384_setup',
  'primitive_hmac_sha384',
  'primitive_hmac_sha512_setup',
  'primitive_hmac_sha512',
  'primitive_hmac_sha1_lanes',
  'primitive_hmac_sha256_lanes',
);

export const hmacMd5: Mac = {
  kind: 'mac',
  name: 'HMAC-MD5',
  keyOctets: 'any',
  macOctets: MD5_DIGEST_SIZE,
  contextOctets: HMAC_MD5_CONTEXT_SIZE,
  setup: hmac.primitive_hmac_md5_setup,
  compute: hmac.primitive_hmac_md5,
};

export const hmacSha1: Mac = {
  kind: 'mac',
  name: 'HMAC-SHA-1',
  keyOctets: 'any',
  macOctets: SHA1_DIGEST_SIZE,
  contextOctets: HMAC_SHA1_CONTEXT_SIZE,
  setup: hmac.primitive_hmac_sha1_setup,
  compute: hmac.primitive_hmac_sha1,
};

export const hmacSha256: Mac = {
  kind: 'mac',
  name: 'HMAC-SHA-256',
  keyOctets: 'any',
  macOctets: SHA256_DIGEST_SIZE,
  contextOctets: HMAC_SHA256_CONTEXT_SIZE,
  setup: hmac.primitive_hmac_sha256_setup,
  compute: hmac.primitive_hmac_sha256,
};

export const hmacSha384: Mac = {
  kind: 'mac',
  name: 'HMAC-SHA-384',
  keyOctets: 'any',
  macOctets: SHA384_DIGEST_SIZE,
  contextOctets: HMAC_SHA384_CONTEXT_SIZE,
  setup: hmac.primitive_hmac_sha384_setup,
  compute: hmac.primitive_hmac_sha384,
};

export const hmacSha512: Mac = {
  kind: 'mac',
  name: 'HMAC-SHA-512',
  keyOctets: 'any',
  macOctets: SHA512_DIGEST_SIZE,
  contextOctets: HMAC_SHA512_CONTEXT_SIZE,
  setup: hmac.primitive_hmac_sha512_setup,
  compute: hmac.primitive_hmac_sha512,
};

/** Computes up to eight jobs (jobs.ts) side by side, each with a context of its own. */
export const hmacSha1Lanes = hmac.primitive_hmac_sha1_lanes;
export const hmacSha256Lanes = hmac.primitive_hmac_sha256_lanes;
