/**
 * The server's certificates out of the files that `server.certificate` names, with what a server needs beyond a verdict: that
 * a certificate was issued after its router had been revoked, and whether the files say the same as before.
 */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { OwnCertificate } from '../model/certificate-trust.ts';
import type { RevocationPolicy, Source } from '../model/credential-sources.ts';
import { fail } from '../model/result.ts';
import { type TimeBounds, type UtcMs, utcText } from '../model/trusted-time.ts';
import { parseCertificate } from './certificate.ts';
import { loadOwnCertificate, loadTrust, type Readers } from './load.ts';
import type { Trust } from './trust.ts';

export interface ServerCertificateSources {
  readonly certificate: Source;
  readonly privateKey: Source;
  readonly authorities: Source | undefined;
  readonly revocationLists: Source | undefined;
  readonly revocation: RevocationPolicy;
}

export interface LoadedServerCertificates {
  readonly own: OwnCertificate;
  readonly trust: SinceTrust | undefined;
  readonly digest: string;
}

/** A function that reads them, to be called at each load of the settings file. It throws HostError CREDENTIAL_*. */
export function certificateReader(
  readers: Readers,
  time: () => TimeBounds,
): (sources: ServerCertificateSources, folder: string) => LoadedServerCertificates {
  return (sources, folder) => {
    const { certificate, privateKey, authorities, revocationLists, revocation } = sources;
    const own = loadOwnCertificate(certificate, privateKey, folder, readers);
    const trust =
      authorities && loadTrust({ authorities, revocationLists, revocation }, folder, readers, time);
    const digest = createHash('sha256').update(JSON.stringify(sources));
    for (const source of [certificate, authorities, revocationLists]) {
      if (source?.kind === 'file') digest.update(readers.trusted(resolve(folder, source.path)));
    }
    return { own, trust: trust && new SinceTrust(trust), digest: digest.digest('hex') };
  };
}

/** Trust that also asks when a certificate was issued. */
class SinceTrust {
  readonly #trust: Trust;

  constructor(trust: Trust) {
    this.#trust = trust;
  }

  get authorityKeyHashes(): readonly Uint8Array[] {
    return this.#trust.authorityKeyHashes;
  }

  judge(
    ...[chain, name, since]: [...Parameters<Trust['judge']>, UtcMs | undefined]
  ): ReturnType<Trust['judge']> {
    const judged = this.#trust.judge(chain, name);
    const [own] = chain;
    if (!judged.ok || since === undefined || own === undefined) return judged;
    const leaf = parseCertificate(own);
    if (!leaf.ok || leaf.value.notBeforeUtcMs >= since) return judged;
    const message = `expected a certificate issued since the router was revoked (${utcText(since)}), found one of ${utcText(leaf.value.notBeforeUtcMs)}`;
    return fail('certificate-revoked', message);
  }
}
