/**
 * From what a settings file names to what IKE uses: reads the files, through functions that the entry point brings, and
 * says what is wrong with which of them. Loaded only by a process that has certificates.
 */
import { resolve } from 'node:path';
import type { OwnCertificate } from '../model/certificate-trust.ts';
import type { RevocationPolicy, Source } from '../model/credential-sources.ts';
import type { TimeBounds } from '../model/trusted-time.ts';
import { ownCertificate } from './own-certificate.ts';
import { authoritiesIn, revocationListsIn, Trust } from './trust.ts';

/** How files are read. Both throw HostError. */
export interface Readers {
  /** A file that nobody else may read; the caller owns the octets. */
  readonly secret: (path: string) => Uint8Array;
  /** A file that nobody else may write. */
  readonly trusted: (path: string) => string;
}

interface NamedText {
  readonly text: string;
  readonly name: string;
}

/** The text of a source; file names are relative to `folder`. */
function textOf(source: Source, folder: string, readers: Readers): NamedText {
  if (source.kind === 'inline') return { text: source.text, name: source.field };
  const name = resolve(folder, source.path);
  return { text: readers.trusted(name), name };
}

/** Our certificate and key. Throws HostError CREDENTIAL_*. */
export function loadOwnCertificate(
  certificate: Source,
  privateKey: Source,
  folder: string,
  readers: Readers,
): OwnCertificate {
  const octetsOf = (source: Source): { octets: Uint8Array; name: string } => {
    if (source.kind === 'inline') {
      return { octets: new TextEncoder().encode(source.text), name: source.field };
    }
    const name = resolve(folder, source.path);
    return { octets: readers.secret(name), name };
  };
  return ownCertificate({
    certificates: textOf(certificate, folder, readers),
    privateKey: octetsOf(privateKey),
  });
}

export interface TrustSources {
  readonly authorities: Source;
  readonly revocationLists: Source | undefined;
  readonly revocation: RevocationPolicy;
}

/** Whom we trust. Throws HostError CREDENTIAL_*. */
export function loadTrust(
  sources: TrustSources,
  folder: string,
  readers: Readers,
  time: () => TimeBounds,
  onExpired?: () => void,
): Trust {
  const authorities = textOf(sources.authorities, folder, readers);
  const lists = sources.revocationLists && textOf(sources.revocationLists, folder, readers);
  return new Trust({
    authorities: authoritiesIn(authorities.text, authorities.name),
    revocationLists: lists === undefined ? [] : revocationListsIn(lists.text, lists.name),
    revocation: sources.revocation,
    time,
    ...(onExpired === undefined ? {} : { onExpired }),
  });
}
