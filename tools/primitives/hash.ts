/** SHA-1 and SHA-2 (FIPS 180-4), and MD5 (RFC 1321). */
import {
  MD5_DIGEST_SIZE,
  SHA1_DIGEST_SIZE,
  SHA256_DIGEST_SIZE,
  SHA384_DIGEST_SIZE,
  SHA512_DIGEST_SIZE,
} from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { Hash } from './shapes.ts';

export interface HashExports {
  primitive_md5(message: number, length: number, out: number): void;
  primitive_sha1(message: number, length: number, out: number): void;
  primitive_sha256(message: number, length: number, out: number): void;
  primitive_sha384(message: number, length: number, out: number): void;
  primitive_sha512(message: number, length: number, out: number): void;
}

const hash = firmwareExports<HashExports>(
  'primitive_md5',
  'primitive_sha1',
  'primitive_sha256',
  'primitive_sha384',
  'primitive_sha512',
);

export const md5: Hash = {
  kind: 'hash',
  name: 'MD5',
  digestOctets: MD5_DIGEST_SIZE,
  digest: hash.primitive_md5,
};

export const sha1: Hash = {
  kind: 'hash',
  name: 'SHA-1',
  digestOctets: SHA1_DIGEST_SIZE,
  digest: hash.primitive_sha1,
};

export const sha256: Hash = {
  kind: 'hash',
  name: 'SHA-256',
  digestOctets: SHA256_DIGEST_SIZE,
  digest: hash.primitive_sha256,
};

export const sha384: Hash = {
  kind: 'hash',
  name: 'SHA-384',
  digestOctets: SHA384_DIGEST_SIZE,
  digest: hash.primitive_sha384,
};

export const sha512: Hash = {
  kind: 'hash',
  name: 'SHA-512',
  digestOctets: SHA512_DIGEST_SIZE,
  digest: hash.primitive_sha512,
};
