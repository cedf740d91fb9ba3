/** HMAC (RFC 2104) with SHA-1 and SHA-256. */
import {
  HMAC_SHA1_CONTEXT_SIZE,
  HMAC_SHA256_CONTEXT_SIZE,
  SHA1_DIGEST_SIZE,
  SHA256_DIGEST_SIZE,
} from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { Mac } from './shapes.ts';

export interface HmacExports {
  primitive_hmac_sha1_setup(context: number, key: number, keyLength: number): void;
  primitive_hmac_sha1(context: number, message: number, length: number, out: number): void;
  primitive_hmac_sha256_setup(context: number, key: number, keyLength: number): void;
  primitive_hmac_sha256(context: number, message: number, length: number, out: number): void;
}

const hmac = firmwareExports<HmacExports>(
  'primitive_hmac_sha1_setup',
  'primitive_hmac_sha1',
  'primitive_hmac_sha256_setup',
  'primitive_hmac_sha256',
);

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
