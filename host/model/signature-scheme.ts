/**
 * The signatures that are made and accepted, in certificates, revocation lists and AUTH alike: each is a public-key
 * algorithm with a hash, known by the DER of its AlgorithmIdentifier. MD5 and SHA-1 are not in the list, so nothing signed
 * with them is accepted anywhere. RFC 4055, RFC 5758, RFC 8410, RFC 7427 appendix A, RFC 8247 section 3.
 */
import { constants, type KeyObject, sign, verify } from 'node:crypto';

export type SignatureHash = 'sha256' | 'sha384' | 'sha512';

export interface SignatureScheme {
  readonly name: string;
  readonly algorithm: 'rsa-pkcs1' | 'rsa-pss' | 'ecdsa' | 'ed25519';
  /** undefined where the algorithm hashes by itself. */
  readonly hash: SignatureHash | undefined;
  /** DER of its AlgorithmIdentifier as this end writes it. */
  readonly identifier: Uint8Array;
}

const hashes: readonly SignatureHash[] = ['sha256', 'sha384', 'sha512'];
const hashOctets: Readonly<Record<SignatureHash, number>> = { sha256: 32, sha384: 48, sha512: 64 };

/** DER of an object of `tag` whose content is less than 128 octets. */
const der = (tag: number, ...parts: readonly (readonly number[])[]): number[] => {
  const content = parts.flat();
  return [tag, content.length, ...content];
};
const sequence = (...parts: readonly (readonly number[])[]): number[] => der(0x30, ...parts);
const objectIdentifier = (hex: string): number[] => der(0x06, [...Buffer.from(hex, 'hex')]);
const nothing = der(0x05);

/** Last octet of the object identifiers of the three hashes, by RFC 4055 section 2.1, 1.5 and RFC 5758 section 3.2. */
const hashIdentifier = { sha256: '01', sha384: '02', sha512: '03' } as const;
const rsaWithHash = { sha256: '0b', sha384: '0c', sha512: '0d' } as const;
const ecdsaWithHash = { sha256: '02', sha384: '03', sha512: '04' } as const;

/** RFC 4055 section 3.1: parameters of the hash may be NULL or absent, and the default trailer field written or not. */
function pssIdentifiers(hash: SignatureHash): number[][] {
  return [[nothing], []].flatMap((parameters) =>
    [[], [der(0xa3, [0x02, 0x01, 0x01])]].map((trailer) => {
      const hashAlgorithm = sequence(
        objectIdentifier(`6086480165030402${hashIdentifier[hash]}`),
        ...parameters,
      );
      const mask = sequence(objectIdentifier('2a864886f70d010108'), hashAlgorithm);
      const salt = der(0xa2, [0x02, 0x01, hashOctets[hash]]);
      return sequence(
        objectIdentifier('2a864886f70d01010a'),
        sequence(der(0xa0, hashAlgorithm), der(0xa1, mask), salt, ...trailer),
      );
    }),
  );
}

interface Known {
  readonly scheme: SignatureScheme;
  readonly identifiers: readonly (readonly number[])[];
}

function known(
  name: string,
  algorithm: SignatureScheme['algorithm'],
  hash: SignatureHash | undefined,
  identifiers: readonly (readonly number[])[],
): Known {
  return {
    scheme: { name, algorithm, hash, identifier: Uint8Array.from(identifiers[0] ?? []) },
    identifiers,
  };
}

const table: readonly Known[] = [
  known('ed25519', 'ed25519', undefined, [sequence(objectIdentifier('2b6570'))]),
  ...hashes.flatMap((hash) => [
    known(`ecdsa-${hash}`, 'ecdsa', hash, [
      sequence(objectIdentifier(`2a8648ce3d0403${ecdsaWithHash[hash]}`)),
    ]),
    known(`rsa-pss-${hash}`, 'rsa-pss', hash, pssIdentifiers(hash)),
    known(`rsa-pkcs1-${hash}`, 'rsa-pkcs1', hash, [
      sequence(objectIdentifier(`2a864886f70d0101${rsaWithHash[hash]}`), nothing),
      sequence(objectIdentifier(`2a864886f70d0101${rsaWithHash[hash]}`)),
    ]),
  ]),
];

