/**
 * The server's file as it is in force: read, checked whole, given revisions, and read again when it changes. A file with a
 * mistake changes nothing and is remembered as the problem that it is.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HostError } from '../model/host-error.ts';
import { preSharedKeyIn } from '../model/pre-shared-key.ts';
import type { Secret } from '../model/secret.ts';
import { parsePolicyFile, type ServerSettings } from './distribution-policies/policy-file.ts';
import { PolicySet } from './distribution-policies/policy-set.ts';
import { assignRevisions, type Revision } from './distribution-policies/revisions.ts';
import type { Store } from './store/store.ts';

/** A policy set with the credentials of its routers. */
export interface Loaded {
  readonly settings: ServerSettings;
  readonly policies: PolicySet;
  /** By router name. */
  readonly credentials: ReadonlyMap<string, Secret>;
}

export class PoliciesInForce {
  readonly #file: string;
  readonly #readCredential: (path: string) => Uint8Array;
  #book = new Map<string, Revision>();
  #loaded: Loaded | undefined;
  #text = '';
  problem: string | null = null;

  /** `readCredential` gives a credential file's octets and refuses one that others may read. */
  constructor(file: string, readCredential: (path: string) => Uint8Array) {
    this.#file = file;
    this.#readCredential = readCredential;
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
   * @returns what is in force now and the routers that were enrolled before and are no more; undefined when the file and
   *   its credentials say the same as before
   * @throws HostError CONFIG_INVALID, CREDENTIAL_*, STORE; what was in force stays in force
   */
  load(store: Store): { readonly loaded: Loaded; readonly expelled: readonly string[] } | undefined {
    const text = this.#readFile();
    const settings = parsePolicyFile(text, this.#file);
    const credentials = new Map<string, Secret>();
    try {
      for (const { name, preSharedKeyFile } of settings.routers) {
        const path = resolve(dirname(this.#file), preSharedKeyFile);
        credentials.set(name, preSharedKeyIn(this.#readCredential(path), path));
      }
      return this.#replace(text, settings, credentials, store);
    } catch (error) {
      for (const secret of credentials.values()) secret.wipe();
      throw error;
    }
  }

  /** Takes the credentials over, unless it throws. */
  #replace(
    text: string,
    settings: ServerSettings,
    credentials: ReadonlyMap<string, Secret>,
    store: Store,
  ): { readonly loaded: Loaded; readonly expelled: readonly string[] } | undefined {
    const before = this.#loaded;
    const changed = [...(before?.credentials ?? [])].filter(
      ([name, old]) => credentials.get(name)?.equals(old) !== true,
    );
    if (before !== undefined && text === this.#text && changed.length === 0) {
      for (const secret of credentials.values()) secret.wipe();
      this.problem = null;
      return undefined;
    }
    const assigned = assignRevisions(settings.distributionPolicies, this.#book);
    if (assigned.changed.length > 0) store.commit({ revisions: assigned.changed });
    for (const revision of assigned.changed) this.#book.set(revision.key, revision);

    const policies = new PolicySet(settings.routers, assigned.policies);
    const loaded: Loaded = { settings, policies, credentials };
    this.#loaded = loaded;
    this.#text = text;
    this.problem = null;
    for (const secret of before?.credentials.values() ?? []) secret.wipe();
    // A router whose key was changed loses its channel too: the old key must not go on working.
    return { loaded, expelled: changed.map(([name]) => name) };
  }

  #readFile(): string {
    try {
      return readFileSync(this.#file, 'utf8');
    } catch (cause) {
      throw new HostError('CONFIG_INVALID', `${this.#file}: cannot be read: ${String(cause)}`, { cause });
    }
  }
}
