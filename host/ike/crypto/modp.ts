/**
 * Key exchange with the MODP groups: powers of 2 modulo a safe prime. Public values and the shared secret have the length
 * of the prime, with zeros in front. RFC 3526, RFC 7296 section 2.14, RFC 6989 section 2.1.
 */
import { createPublicKey, diffieHellman, getDiffieHellman } from 'node:crypto';
import { fail, ok, type Result } from '../../model/result.ts';
import { Secret } from '../../model/secret.ts';
import { keyExchangeMethodIds } from '../wire/iana-numbers.ts';
import { derBitString, derContents, derInteger, derOctetString, derSequence, privateKeyIn } from './der.ts';
import type { KeyExchangeMethod } from './key-exchange.ts';

type ModpName = 'modp1536' | 'modp2048' | 'modp3072';

/** OID 1.2.840.113549.1.3.1, dhKeyAgreement (PKCS #3 section 9): how a key of such a group is told from others. */
const dhKeyAgreement = Buffer.from('06092a864886f70d010301', 'hex');
const generator = Uint8Array.of(2);

/**
 * @param group name of the group in node:crypto
 * @param exponentOctets at least twice the larger estimate of the group's strength (RFC 3526 section 8)
 */
function modp(name: ModpName, group: string, exponentOctets: number): KeyExchangeMethod {
  const prime = getDiffieHellman(group).getPrime();
  const publicOctets = prime.length;
  const algorithm = derSequence(dhKeyAgreement, derSequence(derInteger(prime), derInteger(generator)));
  return {
    name,
    id: keyExchangeMethodIds[name],
    publicOctets,
    generate(random) {
      const exponent = random(exponentOctets);
      // Neither 0 nor short: the highest bit set costs one bit of 256 and more.
      exponent[0] = (exponent[0] ?? 0) | 0x80;
      const encodedExponent = derInteger(exponent);
      const keyOctets = derOctetString(encodedExponent);
      const privateKey = privateKeyIn(derSequence(derInteger(Uint8Array.of(0)), algorithm, keyOctets));
      for (const octets of [exponent, encodedExponent, keyOctets]) octets.fill(0);
      const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
      return {
        publicValue: publicValueOf(spki, publicOctets),
        agree(peerPublicValue): Result<Secret, 'KEY_EXCHANGE'> {
          if (peerPublicValue.length !== publicOctets) {
            const expected = `expected a public value of ${publicOctets} octets`;
            return fail('KEY_EXCHANGE', `${expected}, found ${peerPublicValue.length}`);
          }
          const key = Buffer.from(derSequence(algorithm, derBitString(derInteger(peerPublicValue))));
          try {
            const publicKey = createPublicKey({ key, format: 'der', type: 'spki' });
            return ok(new Secret(diffieHellman({ privateKey, publicKey })));
          } catch {
            // OpenSSL refuses 0, 1, p - 1 and beyond, whose powers are few (RFC 6989 section 2.1).
            return fail('KEY_EXCHANGE', 'expected a public value of 2 to p - 2, found another');
          }
        },
      };
    },
  };
}

/** The INTEGER of a SubjectPublicKeyInfo (RFC 5280 section 4.1) as so many octets, with zeros in front. */
function publicValueOf(spki: Uint8Array, octets: number): Uint8Array {
  const [info] = derContents(spki);
  const [, bits] = derContents(info ?? new Uint8Array(0));
  const [integer] = derContents((bits ?? new Uint8Array(0)).subarray(1));
  const value = new Uint8Array(octets);
  // Without the octet that only keeps the sign away.
  const digits = (integer ?? new Uint8Array(0)).subarray(-octets);
  value.set(digits, octets - digits.length);
  return value;
}

/** RFC 3526 sections 2, 3 and 4. */
export const modpGroups: Readonly<Record<ModpName, KeyExchangeMethod>> = {
  modp1536: modp('modp1536', 'modp5', 32),
  modp2048: modp('modp2048', 'modp14', 40),
  modp3072: modp('modp3072', 'modp15', 56),
};
