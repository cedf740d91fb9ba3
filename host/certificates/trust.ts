/**
 * Whom this end trusts: authorities, their revocation lists, and what is made of a list that is missing or old. Judges a
 * peer's chain in an order in which garbage costs least: size and number, form, name, path with its signatures,
 * revocation. RFC 4945 sections 3 and 5, RFC 5280 section 6.
 */
import { createHash } from 'node:crypto';
import type {
  CertificateName,
  CertificateRefusal,
  CertificateTrust,
  JudgedCertificate,
} from '../model/certificate-trust.ts';
import type { RevocationPolicy } from '../model/credential-sources.ts';
import { HostError } from '../model/host-error.ts';
import { pemObjects } from '../model/pem.ts';
import { fail, ok, type Result } from '../model/result.ts';
import { type TimeBounds, utcText } from '../model/trusted-time.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { findPath, maximumPathLength, nameForPeople } from './certification-path.ts';
import { RevocationList } from './revocation-list.ts';
import { validityOf } from './validity.ts';

export interface TrustOptions {
  readonly authorities: readonly Certificate[];
  readonly revocationLists: readonly RevocationList[];
  /**
   * required: every authority of a path has a list that is in force. ifPresent: one that is there counts, and what it
   * revokes stays revoked when it is out of date.
   */
  readonly revocation: RevocationPolicy;
  readonly time: () => TimeBounds;
  /** Something was refused because its time is over: worth remembering how late it is. */
  readonly onExpired?: () => void;
}

/** The certificates of trusted authorities in `text`, PEM; more than one may stand in it. Throws HostError. */
export function authoritiesIn(text: string, name: string): Certificate[] {
  return pemObjects(text, 'CERTIFICATE', name).map((der, index) => {
    const parsed = parseCertificate(der);
    const problem = parsed.ok
      ? parsed.value.isAuthority
        ? undefined
        : `expected the certificate of an authority (basicConstraints CA:TRUE), found ${nameForPeople(parsed.value.x509.subject)}`
      : parsed.message;
    if (!parsed.ok || problem !== undefined) {
      throw new HostError('CREDENTIAL_UNREADABLE', `${name}: certificate ${index + 1}: ${problem}`);
    }
    return parsed.value;
  });
}

/** The revocation lists in `text`, PEM. Throws HostError. */
export function revocationListsIn(text: string, name: string): RevocationList[] {
  return pemObjects(text, 'X509 CRL', name).map((der) => new RevocationList(der, name));
}

export class Trust implements CertificateTrust {
  readonly authorityKeyHashes: readonly Uint8Array[];
  readonly #options: TrustOptions;

  constructor(options: TrustOptions) {
    this.#options = options;
    this.authorityKeyHashes = options.authorities.map(
      ({ publicKey }) =>
        // RFC 7296 section 3.7 names SHA-1; it only finds a key here, and protects nothing.
        new Uint8Array(
          createHash('sha1')
            .update(publicKey.export({ type: 'spki', format: 'der' }))
            .digest(),
        ),
    );
  }

  judge(chain: readonly Uint8Array[], name: CertificateName): Result<JudgedCertificate, CertificateRefusal> {
    const judged = this.#examine(chain, name);
    if (!judged.ok && judged.code === 'certificate-expired') this.#options.onExpired?.();
    return judged;
  }

  #examine(
    chain: readonly Uint8Array[],
    name: CertificateName,
  ): Result<JudgedCertificate, CertificateRefusal> {
    const { authorities, time } = this.#options;
    const [own, ...others] = chain;
    if (own === undefined) return fail('certificate-untrusted', 'expected a certificate, found none');
    if (chain.length > maximumPathLength) {
      const message = `expected at most ${maximumPathLength} certificates, found ${chain.length}`;
      return fail('certificate-malformed', message);
    }
    const leaf = parseCertificate(own);
    if (!leaf.ok) return leaf;
    if (!carries(leaf.value, name)) {
      const message = `expected ${describe(name)} in the certificate, found ${namesOf(leaf.value)}`;
      return fail('certificate-name', message);
    }
    if (!leaf.value.provesIdentity) {
      const message = 'expected a certificate whose keyUsage and extendedKeyUsage allow IKE, found another';
      return fail('certificate-untrusted', message);
    }
    const intermediates: Certificate[] = [];
    for (const der of others) {
      const parsed = parseCertificate(der);
      if (!parsed.ok) return parsed;
      intermediates.push(parsed.value);
    }
    const path = findPath(leaf.value, intermediates, authorities, time());
    if (!path.ok) return path;
    const unrevoked = this.#checkRevocation(path.value);
    if (!unrevoked.ok) return unrevoked;
    return ok({ publicKey: leaf.value.publicKey, validity: validityOf(path.value) });
  }

  /** Each certificate of `path` against the list of the one above it. */
  #checkRevocation(path: readonly Certificate[]): Result<undefined, CertificateRefusal> {
    const { revocationLists, revocation, time } = this.#options;
    const { atLeastUtcMs } = time();
    for (const [index, certificate] of path.slice(0, -1).entries()) {
      const issuer = path[index + 1];
      if (issuer === undefined) continue;
      const lists = revocationLists.filter(
        (list) =>
          list.issuer === issuer.subject && issuer.signsRevocationLists && list.isSignedBy(issuer.publicKey),
      );
      const authority = nameForPeople(issuer.x509.subject);
      if (lists.some((list) => list.has(certificate.serial))) {
        const subject = nameForPeople(certificate.x509.subject);
        return fail('certificate-revoked', `${authority} has revoked the certificate of ${subject}`);
      }
      if (revocation === 'ifPresent') continue;
      const isInForce = lists.some((list) => (list.nextUpdateUtcMs ?? Infinity) >= atLeastUtcMs);
      if (!isInForce) {
        const ends = lists.map(({ nextUpdateUtcMs }) => utcText(nextUpdateUtcMs ?? 0));
        const found = ends.length === 0 ? 'found none' : `found one until ${ends.toSorted().at(-1)}`;
        return fail('certificate-expired', `expected a revocation list of ${authority} in force, ${found}`);
      }
    }
    return ok(undefined);
  }
}

/**
 * True when the certificate is for `name`. Exactly: a name in other letters is another router's, and a wildcard is
 * nobody's.
 */
function carries(certificate: Certificate, { kind, octets }: CertificateName): boolean {
  const hex = Buffer.from(octets).toString('hex');
  const text = Buffer.from(octets).toString('latin1');
  switch (kind) {
    case 'dns':
      return certificate.dnsNames.includes(text);
    case 'email':
      return certificate.emailAddresses.includes(text);
    case 'address':
      return certificate.addresses.includes(hex);
    case 'subject':
      return certificate.subject === hex;
  }
}

function describe({ kind, octets }: CertificateName): string {
  if (kind === 'subject') return 'the distinguished name of the identity as its subject';
  if (kind === 'address') return `address 0x${Buffer.from(octets).toString('hex')}`;
  return nameForPeople(Buffer.from(octets).toString('latin1'));
}

function namesOf({ dnsNames, emailAddresses, x509 }: Certificate): string {
  const names = [...dnsNames, ...emailAddresses];
  if (names.length > 0) return nameForPeople(names.join(', '));
  return `no subjectAltName, and subject ${nameForPeople(x509.subject)}`;
}
