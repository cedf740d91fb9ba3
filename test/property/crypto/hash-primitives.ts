/**
 * The shipped module's hashes and HMACs, callable from tests: one at a time, and several packets in lanes. Memory and fields
 * are those of `primitives.ts`.
 */
import {
  HMAC_JOB_SIZE,
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
} from '../../../firmware/abi/crypto-context.ts';
import { type Field, type Layout, primitives } from './primitives.ts';

type Hash = (message: number, length: number, out: number) => void;
type Setup = (context: number, key: number, keyLength: number) => void;
type Hmac = (context: number, message: number, length: number, out: number) => void;
type Lanes = (jobs: number, count: number) => void;
type Name = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';
type InLanes = 'sha1' | 'sha256';

/** Signatures as in firmware/assembly/crypto/primitives/hash.ts. */
type HashPrimitives = Readonly<
  Record<`primitive_${Name}`, Hash> &
    Record<`primitive_hmac_${Name}_setup`, Setup> &
    Record<`primitive_hmac_${Name}`, Hmac> &
    Record<`primitive_hmac_${InLanes}_lanes`, Lanes>
>;

// As for `primitives`: the module exports numbers only.
const exported = primitives as unknown as HashPrimitives;

const sizes = {
  md5: [MD5_DIGEST_SIZE, HMAC_MD5_CONTEXT_SIZE],
  sha1: [SHA1_DIGEST_SIZE, HMAC_SHA1_CONTEXT_SIZE],
  sha256: [SHA256_DIGEST_SIZE, HMAC_SHA256_CONTEXT_SIZE],
  sha384: [SHA384_DIGEST_SIZE, HMAC_SHA384_CONTEXT_SIZE],
  sha512: [SHA512_DIGEST_SIZE, HMAC_SHA512_CONTEXT_SIZE],
} as const;

export interface HashUnderTest {
  /** Also node:crypto's name of it. */
  readonly name: Name;
  readonly digestLength: number;
  readonly contextLength: number;
  readonly hash: Hash;
  readonly setup: Setup;
  readonly hmac: Hmac;
}

export const hashNames = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const;

export function hashUnderTest(name: Name): HashUnderTest {
  return {
    name,
    digestLength: sizes[name][0],
    contextLength: sizes[name][1],
    hash: exported[`primitive_${name}`],
    setup: exported[`primitive_hmac_${name}_setup`],
    hmac: exported[`primitive_hmac_${name}`],
  };
}

export const lanesOf = (name: InLanes): Lanes => exported[`primitive_hmac_${name}_lanes`];

/** Job records for HMAC in lanes, in the order of their fields. */
export function placeJobs(
  layout: Layout,
  jobs: readonly { context: Field; message: Field; out: Field }[],
): Field {
  const records = jobs.flatMap(({ context, message, out }) => [
    context.address,
    message.address,
    message.length,
    out.address,
  ]);
  return layout.place(new Uint8Array(Uint32Array.from(records).buffer, 0, jobs.length * HMAC_JOB_SIZE));
}
