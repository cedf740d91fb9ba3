/**
 * One certificate as the rest of this room needs it. OpenSSL reads the DER first, so that only what it takes for a
 * certificate reaches the ASN.1 library; what must be understood and is not makes it unusable. Neither signature nor
 * validity is judged here. RFC 5280 section 4, RFC 4945 section 5.1.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import * as asn from '@peculiar/asn1-x509';
import { parseAddress } from '../model/address.ts';
import type { CertificateRefusal } from '../model/certificate-trust.ts';
import { fail, ok, type Result } from '../model/result.ts';
import { keyMistake, schemeOf } from '../model/signature-scheme.ts';
import type { UtcMs } from '../model/trusted-time.ts';

/** Ours: the largest in use, with RSA of 8192 bits and many names, take a third of it. */
export const maximumCertificateOctets = 16 * 1024;

export interface Certificate {
  /** As OpenSSL has it. */
  readonly x509: X509Certificate;
  readonly der: Uint8Array;
  readonly publicKey: KeyObject;
  /** DER of the names, as hexadecimal, to be compared. */
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal, without leading zeros. */
  readonly serial: string;
  readonly notBeforeUtcMs: UtcMs;
  readonly notAfterUtcMs: UtcMs;
  /** basicConstraints with cA, and keyCertSign unless keyUsage is absent. */
  readonly isAuthority: boolean;
  /** keyUsage lets it sign revocation lists, or is absent. */
  readonly signsRevocationLists: boolean;
  /** keyUsage and extendedKeyUsage let it prove an IKE identity. */
  readonly provesIdentity: boolean;
  /** Authorities that may follow below; undefined for any number. */
  readonly pathLength: number | undefined;
  /** subjectAltName. */
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
  /** 4 or 16 octets, as hexadecimal. */
  readonly addresses: readonly string[];
}

/** Extensions that are acted on, or say nothing that a verifier must act on. */
const understood: ReadonlySet<string> = new Set([
  asn.id_ce_basicConstraints,
  asn.id_ce_keyUsage,
  asn.id_ce_extKeyUsage,
  asn.id_ce_subjectAltName,
  asn.id_ce_issuerAltName,
  asn.id_ce_subjectKeyIdentifier,
  asn.id_ce_authorityKeyIdentifier,
  // Any policy will do (RFC 5280 section 6.1.1 c), so these cannot fail a path.
  asn.id_ce_certificatePolicies,
  asn.id_ce_cRLDistributionPoints,
]);

/** RFC 4945 section 5.1.3.12: with either, a certificate that limits its purposes is for IKE. */
const purposes: ReadonlySet<string> = new Set(['1.3.6.1.5.5.7.3.17', asn.anyExtendedKeyUsage]);

/** Reads DER that may be hostile. */
export function parseCertificate(der: Uint8Array): Result<Certificate, CertificateRefusal> {
  if (der.length > maximumCertificateOctets) {
    return malformed(`expected a certificate of at most ${maximumCertificateOctets} octets`, der.length);
  }
  let x509: X509Certificate;
  let parsed: asn.Certificate;
  let publicKey: KeyObject;
  try {
    x509 = new X509Certificate(der);
    if (Buffer.compare(x509.raw, der) !== 0) throw new RangeError('octets follow it');
    publicKey = x509.publicKey;
    parsed = AsnConvert.parse(der, asn.Certificate);
  } catch {
    return malformed('expected a certificate in DER, found something else');
  }
  const identifier = new Uint8Array(AsnConvert.serialize(parsed.signatureAlgorithm));
  if (schemeOf(identifier) === undefined) {
    const found = parsed.signatureAlgorithm.algorithm;
    const message = `expected a certificate signed with SHA-2 or Ed25519, found algorithm ${found}`;
    return fail('certificate-algorithm', message);
  }
  const weak = keyMistake(publicKey);
  if (weak !== undefined) return fail('certificate-algorithm', `certificate: ${weak}`);
  try {
    return withExtensions(parsed, { x509, der: new Uint8Array(x509.raw), publicKey });
  } catch {
    return malformed('expected extensions that can be read, found others');
  }
}

