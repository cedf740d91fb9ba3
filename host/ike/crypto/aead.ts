/**
 * Authenticated encryption of the Encrypted payload, one object a direction. The explicit IV is a counter: unique for a
 * key by construction, and a retransmission is the same octets, never the same IV for other ones.
 * RFC 5282 and RFC 4106 (AES-GCM), RFC 7634 (ChaCha20-Poly1305); in both nonce = salt | IV.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { CombinedCipherName } from '../../model/ike-proposal.ts';
import { fail, ok, type Result } from '../../model/result.ts';
import type { Secret } from '../../model/secret.ts';
import { encryptionIds } from '../wire/iana-numbers.ts';
import { plainOctets } from '../wire/syntax.ts';

export interface Aead {
  readonly kind: 'aead';
  readonly name: CombinedCipherName;
  readonly id: number;
  /** Undefined for a cipher with one length of key, which has no Key Length attribute (RFC 7634 section 2). */
  readonly keyBits: number | undefined;
  readonly cipher: 'aes-256-gcm' | 'aes-128-gcm' | 'chacha20-poly1305';
  readonly keyOctets: number;
  /** Taken from the key material right behind the key (RFC 5282 section 7.1, RFC 7634 section 2). */
  readonly saltOctets: number;
  readonly ivOctets: number;
  readonly icvOctets: number;
}

const sizes = { kind: 'aead', saltOctets: 4, ivOctets: 8, icvOctets: 16 } as const;

export const aes256Gcm16: Aead = {
  ...sizes,
  name: 'aes256gcm16',
  id: encryptionIds.aesGcm16,
  keyBits: 256,
  cipher: 'aes-256-gcm',
  keyOctets: 32,
};

export const aeads: Readonly<Record<CombinedCipherName, Aead>> = {
  aes256gcm16: aes256Gcm16,
  aes128gcm16: {
    ...sizes,
    name: 'aes128gcm16',
    id: encryptionIds.aesGcm16,
    keyBits: 128,
    cipher: 'aes-128-gcm',
    keyOctets: 16,
  },
  chacha20poly1305: {
    ...sizes,
    name: 'chacha20poly1305',
    id: encryptionIds.chacha20Poly1305,
    keyBits: undefined,
    cipher: 'chacha20-poly1305',
    keyOctets: 32,
  },
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
   * @constantTime as OpenSSL's cipher is
   */
  seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const { ivOctets, icvOctets } = this.#algorithm;
    const sealed = new Uint8Array(ivOctets + plaintext.length + icvOctets);
    new DataView(sealed.buffer).setBigUint64(ivOctets - 8, this.#nextIv);
    this.#nextIv += 1n;
    const iv = sealed.subarray(0, ivOctets);
    const cipher = cipherOf(this.#algorithm, this.#key, iv);
    cipher.setAAD(associated, { plaintextLength: plaintext.length });
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
   * @constantTime as OpenSSL's cipher is; the length and the verdict are public
   */
  open(associated: Uint8Array, sealed: Uint8Array): Result<Uint8Array, 'NOT_AUTHENTIC'> {
    const { ivOctets, icvOctets } = this.#algorithm;
    if (sealed.length < ivOctets + icvOctets) {
      return fail(
        'NOT_AUTHENTIC',
        `expected at least ${ivOctets + icvOctets} octets, found ${sealed.length}`,
      );
    }
    const iv = sealed.subarray(0, ivOctets);
    const decipher = decipherOf(this.#algorithm, this.#key, iv);
    decipher.setAAD(associated, { plaintextLength: sealed.length - ivOctets - icvOctets });
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

// Two calls each: the types of node:crypto tell the modes apart.
function cipherOf(algorithm: Aead, secret: Secret, iv: Uint8Array) {
  const { cipher, icvOctets: authTagLength } = algorithm;
  const key = encryptionKey(algorithm, secret);
  const nonce = nonceOf(algorithm, secret, iv);
  return cipher === 'chacha20-poly1305'
    ? createCipheriv(cipher, key, nonce, { authTagLength })
    : createCipheriv(cipher, key, nonce, { authTagLength });
}

function decipherOf(algorithm: Aead, secret: Secret, iv: Uint8Array) {
  const { cipher, icvOctets: authTagLength } = algorithm;
  const key = encryptionKey(algorithm, secret);
  const nonce = nonceOf(algorithm, secret, iv);
  return cipher === 'chacha20-poly1305'
    ? createDecipheriv(cipher, key, nonce, { authTagLength })
    : createDecipheriv(cipher, key, nonce, { authTagLength });
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
