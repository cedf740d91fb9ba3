/**
 * A small certification authority for those who have none: one self-signed certificate that issues to routers and servers
 * directly. Makes keys and signs; files and the index are for who calls. `@peculiar/asn1-x509` writes the DER,
 * `node:crypto` signs. RFC 5280 sections 4 and 5, RFC 4945 section 5.1.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CertificationRequest } from '@peculiar/asn1-csr';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as asn from '@peculiar/asn1-x509';
import { HostError } from '../model/host-error.ts';
import { pemObjects } from '../model/pem.ts';
import {
  keyMistake,
  type SignatureScheme,
  schemeOf,
  schemeWith,
  signWith,
  verifyWith,
} from '../model/signature-scheme.ts';
import type { UtcMs } from '../model/trusted-time.ts';

/** p256 is what every IKE peer knows; Ed25519 is shorter, and strangers know it since RFC 8420. */
export type AuthorityKey = 'p256' | 'ed25519';

const dayMs = 86_400_000;
const idIpsecIke = '1.3.6.1.5.5.7.3.17'; // RFC 4945 section 5.1.3.12

/** A fresh private key. */
export function makeKey(kind: AuthorityKey): KeyObject {
  return kind === 'ed25519'
    ? generateKeyPairSync('ed25519').privateKey
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** PKCS#8 in PEM; whoever asks owns a secret. */
export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export interface Issuing {
  /** Positive, at most 20 octets (RFC 5280 section 4.1.2.2); random, so that nobody can tell the next. */
  readonly serial: Uint8Array;
  readonly nowUtcMs: UtcMs;
  readonly days: number;
}

/** The authority's own certificate, DER. */
export function makeAuthorityCertificate(key: KeyObject, name: string, issuing: Issuing): Uint8Array {
  const subject = commonName(name);
  return signCertificate(key, { subject, issuer: subject, publicKey: createPublicKey(key) }, issuing, [
    extension(asn.id_ce_basicConstraints, new asn.BasicConstraints({ cA: true, pathLenConstraint: 0 }), true),
    extension(
      asn.id_ce_keyUsage,
      new asn.KeyUsage(asn.KeyUsageFlags.keyCertSign | asn.KeyUsageFlags.cRLSign),
      true,
    ),
    subjectKey(createPublicKey(key)),
  ]);
}

/** An authority: its certificate in DER and its key. */
export class Authority {
  readonly #key: KeyObject;
  readonly #certificate: asn.Certificate;

  /** @throws HostError CREDENTIAL_UNREADABLE when the two do not belong together */
  constructor(certificate: Uint8Array, key: KeyObject) {
    this.#certificate = AsnConvert.parse(certificate, asn.Certificate);
    this.#key = key;
    const { subjectPublicKeyInfo } = this.#certificate.tbsCertificate;
    const spki = Buffer.from(AsnConvert.serialize(subjectPublicKeyInfo));
    if (!spki.equals(spkiOf(createPublicKey(key)))) {
      throw new HostError('CREDENTIAL_UNREADABLE', 'ca.key is not the key of ca.crt');
    }
  }

  /** A certificate for the router or server `name`, DER. */
  issue(name: string, publicKey: KeyObject, issuing: Issuing): Uint8Array {
    const issuer = this.#certificate.tbsCertificate.subject;
    const authorityKey = new asn.AuthorityKeyIdentifier({
      keyIdentifier: keyIdentifier(createPublicKey(this.#key)),
    });
    return signCertificate(this.#key, { subject: commonName(name), issuer, publicKey }, issuing, [
      extension(asn.id_ce_basicConstraints, new asn.BasicConstraints({ cA: false }), true),
      extension(asn.id_ce_keyUsage, new asn.KeyUsage(asn.KeyUsageFlags.digitalSignature), true),
      extension(asn.id_ce_extKeyUsage, new asn.ExtendedKeyUsage([idIpsecIke]), false),
      extension(
        asn.id_ce_subjectAltName,
        new asn.SubjectAlternativeName([new asn.GeneralName({ dNSName: name })]),
        false,
      ),
      subjectKey(publicKey),
      extension(asn.id_ce_authorityKeyIdentifier, authorityKey, false),
    ]);
  }

  /** A revocation list, DER. */
  revocationList(
    revoked: readonly { readonly serial: Uint8Array; readonly atUtcMs: UtcMs }[],
    number: number,
    nowUtcMs: UtcMs,
    days: number,
  ): Uint8Array {
    const scheme = schemeFor(this.#key);
    const signatureAlgorithm = AsnConvert.parse(scheme.identifier, asn.AlgorithmIdentifier);
    const { subject } = this.#certificate.tbsCertificate;
    const authorityKey = new asn.AuthorityKeyIdentifier({
      keyIdentifier: keyIdentifier(createPublicKey(this.#key)),
    });
    const tbsCertList = new asn.TBSCertList({
      version: asn.Version.v2,
      signature: signatureAlgorithm,
      issuer: subject,
      thisUpdate: new asn.Time(new Date(nowUtcMs)),
      nextUpdate: new asn.Time(new Date(nowUtcMs + days * dayMs)),
      ...(revoked.length === 0
        ? {}
        : {
            revokedCertificates: revoked.map(
              ({ serial, atUtcMs }) =>
                new asn.RevokedCertificate({
                  userCertificate: bufferOf(serial),
                  revocationDate: new asn.Time(new Date(atUtcMs)),
                }),
            ),
          }),
      crlExtensions: [
        extension(asn.id_ce_authorityKeyIdentifier, authorityKey, false),
        extension(asn.id_ce_cRLNumber, new asn.CRLNumber(number), false),
      ],
    });
    const signature = signWith(scheme, this.#key, new Uint8Array(AsnConvert.serialize(tbsCertList)));
    return new Uint8Array(
      AsnConvert.serialize(
        new asn.CertificateList({ tbsCertList, signatureAlgorithm, signature: bufferOf(signature) }),
      ),
    );
  }
}

/**
 * The public key of a PKCS#10 request, which its signature proves that the requester holds. The names in it are not looked at.
 *
 * @throws HostError CREDENTIAL_UNREADABLE when it is none, or its key or signature is too weak or wrong
 */
export function requestedKey(pem: string, file: string): KeyObject {
  const refuse = (why: string): HostError => new HostError('CREDENTIAL_UNREADABLE', `${file}: ${why}`);
  const [der] = pemObjects(pem, 'CERTIFICATE REQUEST', file);
  let request: CertificationRequest;
  let publicKey: KeyObject;
  try {
    request = AsnConvert.parse(der ?? new Uint8Array(0), CertificationRequest);
    const spki = AsnConvert.serialize(request.certificationRequestInfo.subjectPKInfo);
    publicKey = createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' });
  } catch {
    throw refuse('expected a certificate request (PKCS#10), found something else');
  }
  const mistake = keyMistake(publicKey);
  if (mistake !== undefined) throw refuse(mistake);
  const scheme = schemeOf(new Uint8Array(AsnConvert.serialize(request.signatureAlgorithm)));
  const signed =
    request.certificationRequestInfoRaw ?? AsnConvert.serialize(request.certificationRequestInfo);
  if (
    scheme === undefined ||
    !verifyWith(scheme, publicKey, new Uint8Array(signed), new Uint8Array(request.signature))
  ) {
    throw refuse('expected a signature by its own key, with SHA-2 or Ed25519');
  }
  return publicKey;
}

interface Subject {
  readonly subject: asn.Name;
  readonly issuer: asn.Name;
  readonly publicKey: KeyObject;
}

function signCertificate(
  key: KeyObject,
  { subject, issuer, publicKey }: Subject,
  { serial, nowUtcMs, days }: Issuing,
  extensions: readonly asn.Extension[],
): Uint8Array {
  const scheme = schemeFor(key);
  const signatureAlgorithm = AsnConvert.parse(scheme.identifier, asn.AlgorithmIdentifier);
  const tbsCertificate = new asn.TBSCertificate({
    version: asn.Version.v3,
    serialNumber: bufferOf(serial),
    signature: signatureAlgorithm,
    issuer,
    validity: new asn.Validity({
      notBefore: new Date(nowUtcMs),
      notAfter: new Date(nowUtcMs + days * dayMs),
    }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(spkiOf(publicKey), asn.SubjectPublicKeyInfo),
    extensions: new asn.Extensions([...extensions]),
  });
  const signature = signWith(scheme, key, new Uint8Array(AsnConvert.serialize(tbsCertificate)));
  return new Uint8Array(
    AsnConvert.serialize(
      new asn.Certificate({ tbsCertificate, signatureAlgorithm, signatureValue: bufferOf(signature) }),
    ),
  );
}

function schemeFor(key: KeyObject): SignatureScheme {
  return key.asymmetricKeyType === 'ed25519'
    ? schemeWith('ed25519', undefined)
    : schemeWith('ecdsa', 'sha256');
}

function commonName(name: string): asn.Name {
  const value = new asn.AttributeValue({ utf8String: name });
  const type = '2.5.4.3';
  return new asn.Name([new asn.RelativeDistinguishedName([new asn.AttributeTypeAndValue({ type, value })])]);
}

function extension(extnID: string, value: unknown, critical: boolean): asn.Extension {
  return new asn.Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function subjectKey(publicKey: KeyObject): asn.Extension {
  return extension(asn.id_ce_subjectKeyIdentifier, keyIdentifier(publicKey), false);
}

/** A name for the key, by RFC 7093 section 2 method 4: a hash of the whole SubjectPublicKeyInfo. */
function keyIdentifier(publicKey: KeyObject): asn.SubjectKeyIdentifier {
  return new asn.SubjectKeyIdentifier(
    bufferOf(createHash('sha256').update(spkiOf(publicKey)).digest().subarray(0, 20)),
  );
}

function spkiOf(publicKey: KeyObject): Buffer<ArrayBuffer> {
  return Buffer.from(publicKey.export({ type: 'spki', format: 'der' }));
}

/** The octets in a buffer of their own. */
function bufferOf(octets: Uint8Array): ArrayBuffer {
  return Uint8Array.from(octets).buffer;
}