function withExtensions(
  parsed: asn.Certificate,
  base: Pick<Certificate, 'x509' | 'der' | 'publicKey'>,
): Result<Certificate, CertificateRefusal> {
  const { subject, issuer, serialNumber, validity, extensions } = parsed.tbsCertificate;
  const byId = new Map<string, asn.Extension>();
  for (const extension of extensions ?? []) {
    const { extnID, critical } = extension;
    if (byId.has(extnID)) return malformed(`expected extension ${extnID} once, found it twice`);
    // Name constraints narrow what an authority may say; ignoring them would trust it too far (section 4.2.1.10).
    const mustBeUnderstood = critical || extnID === asn.id_ce_nameConstraints;
    if (mustBeUnderstood && !understood.has(extnID)) {
      return malformed(`expected no extension that must be understood and is not, found ${extnID}`);
    }
    byId.set(extnID, extension);
  }
  const read = <Value>(id: string, type: new () => Value): Value | undefined => {
    const extension = byId.get(id);
    return extension && AsnConvert.parse(extension.extnValue.buffer, type);
  };
  const constraints = read(asn.id_ce_basicConstraints, asn.BasicConstraints);
  const usage = read(asn.id_ce_keyUsage, asn.KeyUsage)?.toNumber();
  const extendedUsage = read(asn.id_ce_extKeyUsage, asn.ExtendedKeyUsage);
  const names = read(asn.id_ce_subjectAltName, asn.SubjectAlternativeName) ?? [];
  const allows = (flags: number): boolean => usage === undefined || (usage & flags) !== 0;
  const [notBeforeUtcMs, notAfterUtcMs] = [
    validity.notBefore.getTime().getTime(),
    validity.notAfter.getTime().getTime(),
  ];
  if (!Number.isFinite(notBeforeUtcMs) || !Number.isFinite(notAfterUtcMs)) {
    return malformed('expected a time at which it ends, found none that can be read');
  }
  return ok({
    ...base,
    subject: hexOf(AsnConvert.serialize(subject)),
    issuer: hexOf(AsnConvert.serialize(issuer)),
    serial: serialOf(serialNumber),
    notBeforeUtcMs,
    notAfterUtcMs,
    isAuthority: constraints?.cA === true && allows(asn.KeyUsageFlags.keyCertSign),
    signsRevocationLists: allows(asn.KeyUsageFlags.cRLSign),
    provesIdentity:
      allows(asn.KeyUsageFlags.digitalSignature | asn.KeyUsageFlags.nonRepudiation) &&
      (extendedUsage === undefined || extendedUsage.some((purpose) => purposes.has(purpose))),
    pathLength: constraints?.pathLenConstraint,
    dnsNames: [...names].flatMap(({ dNSName }) => dNSName ?? []),
    emailAddresses: [...names].flatMap(({ rfc822Name }) => rfc822Name ?? []),
    addresses: [...names].flatMap(({ iPAddress }) =>
      iPAddress === undefined ? [] : [addressHex(iPAddress)],
    ),
  });
}

/** Serial numbers are compared as numbers: leading zeros do not count. */
export function serialOf(octets: ArrayBuffer): string {
  return hexOf(octets).replace(/^0+(?=.)/, '');
}

export function hexOf(octets: ArrayBuffer): string {
  return Buffer.from(octets).toString('hex');
}

/** The library gives addresses as text; octets are what can be compared. */
function addressHex(text: string): string {
  const parsed = parseAddress(text);
  return parsed.ok ? Buffer.from(parsed.value.octets).toString('hex') : '';
}

function malformed(message: string, found?: number) {
  return fail('certificate-malformed', found === undefined ? message : `${message}, found ${found}`);
}