const byIdentifier = new Map(
  table.flatMap(({ scheme, identifiers }) =>
    identifiers.map((identifier) => [Buffer.from(identifier).toString('hex'), scheme] as const),
  ),
);

/** The scheme of an AlgorithmIdentifier in DER; undefined for one that is not accepted. */
export function schemeOf(identifier: Uint8Array): SignatureScheme | undefined {
  return byIdentifier.get(Buffer.from(identifier).toString('hex'));
}

/** The scheme of an algorithm with a hash; Ed25519 has none. */
export function schemeWith(
  algorithm: SignatureScheme['algorithm'],
  hash: SignatureHash | undefined,
): SignatureScheme {
  const found = table.find(({ scheme }) => scheme.algorithm === algorithm && scheme.hash === hash);
  if (found === undefined) throw new RangeError(`no signature scheme ${algorithm} with ${hash}`);
  return found.scheme;
}

/** How ECDSA signatures are written: X.509 and RFC 7427 as a SEQUENCE, RFC 4754 as both numbers side by side. */
export type EcdsaEncoding = 'der' | 'ieee-p1363';

/** Signs `octets`; the key must fit the scheme. Constant-time as OpenSSL is. */
export function signWith(
  scheme: SignatureScheme,
  privateKey: KeyObject,
  octets: Uint8Array,
  dsaEncoding: EcdsaEncoding = 'der',
): Uint8Array {
  return new Uint8Array(sign(scheme.hash, octets, { key: privateKey, dsaEncoding, ...padding(scheme) }));
}

/** True when `signature` over `octets` was made with the other half of `publicKey`; false also for a key of another kind. */
export function verifyWith(
  scheme: SignatureScheme,
  publicKey: KeyObject,
  octets: Uint8Array,
  signature: Uint8Array,
  dsaEncoding: EcdsaEncoding = 'der',
): boolean {
  if (!fits(scheme, publicKey)) return false;
  try {
    return verify(scheme.hash, octets, { key: publicKey, dsaEncoding, ...padding(scheme) }, signature);
  } catch {
    return false; // OpenSSL throws at signatures whose form is wrong, where others are just not right
  }
}

function padding(scheme: SignatureScheme): { padding?: number; saltLength?: number } {
  if (scheme.algorithm === 'rsa-pkcs1') return { padding: constants.RSA_PKCS1_PADDING };
  if (scheme.algorithm !== 'rsa-pss' || scheme.hash === undefined) return {};
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: hashOctets[scheme.hash] };
}

function fits({ algorithm }: SignatureScheme, { asymmetricKeyType: type }: KeyObject): boolean {
  switch (algorithm) {
    case 'ecdsa':
      return type === 'ec';
    case 'ed25519':
      return type === 'ed25519';
    case 'rsa-pkcs1':
      return type === 'rsa';
    case 'rsa-pss':
      return type === 'rsa' || type === 'rsa-pss';
  }
}

/** Ours: 112 bits of security at least (RFC 8247 section 4.1), and no modulus that takes OpenSSL long. */
const leastRsaBits = 2048;
const mostRsaBits = 8192;
const mostRsaExponent = 0xffff_ffffn;

/** P-256 and P-384, as OpenSSL calls them. */
const curves: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1']);

/** What is wrong with a key, public or private, for signatures; undefined when it may be used. */
export function keyMistake(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return undefined;
  if (type === 'ec') {
    return curves.has(details?.namedCurve)
      ? undefined
      : `expected a key on P-256 or P-384, found ${details?.namedCurve ?? 'another curve'}`;
  }
  if (type !== 'rsa' && type !== 'rsa-pss') {
    return `expected a key of RSA, ECDSA or Ed25519, found ${type ?? 'another'}`;
  }
  const bits = details?.modulusLength ?? 0;
  if (bits < leastRsaBits || bits > mostRsaBits) {
    return `expected an RSA key of ${leastRsaBits} to ${mostRsaBits} bits, found ${bits}`;
  }
  const exponent = details?.publicExponent ?? 0n;
  return exponent > mostRsaExponent
    ? `expected a public exponent of at most 32 bits, found ${exponent.toString(2).length}`
    : undefined;
}
