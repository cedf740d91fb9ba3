import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostError } from '../../../host/model/host-error.ts';
import type { Secret } from '../../../host/model/secret.ts';
import { readCredential } from '../../../host/platform/files.ts';
import type { Revision } from '../../../host/server/distribution-policies/revisions.ts';
import { type Loaded, PoliciesInForce } from '../../../host/server/policies-in-force.ts';
import type { Store, StoreChange } from '../../../host/server/store/store.ts';

/** Keeps the revisions, and is full when told so. */
class RevisionStore implements Store {
  isFull = false;
  readonly revisions = new Map<string, Revision>();

  load() {
    return { entries: [], routers: [], revisions: this.revisions, rollout: undefined };
  }
  commit({ revisions = [] }: StoreChange): void {
    if (this.isFull) throw new HostError('STORE', 'cannot write: disk full');
    for (const revision of revisions) this.revisions.set(revision.key, revision);
  }
  audit(): void {}
  auditRows() {
    return [];
  }
  flush(): void {}
  close(): void {}
}

let folder: string;
let file: string;
let store: RevisionStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-policies-'));
  file = join(folder, 'server.yaml');
  store = new RevisionStore();
  writeFileSync(file, text());
  for (const name of ['tokyo', 'osaka', 'nagoya']) writeKey(name, `shared key of ${name}\n`);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function writeKey(name: string, key: string): void {
  writeFileSync(join(folder, `${name}.psk`), key, { mode: 0o600 });
}

function text(routers: readonly string[] = ['tokyo', 'osaka'], seconds = 3600): string {
  const enrolled = routers.map(
    (name, index) =>
      `  - { name: ${name}, credential: { preSharedKeyFile: ${name}.psk }, networks: [10.${index + 1}.0.0/16] }`,
  );
  return `version: 1
routers:
${enrolled.join('\n')}
distributionPolicies:
  - { kind: mail, between: [tokyo, osaka], selectors: [{ protocol: tcp, ports: 25 }] }
  - { kind: all, between: ['*', '*'], lifetime: { seconds: ${seconds} } }
`;
}

/** The server's policies, put into force for the first time. */
function inForce(): PoliciesInForce {
  const policies = new PoliciesInForce(file, readCredential);
  policies.restore(store.revisions);
  policies.load(store);
  return policies;
}

function revisions(policies: PoliciesInForce): Record<string, number> | undefined {
  const loaded = policies.load(store)?.loaded;
  return loaded && Object.fromEntries(loaded.policies.policies.map(({ kind, revision }) => [kind, revision]));
}

