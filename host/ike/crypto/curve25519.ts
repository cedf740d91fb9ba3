/** Key exchange with Curve25519. RFC 7748 section 6.1, RFC 8031. */
import { createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { fail, ok, type Result } from '../../model/result.ts';
import { Secret } from '../../model/secret.ts';
import { keyExchangeMethodIds } from '../wire/iana-numbers.ts';
import { concatenate } from '../wire/syntax.ts';
import { privateKeyIn } from './der.ts';
import type { KeyExchangeMethod } from './key-exchange.ts';

/** DER up to the key's octets: PKCS #8 and SubjectPublicKeyInfo of X25519 (RFC 8410 sections 4 and 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b656e032100', 'hex');
const curve25519Octets = 32;

export const curve25519: KeyExchangeMethod = {
  name: 'x25519',
  id: keyExchangeMethodIds.curve25519,
  publicOctets: curve25519Octets,
  generate(random) {
    const scalar = random(curve25519Octets);
    const privateKey = privateKeyIn(concatenate(pkcs8Prefix, scalar));
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
    // OpenSSL refuses a public value of small order, whose shared secret is all zeros (RFC 8031 section 3).
    return fail(
      'KEY_EXCHANGE',
      'expected a public value of full order, found one whose shared secret is zero',
    );
  }
}
