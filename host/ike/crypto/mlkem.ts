/**
 * ML-KEM-768 as an additional key exchange: the initiator's value is an encapsulation key, the responder's a ciphertext.
 * The arithmetic is OpenSSL's, by node:crypto. FIPS 203, draft-ietf-ipsecme-ikev2-mlkem.
 *
 * The key pair comes of injected randomness; encapsulation draws its 32 octets from OpenSSL, because node:crypto takes none.
 */
import { createPublicKey, decapsulate, encapsulate } from 'node:crypto';
import type { AdditionalKeyExchangeName } from '../../model/ike-proposal.ts';
import { fail, ok, type Result } from '../../model/result.ts';
import { Secret } from '../../model/secret.ts';
import { keyExchangeMethodIds } from '../wire/iana-numbers.ts';
import { concatenate, plainOctets } from '../wire/syntax.ts';
import { privateKeyIn } from './der.ts';

/** A key encapsulation mechanism: unlike a Diffie-Hellman group, it gives the two ends different things to do. */
export interface KeyEncapsulation {
  readonly name: AdditionalKeyExchangeName;
  readonly id: number;
  /** Makes the initiator's key pair from `random(n)`, which is wiped. */
  generate(random: (octets: number) => Uint8Array): EncapsulationPair;
  /**
   * The responder's part: a fresh secret, owned by the caller, and what the initiator takes to have it too. Refuses a key of
   * another length or with a coefficient that is not below the prime (FIPS 203 section 7.2).
   */
  encapsulate(
    encapsulationKey: Uint8Array,
  ): Result<{ readonly ciphertext: Uint8Array; readonly sharedSecret: Secret }, 'KEY_EXCHANGE'>;
}

export interface EncapsulationPair {
  readonly encapsulationKey: Uint8Array;
  /**
   * The secret inside `ciphertext`, owned by the caller. One that was tampered with gives another secret and no error
   * (implicit rejection, FIPS 203 section 6.3); the next protected message then does not open. Constant-time as OpenSSL's is.
   */
  decapsulate(ciphertext: Uint8Array): Result<Secret, 'KEY_EXCHANGE'>;
}

/** FIPS 203 section 8, table 3. */
const seedOctets = 64;
const encapsulationKeyOctets = 1184;
const ciphertextOctets = 1088;

/** DER up to the octets: PKCS #8 with the seed alone, SubjectPublicKeyInfo; OID 2.16.840.1.101.3.4.4.2 (RFC 9935). */
const pkcs8Prefix = Buffer.from('3054020100300b06096086480165030404020442' + '8040', 'hex');
const spkiPrefix = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');

export const mlkem768: KeyEncapsulation = {
  name: 'mlkem768',
  id: keyExchangeMethodIds.mlkem768,
  generate(random) {
    const seed = random(seedOctets);
    const privateKey = privateKeyIn(concatenate(pkcs8Prefix, seed));
    seed.fill(0);
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    return {
      encapsulationKey: Uint8Array.from(spki.subarray(spkiPrefix.length)),
      decapsulate(ciphertext) {
        if (ciphertext.length !== ciphertextOctets) {
          const expected = `expected a ciphertext of ${ciphertextOctets} octets`;
          return fail('KEY_EXCHANGE', `${expected}, found ${ciphertext.length}`);
        }
        return ok(new Secret(plainOctets(decapsulate(privateKey, ciphertext))));
      },
    };
  },
  encapsulate(encapsulationKey) {
    if (encapsulationKey.length !== encapsulationKeyOctets) {
      const expected = `expected an encapsulation key of ${encapsulationKeyOctets} octets`;
      return fail('KEY_EXCHANGE', `${expected}, found ${encapsulationKey.length}`);
    }
    try {
      const key = Buffer.from(concatenate(spkiPrefix, encapsulationKey));
      const publicKey = createPublicKey({ key, format: 'der', type: 'spki' });
      const { ciphertext, sharedKey } = encapsulate(publicKey);
      return ok({
        ciphertext: plainOctets(ciphertext),
        sharedSecret: new Secret(plainOctets(sharedKey)),
      });
    } catch {
      return fail('KEY_EXCHANGE', 'expected coefficients below the prime of ML-KEM, found others');
    }
  },
};

export const keyEncapsulations: Readonly<Record<AdditionalKeyExchangeName, KeyEncapsulation>> = { mlkem768 };
