/**
 * Authenticated encryption of the Encrypted payload, one object a direction. The explicit IV is a counter: unique for a
 * key by construction, and a retransmission is the same octets, never the same IV for other ones.
 * RFC 5282, RFC 4106 (nonce = salt | IV).
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { fail, ok, type Result } from '../../model/result.ts';
import type { Secret } from '../../model/secret.ts';
import { encryptionIds } from '../wire/iana-numbers.ts';
import { plainOctets } from '../wire/syntax.ts';

export interface Aead {
  readonly id: number;
  readonly keyBits: number;
  readonly cipher: 'aes-256-gcm';
  readonly keyOctets: number;
  /** Taken from the key material right behind the key (RFC 5282 section 7.1). */
  readonly saltOctets: number;
  readonly ivOctets: number;
  readonly icvOctets: number;
}

export const aes256Gcm16: Aead = {
  id: encryptionIds.aesGcm16,
  keyBits: 256,
  cipher: 'aes-256-gcm',
  keyOctets: 32,
  saltOctets: 4,
  ivOctets: 8,
  icvOctets: 16,
};

/** Encrypts one direction. Borrows `key` (key | salt) until the owner wipes it; must not be used after that. */
export class AeadSealer {
  /** No padding: these ciphers need no alignment (RFC 5282 section 3). */
  readonly blockOctets = 1;
  readonly #algorithm: Aead;
  readonly #key: Secret;
  #nextIv = 1n;

  constructor(algorithm: Aead, key: Secret) {
    this.#algorithm = algorithm;
    this.#key = key;
  }

  /** Octets that `seal` adds to a plaintext. */
  get overheadOctets(): number {
    return this.#algorithm.ivOctets + this.#algorithm.icvOctets;
  }

  /**
   * IV | ciphertext | ICV of `plaintext`, with `associated` authenticated in the clear. A fresh array.
   *
   * @constantTime as OpenSSL's AES-GCM is
   */
  seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const { cipher: name, ivOctets, icvOctets } = this.#algorithm;
    const sealed = new Uint8Array(ivOctets + plaintext.length + icvOctets);
    new DataView(sealed.buffer).setBigUint64(ivOctets - 8, this.#nextIv);
    this.#nextIv += 1n;
    const iv = sealed.subarray(0, ivOctets);
    const cipher = createCipheriv(
      name,
      encryptionKey(this.#algorithm, this.#key),
      nonceOf(this.#algorithm, this.#key, iv),
      {
        authTagLength: icvOctets,
      },
    );
    cipher.setAAD(associated);
    sealed.set(cipher.update(plaintext), ivOctets);
    cipher.final();
    sealed.set(cipher.getAuthTag(), ivOctets + plaintext.length);
    return sealed;
  }
}

/** Decrypts one direction. Borrows `key` like AeadSealer. */
export class AeadOpener {
  readonly #algorithm: Aead;
  readonly #key: Secret;

  constructor(algorithm: Aead, key: Secret) {
    this.#algorithm = algorithm;
    this.#key = key;
  }

  /**
   * Plaintext of `sealed`, in a fresh array, if the ICV over `associated` and the ciphertext holds.
   *
   * @constantTime as OpenSSL's AES-GCM is; the length and the verdict are public
   */
  open(associated: Uint8Array, sealed: Uint8Array): Result<Uint8Array, 'NOT_AUTHENTIC'> {
    const { cipher: name, ivOctets, icvOctets } = this.#algorithm;
    if (sealed.length < ivOctets + icvOctets) {
      return fail(
        'NOT_AUTHENTIC',
        `expected at least ${ivOctets + icvOctets} octets, found ${sealed.length}`,
      );
    }
    const iv = sealed.subarray(0, ivOctets);
    const decipher = createDecipheriv(
      name,
      encryptionKey(this.#algorithm, this.#key),
      nonceOf(this.#algorithm, this.#key, iv),
      {
        authTagLength: icvOctets,
      },
    );
    decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(sealed.length - icvOctets));
    const plaintext = decipher.update(sealed.subarray(ivOctets, sealed.length - icvOctets));
    try {
      decipher.final();
    } catch {
      plaintext.fill(0);
      return fail('NOT_AUTHENTIC', 'expected an integrity check value that fits, found another');
    }
    return ok(plainOctets(plaintext));
  }
}

function encryptionKey(algorithm: Aead, key: Secret): Uint8Array {
  return key.reveal().subarray(0, algorithm.keyOctets);
}

function nonceOf(algorithm: Aead, key: Secret, iv: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(algorithm.saltOctets + algorithm.ivOctets);
  nonce.set(key.reveal().subarray(algorithm.keyOctets, algorithm.keyOctets + algorithm.saltOctets));
  nonce.set(iv, algorithm.saltOctets);
  return nonce;
}
