/**
 * How two ends prove to each other who they are. Each direction stands for itself, so that a mixture (a key one way, a
 * certificate the other) is what somebody configured and never what a peer chose. RFC 7296 section 2.15.
 */
import type { CertificateTrust, OwnCertificate } from './certificate-trust.ts';
import type { Secret } from './secret.ts';

/** Borrowed for the life of the machine; its owner wipes it. */
export interface PreSharedKey {
  readonly kind: 'pre-shared-key';
  readonly preSharedKey: Secret;
}

export type OwnCredential =
  | PreSharedKey
  | { readonly kind: 'certificate'; readonly certificate: OwnCertificate };

export type PeerCredential =
  | PreSharedKey
  | { readonly kind: 'certificate'; readonly trust: CertificateTrust };

/** A post-quantum pre-shared key, mixed into the keys of the IKE SA (RFC 8784). */
export interface Ppk {
  /** The same text at both ends. */
  readonly id: string;
  /** Borrowed; at least 256 bits of entropy (RFC 8784 section 6). */
  readonly key: Secret;
  /** Without it there is no IKE SA; otherwise it is used if the peer has it. */
  readonly isRequired: boolean;
}

export interface Credentials {
  /** What this end shows. */
  readonly own: OwnCredential;
  /** What the other end has to show. */
  readonly peer: PeerCredential;
  readonly ppk?: Ppk | undefined;
}

/** One key for both directions. */
export function sharedKey(preSharedKey: Secret): Credentials {
  const credential: PreSharedKey = { kind: 'pre-shared-key', preSharedKey };
  return { own: credential, peer: credential };
}

/** Certificates in both directions. */
export function certificates(certificate: OwnCertificate, trust: CertificateTrust): Credentials {
  return { own: { kind: 'certificate', certificate }, peer: { kind: 'certificate', trust } };
}
