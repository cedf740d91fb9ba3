/**
 * From a peer's certificate to a trusted authority: which certificates lead there, and whether each of them may. A
 * depth-first search over what the peer sent, with a bound on the signatures that it costs, so that neither loops nor
 * crossed chains can keep it busy. RFC 5280 section 6.1, without policies and name constraints (certificate.ts).
 */
import type { CertificateRefusal } from '../model/certificate-trust.ts';
import { fail, ok, type Result } from '../model/result.ts';
import { type TimeBounds, utcText } from '../model/trusted-time.ts';
import type { Certificate } from './certificate.ts';

/** Certificates of a path with the authority, ours; real ones have two to four. */
export const maximumPathLength = 8;

/** Signatures verified for one path, ours: twice what the longest path takes. */
const maximumVerifications = 16;

interface Search {
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  readonly time: TimeBounds;
  verifications: number;
  /** The first thing that kept a path from being one, for the message. */
  obstacle: { readonly code: CertificateRefusal; readonly message: string } | undefined;
}

/** From a peer's certificate, first, to an authority's, last. */
export type CertificationPath = readonly [Certificate, ...Certificate[]];

/** The path from `leaf`, first, to one of `anchors`, last. */
export function findPath(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  anchors: readonly Certificate[],
  time: TimeBounds,
): Result<CertificationPath, CertificateRefusal> {
  const early = validityMistake(leaf, time);
  if (early !== undefined) return fail('certificate-expired', `the certificate ${early}`);
  const search: Search = { anchors, intermediates, time, verifications: 0, obstacle: undefined };
  const path = extend(search, [leaf]);
  if (path !== undefined) return ok(path);
  const { code, message } = search.obstacle ?? {
    code: 'certificate-untrusted' as const,
    message: `expected a chain to a trusted authority, found none for issuer ${nameForPeople(leaf.x509.issuer)}`,
  };
  return fail(code, message);
}

/** Grows `path` by an issuer of its last certificate until that is an anchor. */
function extend(search: Search, path: CertificationPath): CertificationPath | undefined {
  const last = path.at(-1);
  if (last === undefined || path.length === maximumPathLength) return undefined;
  const candidates = [
    ...search.anchors.map((issuer) => ({ issuer, isAnchor: true })),
    ...search.intermediates.map((issuer) => ({ issuer, isAnchor: false })),
  ];
  for (const { issuer, isAnchor } of candidates) {
    // Names first, they cost nothing. The same certificate twice would be a loop.
    if (issuer.subject !== last.issuer || path.some((one) => Buffer.compare(one.der, issuer.der) === 0))
      continue;
    const mistake = authorityMistake(issuer, path, search.time);
    if (mistake !== undefined) {
      search.obstacle ??= mistake;
      continue;
    }
    if (search.verifications === maximumVerifications) return undefined;
    search.verifications += 1;
    if (!last.x509.checkIssued(issuer.x509) || !last.x509.verify(issuer.publicKey)) continue;
    const longer: CertificationPath = [...path, issuer];
    const whole = isAnchor ? longer : extend(search, longer);
    if (whole !== undefined) return whole;
  }
  return undefined;
}

/** Why `issuer` may not stand above `path`. */
function authorityMistake(
  issuer: Certificate,
  path: readonly Certificate[],
  time: TimeBounds,
): Search['obstacle'] {
  const name = nameForPeople(issuer.x509.subject);
  if (!issuer.isAuthority) {
    return { code: 'certificate-untrusted', message: `expected an authority to have signed, found ${name}` };
  }
  // Section 4.2.1.9: self-issued certificates do not count, nor does the last one.
  const below = path.slice(1).filter((one) => one.subject !== one.issuer).length;
  if (issuer.pathLength !== undefined && below > issuer.pathLength) {
    const message = `expected at most ${issuer.pathLength} authorities below ${name}, found ${below}`;
    return { code: 'certificate-untrusted', message };
  }
  const mistake = validityMistake(issuer, time);
  if (mistake === undefined) return undefined;
  return { code: 'certificate-expired', message: `the certificate of ${name} ${mistake}` };
}

function validityMistake(certificate: Certificate, time: TimeBounds): string | undefined {
  const { notBeforeUtcMs, notAfterUtcMs } = certificate;
  if (time.atLeastUtcMs > notAfterUtcMs) {
    return `was valid until ${utcText(notAfterUtcMs)}, and now it is ${utcText(time.atLeastUtcMs)} or later`;
  }
  if (time.atMostUtcMs !== undefined && time.atMostUtcMs < notBeforeUtcMs) {
    return `is valid from ${utcText(notBeforeUtcMs)}, and now it is ${utcText(time.atMostUtcMs)}`;
  }
  return undefined;
}

/** A distinguished name on one line, short, and without anything that a terminal would act on. */
export function nameForPeople(name: string): string {
  const printable = name.replaceAll('\n', ', ').replace(/[^\x20-\x7e]/g, '?');
  return printable.length > 100 ? `${printable.slice(0, 100)}…` : printable;
}
