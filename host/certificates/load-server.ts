/**
 * The server's certificates out of the files that `server.certificate` names, with what a server needs beyond a verdict: that
 * a certificate was issued after its router had been revoked, and whether the files say the same as before.
 */
import { createHash } from 'node:crypto';
import type {
  CertificateName,
  CertificateRefusal,
  JudgedCertificate,
  ServerCertificates,
  SinceTrust,
} from '../model/certificate-trust.ts';
import type { ServerCertificateSources } from '../model/credential-sources.ts';
import { fail, type Result } from '../model/result.ts';
import { type TimeBounds, type UtcMs, utcText } from '../model/trusted-time.ts';
import { parseCertificate } from './certificate.ts';
import { loadOwnCertificate, loadTrust, type Readers } from './load.ts';
import type { Trust } from './trust.ts';

/** A function that reads them, to be called at each load of the settings file. It throws HostError CREDENTIAL_*. */
export function certificateReader(
  readers: Readers,
  time: () => TimeBounds,
): (sources: ServerCertificateSources, folder: string) => ServerCertificates {
  return (sources, folder) => {
    const { certificate, privateKey, authorities, revocationLists, revocation } = sources;
    const digest = createHash('sha256').update(JSON.stringify(sources));
    const digesting: Readers = {
      // Not in the digest: another key goes with another certificate.
      secret: readers.secret,
      trusted: (path) => {
        const text = readers.trusted(path);
        digest.update(path).update(text);
        return text;
      },
    };
    const own = loadOwnCertificate(certificate, privateKey, folder, digesting);
    const trust =
      authorities && loadTrust({ authorities, revocationLists, revocation }, folder, digesting, time);
    return { own, trust: trust && sinceTrust(trust), digest: digest.digest('hex') };
  };
}

function sinceTrust(trust: Trust): SinceTrust {
  return {
    authorityKeyHashes: trust.authorityKeyHashes,
    judge: (chain, name, since) => judgeSince(trust, chain, name, since),
  };
}

function judgeSince(
  trust: Trust,
  chain: readonly Uint8Array[],
  name: CertificateName,
  since: UtcMs | undefined,
): Result<JudgedCertificate, CertificateRefusal> {
  const judged = trust.judge(chain, name);
  const [own] = chain;
  if (!judged.ok || since === undefined || own === undefined) return judged;
  const leaf = parseCertificate(own);
  if (!leaf.ok || leaf.value.notBeforeUtcMs >= since) return judged;
  const message = `expected a certificate issued since the router was revoked (${utcText(since)}), found one of ${utcText(leaf.value.notBeforeUtcMs)}`;
  return fail('certificate-revoked', message);
}