/** Code and message of the HostError that loading throws. */
function failure(policies: PoliciesInForce): string {
  try {
    policies.load(store);
  } catch (error) {
    if (error instanceof HostError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing was thrown';
}

function secretOf(loaded: Loaded | undefined, router: string): Secret | undefined {
  const own = loaded?.credentials.credentialsFor(router)?.own;
  return own?.kind === 'pre-shared-key' ? own.preSharedKey : undefined;
}

function keyOf(loaded: Loaded | undefined, router: string): string {
  return Buffer.from(secretOf(loaded, router)?.reveal() ?? []).toString();
}

describe('the policies in force', () => {
  it('are the file and the credentials beside it', () => {
    const first = new PoliciesInForce(file, readCredential).load(store);
    expect(first?.expelled).toEqual([]);
    expect(first?.loaded.policies.policies.map(({ kind, revision }) => [kind, revision])).toEqual([
      ['mail', 1],
      ['all', 1],
    ]);
    expect(keyOf(first?.loaded, 'osaka')).toBe('shared key of osaka');
  });

  it('stay as they are when a file that says the same is loaded again', () => {
    const policies = inForce();
    policies.problem = 'of a moment ago';
    expect(policies.load(store)).toBeUndefined();
    expect(policies.problem).toBeNull();
  });

  it('get a new revision where the policy changed, and only there', () => {
    const policies = inForce();
    writeFileSync(file, text(['tokyo', 'osaka'], 600));
    expect(revisions(policies)).toEqual({ mail: 1, all: 2 });
    writeFileSync(file, `# with a remark\n${text(['tokyo', 'osaka'], 600)}`);
    expect(revisions(policies)).toEqual({ mail: 1, all: 2 });
  });

  it('go on counting revisions after a restart', () => {
    inForce();
    writeFileSync(file, text(['tokyo', 'osaka'], 600));
    const restarted = new PoliciesInForce(file, readCredential);
    restarted.restore(store.revisions);
    expect(revisions(restarted)).toEqual({ mail: 1, all: 2 });
  });

  it('expel the router whose key was changed, and no other', () => {
    const policies = inForce();
    writeKey('osaka', 'another shared key\n');
    const next = policies.load(store);
    expect(next?.expelled).toEqual(['osaka']);
    expect(keyOf(next?.loaded, 'osaka')).toBe('another shared key');
    // The same key with another line end is the same key.
    writeKey('tokyo', 'shared key of tokyo');
    expect(policies.load(store)).toBeUndefined();
  });

  it('expel a router that is enrolled no more, and take a new one', () => {
    const policies = inForce();
    writeFileSync(file, text(['tokyo', 'osaka', 'nagoya']));
    expect(policies.load(store)?.expelled).toEqual([]);
    writeFileSync(file, text(['tokyo', 'osaka']));
    expect(policies.load(store)?.expelled).toEqual(['nagoya']);
  });

  it('keep a router that is revoked out of everything but the file, and expel it', () => {
    const policies = inForce();
    const revoked = text().replace('name: osaka,', 'name: osaka, revoked: 2026-11-27T12:00:00Z,');
    writeFileSync(file, revoked);
    rmSync(join(folder, 'osaka.psk'));
    const next = policies.load(store);
    expect(next?.expelled).toEqual(['osaka']);
    expect(next?.loaded.credentials.credentialsFor('osaka')).toBeUndefined();
    expect([...(next?.loaded.policies.routers() ?? [])].map(({ name }) => name)).toEqual(['tokyo']);
    // Policies go on naming it.
    expect(next?.loaded.policies.policies.map(({ kind }) => kind)).toContain('mail');
  });

  it('wipe the keys of before', () => {
    const policies = new PoliciesInForce(file, readCredential);
    const before = secretOf(policies.load(store)?.loaded, 'tokyo');
    writeFileSync(file, text(['tokyo', 'osaka'], 600));
    policies.load(store);
    expect(before?.reveal().every((octet) => octet === 0)).toBe(true);
  });

  it('wipe keys that were read in vain', () => {
    const read: Uint8Array[] = [];
    const policies = new PoliciesInForce(file, (path) => {
      const octets = readCredential(path);
      read.push(octets);
      return octets;
    });
    rmSync(join(folder, 'osaka.psk'));
    expect(failure(policies)).toContain('osaka.psk');
    writeKey('osaka', 'yet another shared key');
    store.isFull = true;
    expect(failure(policies)).toMatch(/^STORE: /);
    // Up to the line end, which is no part of a key.
    expect(read.map((octets) => Buffer.from(octets).toString().replaceAll('\0', ''))).toEqual([
      '\n',
      '\n',
      '',
    ]);
  });

  it('do not change with a mistake in the file, which is named with line and field', () => {
    const policies = inForce();
    writeFileSync(file, text(['tokyo', 'osaka'], 600).replace('seconds: 600', 'seconds: 6'));
    expect(failure(policies)).toMatch(
      /^CONFIG_INVALID: .*server\.yaml:7:\d+: distributionPolicies\[1\]\.lifetime\.seconds: /,
    );
    expect(store.revisions.get('*|*|all')?.revision).toBe(1);
    // Back to what it was: nothing to do.
    writeFileSync(file, text());
    expect(policies.load(store)).toBeUndefined();
  });

  it('do not change when a credential may be read by others, and the command that helps is named', () => {
    const policies = inForce();
    chmodSync(join(folder, 'osaka.psk'), 0o640);
    expect(failure(policies)).toMatch(/^CREDENTIAL_EXPOSED: .*Run: chmod 600 .*osaka\.psk$/);
    chmodSync(join(folder, 'osaka.psk'), 0o600);
    expect(policies.load(store)).toBeUndefined();
  });

  it('do not change when a credential or the file itself is missing', () => {
    const policies = inForce();
    rmSync(join(folder, 'osaka.psk'));
    expect(failure(policies)).toMatch(/^CREDENTIAL_UNREADABLE: .*osaka\.psk/);
    rmSync(file);
    expect(failure(policies)).toMatch(/^CONFIG_INVALID: .*server\.yaml: cannot be read/);
  });

  it('do not change when their revisions cannot be stored, and change when they can', () => {
    const policies = inForce();
    writeFileSync(file, text(['tokyo', 'osaka'], 600));
    store.isFull = true;
    expect(failure(policies)).toMatch(/^STORE: /);
    store.isFull = false;
    expect(revisions(policies)).toEqual({ mail: 1, all: 2 });
  });

  it('gives a router its post-quantum pre-shared key, and expels it when a demanded one changes', () => {
    const withPpk = (id: string, required: boolean): string =>
      text().replace(
        'preSharedKeyFile: osaka.psk }',
        `preSharedKeyFile: osaka.psk, ppk: { id: ${id}, file: osaka-ppk.psk, required: ${required} } }`,
      );
    const policies = inForce();
    expect(policies.load(store)).toBeUndefined();
    writeKey('osaka-ppk', 'a second key of osaka, for later\n');
    writeFileSync(file, withPpk('osaka-1', false));
    const optional = policies.load(store);
    expect(optional?.expelled).toEqual([]);
    expect(optional?.loaded.credentials.hasPpks).toBe(true);
    expect(optional?.loaded.credentials.credentialsFor('tokyo')?.ppk).toBeUndefined();
    expect(optional?.loaded.credentials.credentialsFor('osaka')?.ppk).toMatchObject({
      id: 'osaka-1',
      isRequired: false,
    });
    writeFileSync(file, withPpk('osaka-1', true));
    expect(policies.load(store)?.expelled).toEqual(['osaka']);
    expect(policies.load(store)).toBeUndefined();
    writeKey('osaka-ppk', 'another second key of osaka\n');
    expect(policies.load(store)?.expelled).toEqual(['osaka']);
  });
});
