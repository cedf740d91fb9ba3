/**
 * The hashes and HMACs as exports of the module, for tests, vectors and measurements: one `primitive_` function for each.
 * Decides nothing.
 */
import { HASH_MD5, HASH_SHA1, HASH_SHA256, HASH_SHA384, HASH_SHA512, hashMessage } from '../hash/hash.ts';
import {
  hmacMd5,
  hmacMd5Setup,
  hmacSha1,
  hmacSha1Setup,
  hmacSha256,
  hmacSha256Setup,
  hmacSha384,
  hmacSha384Setup,
  hmacSha512,
  hmacSha512Setup,
} from '../hash/hmac.ts';
import { hmacSha1Lanes, hmacSha256Lanes } from '../hash/hmac-lanes.ts';

export function primitive_md5(message: usize, length: i32, out: usize): void {
  hashMessage(HASH_MD5, message, length, out);
}

export function primitive_sha1(message: usize, length: i32, out: usize): void {
  hashMessage(HASH_SHA1, message, length, out);
}

export function primitive_sha256(message: usize, length: i32, out: usize): void {
  hashMessage(HASH_SHA256, message, length, out);
}

export function primitive_sha384(message: usize, length: i32, out: usize): void {
  hashMessage(HASH_SHA384, message, length, out);
}

export function primitive_sha512(message: usize, length: i32, out: usize): void {
  hashMessage(HASH_SHA512, message, length, out);
}

export function primitive_hmac_md5_setup(context: usize, key: usize, keyLength: i32): void {
  hmacMd5Setup(context, key, keyLength);
}

export function primitive_hmac_md5(context: usize, message: usize, length: i32, out: usize): void {
  hmacMd5(context, message, length, out);
}

export function primitive_hmac_sha1_setup(context: usize, key: usize, keyLength: i32): void {
  hmacSha1Setup(context, key, keyLength);
}

export function primitive_hmac_sha1(context: usize, message: usize, length: i32, out: usize): void {
  hmacSha1(context, message, length, out);
}

export function primitive_hmac_sha256_setup(context: usize, key: usize, keyLength: i32): void {
  hmacSha256Setup(context, key, keyLength);
}

export function primitive_hmac_sha256(context: usize, message: usize, length: i32, out: usize): void {
  hmacSha256(context, message, length, out);
}

export function primitive_hmac_sha384_setup(context: usize, key: usize, keyLength: i32): void {
  hmacSha384Setup(context, key, keyLength);
}

export function primitive_hmac_sha384(context: usize, message: usize, length: i32, out: usize): void {
  hmacSha384(context, message, length, out);
}

export function primitive_hmac_sha512_setup(context: usize, key: usize, keyLength: i32): void {
  hmacSha512Setup(context, key, keyLength);
}

export function primitive_hmac_sha512(context: usize, message: usize, length: i32, out: usize): void {
  hmacSha512(context, message, length, out);
}

export function primitive_hmac_sha1_lanes(jobs: usize, count: u32): void {
  hmacSha1Lanes(jobs, count);
}

export function primitive_hmac_sha256_lanes(jobs: usize, count: u32): void {
  hmacSha256Lanes(jobs, count);
}
