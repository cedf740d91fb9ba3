/**
 * The server's file as it is in force: read, checked whole, given revisions, and read again when it changes. A file with a
 * mistake changes nothing and is remembered as the problem that it is.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ServerCertificates } from '../model/certificate-trust.ts';
import type { ServerCertificateSources } from '../model/credential-sources.ts';
import type { Ppk } from '../model/credentials.ts';
import { HostError } from '../model/host-error.ts';
import { preSharedKeyIn } from '../model/pre-shared-key.ts';
import type { Secret } from '../model/secret.ts';
import { parsePolicyFile, type ServerSettings } from './distribution-policies/policy-file.ts';
import { PolicySet } from './distribution-policies/policy-set.ts';
import { assignRevisions, type Revision } from './distribution-policies/revisions.ts';
import { ServerCredentials } from './server-credentials.ts';
import type { Store } from './store/store.ts';

/** A policy set with the credentials of its routers. */
export interface Loaded {
  readonly settings: ServerSettings;
  readonly policies: PolicySet;
  readonly credentials: ServerCredentials;
}

/** Throws HostError CREDENTIAL_*. */
export type ReadCertificates = (certificate: ServerCertificateSources, folder: string) => ServerCertificates;

export class PoliciesInForce {
  readonly #file: string;
  readonly #readCredential: (path: string) => Uint8Array;
  readonly #readCertificates: ReadCertificates;
  #book = new Map<string, Revision>();
  #loaded: Loaded | undefined;
  #text = '';
  problem: string | null = null;

  /**
   * `readCredential` gives a credential file's octets and refuses one that others may read; `readCertificates` reads what
   * `server.certificate` names, relative to the folder.
   */
  constructor(
    file: string,
    readCredential: (path: string) => Uint8Array,
    readCertificates: ReadCertificates = () => {
      throw new HostError('CONFIG_INVALID', `${file}: server.certificate needs a restart`);
    },
  ) {
    this.#file = file;
    this.#readCredential = readCredential;
    this.#readCertificates = readCertificates;
  }

  /** Takes over the revisions that an earlier process gave. */
  restore(book: ReadonlyMap<string, Revision>): void {
    this.#book = new Map(book);
  }

  /** The file's settings alone, to find out where the store is. Throws HostError CONFIG_INVALID. */
  settings(): ServerSettings {
    return parsePolicyFile(this.#readFile(), this.#file);
  }

  /**
   * Reads the file and puts it into force.
   *
   * @returns what is in force now and the routers that were let in before and would not be now; undefined when the file
   *   and its credentials say the same as before
   * @throws HostError CONFIG_INVALID, CREDENTIAL_*, STORE; what was in force stays in force
   */
  load(store: Store): { readonly loaded: Loaded; readonly expelled: readonly string[] } | undefined {
    const text = this.#readFile();
    const settings = parsePolicyFile(text, this.#file);
    const folder = dirname(this.#file);
    const keys = new Map<string, Secret>();
    const ppks = new Map<string, Ppk>();
    try {
      for (const { name, preSharedKeyFile, ppk, revokedUtcMs } of settings.routers) {
        if (revokedUtcMs !== undefined) continue;
        if (ppk !== undefined) {
          const path = resolve(folder, ppk.file);
          const key = preSharedKeyIn(this.#readCredential(path), path);
          ppks.set(name, { id: ppk.id, key, isRequired: ppk.required });
        }
        if (preSharedKeyFile === undefined) continue;
        const path = resolve(folder, preSharedKeyFile);
        keys.set(name, preSharedKeyIn(this.#readCredential(path), path));
      }
      const certificates = settings.certificate && this.#readCertificates(settings.certificate, folder);
      const credentials = new ServerCredentials(settings.routers, keys, certificates, ppks);
      return this.#replace(text, settings, credentials, store);
    } catch (error) {
      for (const key of keys.values()) key.wipe();
      for (const { key } of ppks.values()) key.wipe();
      throw error;
    }
  }

  /** Takes the credentials over, unless it throws. */
  #replace(
    text: string,
    settings: ServerSettings,
    credentials: ServerCredentials,
    store: Store,
  ): { readonly loaded: Loaded; readonly expelled: readonly string[] } | undefined {
    const before = this.#loaded;
    if (before !== undefined && text === this.#text && credentials.equals(before.credentials)) {
      credentials.wipe();
      this.problem = null;
      return undefined;
    }
    const assigned = assignRevisions(settings.distributionPolicies, this.#book);
    if (assigned.changed.length > 0) store.commit({ revisions: assigned.changed });
    for (const revision of assigned.changed) this.#book.set(revision.key, revision);

    const enrolled = settings.routers.filter((router) => router.revokedUtcMs === undefined);
    const policies = new PolicySet(enrolled, assigned.policies);
    const loaded: Loaded = { settings, policies, credentials };
    this.#loaded = loaded;
    this.#text = text;
    this.problem = null;
    const expelled = before === undefined ? [] : credentials.expelledSince(before.credentials);
    before?.credentials.wipe();
    return { loaded, expelled };
  }

  #readFile(): string {
    try {
      return readFileSync(this.#file, 'utf8');
    } catch (cause) {
      throw new HostError('CONFIG_INVALID', `${this.#file}: cannot be read: ${String(cause)}`, { cause });
    }
  }
}
