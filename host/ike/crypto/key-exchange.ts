/**
 * Key exchange methods: an ephemeral key pair from injected randomness, and the shared secret with the peer's public
 * value. The arithmetic is OpenSSL's, by node:crypto. RFC 7748, RFC 8031.
 */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { fail, ok, type Result } from '../../model/result.ts';
import { Secret } from '../../model/secret.ts';
import { keyExchangeMethodIds } from '../wire/iana-numbers.ts';
import { concatenate } from '../wire/syntax.ts';

export interface KeyExchangeMethod {
  readonly id: number;
  /** Octets of a public value on the wire; a KE payload of any other length is malformed. */
  readonly publicOctets: number;
  /** Makes a key pair from `random(n)`, n fresh random octets. */
  generate(random: (octets: number) => Uint8Array): KeyPair;
}

export interface KeyPair {
  readonly publicValue: Uint8Array;
  /**
   * The secret shared with the owner of `peerPublicValue`, owned by the caller. Refuses values that leave the secret
   * to be zero whatever our key is (RFC 8031 section 3). Constant-time as OpenSSL's is.
   */
  agree(peerPublicValue: Uint8Array): Result<Secret, 'KEY_EXCHANGE'>;
}

/** DER up to the key's octets: PKCS #8 and SubjectPublicKeyInfo of X25519 (RFC 8410 sections 4 and 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b656e032100', 'hex');
const curve25519Octets = 32;

export const curve25519: KeyExchangeMethod = {
  id: keyExchangeMethodIds.curve25519,
  publicOctets: curve25519Octets,
  generate(random) {
    const scalar = random(curve25519Octets);
    const der = Buffer.from(concatenate(pkcs8Prefix, scalar));
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    der.fill(0);
    scalar.fill(0);
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    return {
      publicValue: Uint8Array.from(spki.subarray(spkiPrefix.length)),
      agree: (peerPublicValue) => agree(privateKey, peerPublicValue),
    };
  },
};

function agree(privateKey: KeyObject, peerPublicValue: Uint8Array): Result<Secret, 'KEY_EXCHANGE'> {
  if (peerPublicValue.length !== curve25519Octets) {
    return fail(
      'KEY_EXCHANGE',
      `expected a public value of ${curve25519Octets} octets, found ${peerPublicValue.length}`,
    );
  }
  const der = Buffer.from(concatenate(spkiPrefix, peerPublicValue));
  try {
    const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return ok(new Secret(diffieHellman({ privateKey, publicKey })));
  } catch {
    // OpenSSL refuses a public value of small order, whose shared secret is all zeros.
    return fail(
      'KEY_EXCHANGE',
      'expected a public value of full order, found one whose shared secret is zero',
    );
  }
}
