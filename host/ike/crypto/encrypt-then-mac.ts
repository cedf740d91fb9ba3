/**
 * Encryption with AES-CBC and integrity with HMAC of the Encrypted payload, one object a direction. The MAC is over the
 * whole message up to itself, and it is checked before anything is decrypted. RFC 7296 section 3.14, RFC 3602, RFC 4868.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import type { SeparateCipherName } from '../../model/ike-proposal.ts';
import { fail, ok, type Result } from '../../model/result.ts';
import type { Secret } from '../../model/secret.ts';
import { encryptionIds } from '../wire/iana-numbers.ts';
import { plainOctets } from '../wire/syntax.ts';
import type { Integrity } from './integrity.ts';

export interface Cbc {
  readonly kind: 'cbc';
  readonly name: SeparateCipherName;
  readonly id: number;
  readonly keyBits: number;
  readonly cipher: 'aes-256-cbc' | 'aes-128-cbc';
  readonly keyOctets: number;
  readonly saltOctets: 0;
}

/** RFC 3602 section 2.4. */
const blockOctets = 16;

const cbc = (name: SeparateCipherName, keyBits: 256 | 128): Cbc => ({
  kind: 'cbc',
  name,
  id: encryptionIds.aesCbc,
  keyBits,
  cipher: `aes-${keyBits}-cbc`,
  keyOctets: keyBits / 8,
  saltOctets: 0,
});

export const cbcCiphers: Readonly<Record<SeparateCipherName, Cbc>> = {
  aes256: cbc('aes256', 256),
  aes128: cbc('aes128', 128),
};

/** SK_e and SK_a of one direction, the second empty with a combined mode. Borrowed until their owner wipes them. */
export interface ProtectionKeys {
  readonly encryption: Secret;
  readonly integrity: Secret;
}

/** Encrypts one direction. */
export class CbcSealer {
  readonly blockOctets = blockOctets;
  readonly #cipher: Cbc;
  readonly #integrity: Integrity;
  readonly #keys: ProtectionKeys;
  readonly #random: (octets: number) => Uint8Array;

  /** @param random gives each message an IV that nobody can foresee (RFC 7296 section 3.14) */
  constructor(
    cipher: Cbc,
    integrity: Integrity,
    keys: ProtectionKeys,
    random: (octets: number) => Uint8Array,
  ) {
    this.#cipher = cipher;
    this.#integrity = integrity;
    this.#keys = keys;
    this.#random = random;
  }

  /** Octets that `seal` adds to a plaintext. */
  get overheadOctets(): number {
    return blockOctets + this.#integrity.icvOctets;
  }

  /**
   * IV | ciphertext | ICV of `plaintext`, a whole number of blocks, with `associated` authenticated in the clear. A fresh array.
   *
   * @constantTime as OpenSSL's AES and HMAC are
   */
  seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const { icvOctets } = this.#integrity;
    const sealed = new Uint8Array(blockOctets + plaintext.length + icvOctets);
    sealed.set(this.#random(blockOctets));
    const cipher = createCipheriv(
      this.#cipher.cipher,
      this.#keys.encryption.reveal(),
      sealed.subarray(0, blockOctets),
    ).setAutoPadding(false);
    sealed.set(cipher.update(plaintext), blockOctets);
    cipher.final();
    const end = sealed.length - icvOctets;
    sealed.set(icvOf(this.#integrity, this.#keys.integrity, associated, sealed.subarray(0, end)), end);
    return sealed;
  }
}

/** Decrypts one direction. */
export class CbcOpener {
  readonly #cipher: Cbc;
  readonly #integrity: Integrity;
  readonly #keys: ProtectionKeys;

  constructor(cipher: Cbc, integrity: Integrity, keys: ProtectionKeys) {
    this.#cipher = cipher;
    this.#integrity = integrity;
    this.#keys = keys;
  }

  /**
   * Plaintext of `sealed`, padding included, in a fresh array, if the ICV over `associated`, IV and ciphertext holds.
   *
   * @constantTime as OpenSSL's AES and HMAC are; the length and the verdict are public
   */
  open(associated: Uint8Array, sealed: Uint8Array): Result<Uint8Array, 'NOT_AUTHENTIC'> {
    const end = sealed.length - this.#integrity.icvOctets;
    const ciphertextOctets = end - blockOctets;
    if (ciphertextOctets < blockOctets || ciphertextOctets % blockOctets !== 0) {
      return fail(
        'NOT_AUTHENTIC',
        `expected whole blocks of ${blockOctets} octets, found ${ciphertextOctets} octets`,
      );
    }
    const icv = icvOf(this.#integrity, this.#keys.integrity, associated, sealed.subarray(0, end));
    if (!timingSafeEqual(icv, sealed.subarray(end))) {
      return fail('NOT_AUTHENTIC', 'expected an integrity check value that fits, found another');
    }
    const decipher = createDecipheriv(
      this.#cipher.cipher,
      this.#keys.encryption.reveal(),
      sealed.subarray(0, blockOctets),
    ).setAutoPadding(false);
    const plaintext = decipher.update(sealed.subarray(blockOctets, end));
    decipher.final();
    return ok(plainOctets(plaintext));
  }
}

function icvOf(integrity: Integrity, key: Secret, ...parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac(integrity.hash, key.reveal());
  for (const part of parts) hmac.update(part);
  return hmac.digest().subarray(0, integrity.icvOctets);
}
