/**
 * What IKE needs of certificates, without knowing how they are made: who judges a chain, and what this end shows of
 * itself. host/certificates has the one that reads X.509; IKE decides what a name must be. RFC 4945, RFC 5280.
 */
import type { KeyObject } from 'node:crypto';
import type { Result } from './result.ts';
import type { UtcMs } from './trusted-time.ts';

/** A name that a certificate must carry: in subjectAltName, or as its whole subject. */
export interface CertificateName {
  readonly kind: 'dns' | 'email' | 'address' | 'subject';
  /** ASCII of a name, 4 or 16 octets of an address, DER of a distinguished name. */
  readonly octets: Uint8Array;
}

/** Why a certificate proves nothing. Each has a counter. */
export const certificateRefusals = [
  /** Garbage, too large, too many, or an extension that must be understood and is not. */
  'certificate-malformed',
  /** A signature by MD5 or SHA-1, a short RSA key, another curve. */
  'certificate-algorithm',
  /** No path to a trusted authority, or one that this authority may not give. */
  'certificate-untrusted',
  /** Not valid at this time, or no current revocation list where one is required. */
  'certificate-expired',
  'certificate-revoked',
  /** It is for somebody else. */
  'certificate-name',
] as const;
export type CertificateRefusal = (typeof certificateRefusals)[number];

/** How long what certificates prove holds: of several, those of the one that ends first. */
export interface CertificateValidity {
  /** From here on its owner should have been given another. */
  readonly warnFromUtcMs: UtcMs;
  /** The last moment at which it is valid. */
  readonly untilUtcMs: UtcMs;
}

/** A chain that was found to be good. */
export interface JudgedCertificate {
  readonly publicKey: KeyObject;
  /** Of the whole path, the authority at its end included. */
  readonly validity: CertificateValidity;
}

export interface CertificateTrust {
  /** SHA-1 of the public keys of the trusted authorities, for CERTREQ (RFC 7296 section 3.7). */
  readonly authorityKeyHashes: readonly Uint8Array[];
  /**
   * The public key of the first certificate of `chain`, if a trusted authority vouches that it belongs to `name`, and how
   * long that holds. Cheap checks come first, and the number of signatures verified is bounded, whatever the chain.
   *
   * @param chain DER of the peer's own certificate first, then others in any order; hostile until judged
   */
  judge(chain: readonly Uint8Array[], name: CertificateName): Result<JudgedCertificate, CertificateRefusal>;
  /**
   * Told once a peer with this chain is let in: it has proven that it has the key, and whatever else was wanted of it. Anybody
   * can show a chain, so that `judge` alone says nothing about who is there.
   */
  accepted?(chain: readonly Uint8Array[], name: CertificateName): void;
}

/** Trust that also asks when a certificate was issued: one from before its owner was revoked proves nothing. */
export interface SinceTrust extends Pick<CertificateTrust, 'authorityKeyHashes'> {
  /** As `CertificateTrust.judge`, and refuses a certificate that was issued before `since`. */
  judge(
    chain: readonly Uint8Array[],
    name: CertificateName,
    since: UtcMs | undefined,
  ): Result<JudgedCertificate, CertificateRefusal>;
}

/** A server's certificates as read from their files. */
export interface ServerCertificates {
  readonly own: OwnCertificate;
  /** undefined without authorities. */
  readonly trust: SinceTrust | undefined;
  /** The same for the same files. */
  readonly digest: string;
}

/** What this end proves itself with. */
export interface OwnCertificate {
  /** DER: our own first, then those that lead to an authority of the peer's. */
  readonly chain: readonly Uint8Array[];
  /** Stays within OpenSSL: its octets are nowhere in the heap. */
  readonly privateKey: KeyObject;
  /** Of `chain`. */
  readonly validity: CertificateValidity;
}
