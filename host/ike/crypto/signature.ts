/**
 * AUTH by digital signature: which method and scheme this end signs with, and what it accepts of the other. Method 14 names
 * its scheme by an AlgorithmIdentifier in front of the signature (RFC 7427 section 3); the older methods 1, 9 and 10 are
 * for peers that do not announce 14. Signatures with SHA-1 or MD5 are never made and never accepted.
 */
import type { KeyObject } from 'node:crypto';
import { fail, ok, type Result } from '../../model/result.ts';
import {
  type EcdsaEncoding,
  keyMistake,
  type SignatureHash,
  type SignatureScheme,
  schemeOf,
  schemeWith,
  signWith,
  verifyWith,
} from '../../model/signature-scheme.ts';
import type { AnnouncedHash } from '../sa-init/signature-hashes.ts';
import { authenticationMethods } from '../wire/iana-numbers.ts';
import type { Authentication } from '../wire/identification.ts';
import { concatenate } from '../wire/syntax.ts';

/** What is wrong with a signature, or with the wish to make one. */
export type SignatureRefusal = 'authentication-failed' | 'certificate-algorithm';

/**
 * Signs `octets` in the best way that the peer understands.
 *
 * @param announced hashes that the peer announced, or undefined when it does not know method 14
 */
export function signAuthentication(
  privateKey: KeyObject,
  octets: Uint8Array,
  announced: readonly AnnouncedHash[] | undefined,
): Result<Authentication, SignatureRefusal> {
  if (announced === undefined) return signInTheOldWay(privateKey, octets);
  const scheme = schemeFor(privateKey, announced);
  if (scheme === undefined) {
    const key = privateKey.asymmetricKeyType ?? 'this kind';
    const message = `expected the peer to announce a hash that a key of ${key} can use, found ${announced.join(', ') || 'none'}`;
    return fail('certificate-algorithm', message);
  }
  const { identifier } = scheme;
  const data = concatenate(
    Uint8Array.of(identifier.length),
    identifier,
    signWith(scheme, privateKey, octets),
  );
  return ok({ method: authenticationMethods.digitalSignature, data });
}

/** RSA signs with PSS (RFC 8247 section 3.2); the hash is as strong as the key where the peer has one. */
function schemeFor(key: KeyObject, announced: readonly AnnouncedHash[]): SignatureScheme | undefined {
  const type = key.asymmetricKeyType;
  if (type === 'ed25519') {
    return announced.includes('identity') ? schemeWith('ed25519', undefined) : undefined;
  }
  const isLong =
    key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ||
    (key.asymmetricKeyDetails?.modulusLength ?? 0) > 3072;
  const preferred: readonly SignatureHash[] = isLong
    ? ['sha384', 'sha512', 'sha256']
    : ['sha256', 'sha384', 'sha512'];
  const hash = preferred.find((one) => announced.includes(one));
  return hash && schemeWith(type === 'ec' ? 'ecdsa' : 'rsa-pss', hash);
}

/** RFC 4754 for ECDSA, RFC 7296 section 3.8 for RSA, there with SHA-256 in place of SHA-1. */
function signInTheOldWay(key: KeyObject, octets: Uint8Array): Result<Authentication, SignatureRefusal> {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const method = oldMethods.find((one) => one.curve === curve && one.keyType === key.asymmetricKeyType);
  const hash = method?.hashes[0];
  if (method === undefined || hash === undefined) {
    const message = `expected the peer to know digital signatures (RFC 7427), which a key of ${key.asymmetricKeyType} needs`;
    return fail('certificate-algorithm', message);
  }
  const data = signWith(schemeWith(method.algorithm, hash), key, octets, method.encoding);
  return ok({ method: method.method, data });
}

const oldMethods: readonly {
  readonly method: number;
  readonly keyType: string;
  readonly curve: string | undefined;
  readonly algorithm: SignatureScheme['algorithm'];
  /** That may have been used; the first is the one that we use. */
  readonly hashes: readonly SignatureHash[];
  readonly encoding: EcdsaEncoding;
}[] = [
  {
    method: authenticationMethods.rsaDigitalSignature,
    keyType: 'rsa',
    curve: undefined,
    algorithm: 'rsa-pkcs1',
    hashes: ['sha256', 'sha384', 'sha512'],
    encoding: 'der',
  },
  {
    method: authenticationMethods.ecdsaSha256P256,
    keyType: 'ec',
    curve: 'prime256v1',
    algorithm: 'ecdsa',
    hashes: ['sha256'],
    encoding: 'ieee-p1363',
  },
  {
    method: authenticationMethods.ecdsaSha384P384,
    keyType: 'ec',
    curve: 'secp384r1',
    algorithm: 'ecdsa',
    hashes: ['sha384'],
    encoding: 'ieee-p1363',
  },
];

/** True for AUTH by any kind of signature. */
export function isSignature({ method }: Authentication): boolean {
  return (
    method === authenticationMethods.digitalSignature || oldMethods.some((known) => known.method === method)
  );
}

/** Checks the peer's signature over `octets`. */
export function checkSignature(
  publicKey: KeyObject,
  octets: Uint8Array,
  authentication: Authentication,
): Result<undefined, SignatureRefusal> {
  const weak = keyMistake(publicKey);
  if (weak !== undefined) return fail('certificate-algorithm', weak);
  const wrong = fail('authentication-failed', 'the signature does not fit the certificate and this exchange');
  if (authentication.method !== authenticationMethods.digitalSignature) {
    const old = oldMethods.find((known) => known.method === authentication.method);
    const curve = publicKey.asymmetricKeyDetails?.namedCurve;
    if (old === undefined || old.curve !== curve) return wrong;
    const isRight = old.hashes.some((hash) =>
      verifyWith(schemeWith(old.algorithm, hash), publicKey, octets, authentication.data, old.encoding),
    );
    return isRight ? ok(undefined) : wrong;
  }
  const length = authentication.data[0] ?? 0;
  const identifier = authentication.data.subarray(1, 1 + length);
  const scheme = schemeOf(identifier);
  if (identifier.length !== length || scheme === undefined) {
    const found = Buffer.from(identifier.subarray(0, 32)).toString('hex');
    const message = `expected a signature by RSA, ECDSA or Ed25519 with SHA-2, found AlgorithmIdentifier 0x${found}`;
    return fail('certificate-algorithm', message);
  }
  const signature = authentication.data.subarray(1 + length);
  return verifyWith(scheme, publicKey, octets, signature) ? ok(undefined) : wrong;
}
