/**
 * Key exchange with the NIST curves. A public value is x | y, the shared secret the x of the common point.
 * RFC 5903 section 7, RFC 6989 section 2.3.
 */
import { createECDH } from 'node:crypto';
import { fail, ok, type Result } from '../../model/result.ts';
import { Secret } from '../../model/secret.ts';
import { keyExchangeMethodIds } from '../wire/iana-numbers.ts';
import { concatenate } from '../wire/syntax.ts';
import type { KeyExchangeMethod } from './key-exchange.ts';

type EcpName = 'ecp256' | 'ecp384';

/** SEC 1 section 2.3.3: both coordinates follow, uncompressed. */
const uncompressed = Uint8Array.of(4);

const ecp = (name: EcpName, curve: string, coordinateOctets: number): KeyExchangeMethod => ({
  name,
  id: keyExchangeMethodIds[name],
  publicOctets: 2 * coordinateOctets,
  generate(random) {
    const ecdh = createECDH(curve);
    // A key of 1 to the group's order - 1: all but one in 2^32 random numbers (P-256) is.
    for (let isSet = false; !isSet; ) {
      const scalar = random(coordinateOctets);
      try {
        ecdh.setPrivateKey(scalar);
        isSet = true;
      } catch {
        // Out of range: the next one.
      }
      scalar.fill(0);
    }
    return {
      publicValue: Uint8Array.from(ecdh.getPublicKey().subarray(1)),
      agree(peerPublicValue): Result<Secret, 'KEY_EXCHANGE'> {
        if (peerPublicValue.length !== 2 * coordinateOctets) {
          const expected = `expected a public value of ${2 * coordinateOctets} octets`;
          return fail('KEY_EXCHANGE', `${expected}, found ${peerPublicValue.length}`);
        }
        try {
          return ok(new Secret(ecdh.computeSecret(concatenate(uncompressed, peerPublicValue))));
        } catch {
          // OpenSSL checks that both coordinates are below p and solve the curve's equation; the cofactor is 1.
          return fail('KEY_EXCHANGE', 'expected a point of the curve, found none');
        }
      },
    };
  },
});

export const ecpGroups: Readonly<Record<EcpName, KeyExchangeMethod>> = {
  ecp256: ecp('ecp256', 'prime256v1', 32),
  ecp384: ecp('ecp384', 'secp384r1', 48),
};
