/** SHA-1 and SHA-256 (FIPS 180-4). */
import { SHA1_DIGEST_SIZE, SHA256_DIGEST_SIZE } from '../../firmware/abi/crypto-context.ts';
import { firmwareExports } from './firmware.ts';
import type { Hash } from './shapes.ts';

export interface ShaExports {
  primitive_sha1(message: number, length: number, out: number): void;
  primitive_sha256(message: number, length: number, out: number): void;
}

const sha = firmwareExports<ShaExports>('primitive_sha1', 'primitive_sha256');

export const sha1: Hash = {
  kind: 'hash',
  name: 'SHA-1',
  digestOctets: SHA1_DIGEST_SIZE,
  digest: sha.primitive_sha1,
};

export const sha256: Hash = {
  kind: 'hash',
  name: 'SHA-256',
  digestOctets: SHA256_DIGEST_SIZE,
  digest: sha.primitive_sha256,
};
