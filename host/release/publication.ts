/**
 * What a publication does, without files: puts drafts in force that have enough signatures, makes snapshot and timestamp for
 * them, and says which signatures are missing. Nothing is half in force: a router that asks in between sees the release before.
 *
 * Order (specification section 6.2): root, targets and snapshot have their version in their name and change nothing for
 * anybody until `timestamp.json`, written last, names them.
 */
import type { Metadata, Root } from '@tufjs/models';
import { HostError } from '../model/host-error.ts';
import { sha256Hex } from './chunk-list.ts';
import {
  isSignedEnough,
  longestMetadata,
  type MetadataOf,
  metadataOctets,
  type SignedBy,
  signaturesOn,
  unsignedMetadata,
} from './metadata.ts';
import { type RoleName, roleNames } from './role.ts';
import type { SigningKey } from './signing-key.ts';

type Documents = { readonly [Name in RoleName]?: MetadataOf<Name> };

/** A repository's metadata. */
export interface RepositoryState {
  /** What the newest timestamp leads to. */
  readonly inForce: Documents;
  /** What waits for signatures. */
  readonly drafts: Documents;
}

export interface Missing {
  readonly role: RoleName;
  readonly version: number;
  readonly signatures: number;
  readonly threshold: number;
  /** Keys that could sign it. */
  readonly keys: readonly string[];
}

export interface Publication {
  /** Metadata files to be written, in this order. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly inForce: Documents;
  readonly drafts: Documents;
  readonly missing: readonly Missing[];
}

export interface PublicationOptions {
  readonly nowUtcMs: number;
  readonly days: Readonly<Record<RoleName, number>>;
}

const dayMs = 86_400_000;

/** Time of expiry in the form of the specification. */
export function expiresIn(days: number, nowUtcMs: number): string {
  return new Date(nowUtcMs + days * dayMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/**
 * Signs what `keys` can sign, and puts in force what has enough signatures.
 *
 * @throws HostError CONFIG_INVALID for a key that no root names, or metadata that is longer than a router takes
 */
export function publication(
  { inForce, drafts }: RepositoryState,
  keys: readonly SigningKey[],
  options: PublicationOptions,
): Publication {
  const wait = new Waiting();
  signRoot(inForce.root, drafts.root, keys);
  const isRootReady = drafts.root !== undefined && wait.isReadyRoot(inForce.root, drafts.root);
  const root = isRootReady ? drafts.root : inForce.root;
  refuseStrangers(keys, [inForce.root, drafts.root]);
  if (root === undefined) return { files: new Map(), inForce, drafts, missing: wait.missing };
  const step = new Step(root.signed, keys, options, wait);

  const targets = step.targets(drafts.targets, inForce.targets);
  const snapshot = targets.isReady
    ? step.snapshot(targets.document, inForce.snapshot, drafts.snapshot)
    : undefined;
  const timestamp = snapshot?.isReady
    ? step.timestamp(snapshot.document, inForce.timestamp, drafts.timestamp)
    : undefined;
  const held = {
    ...(drafts.root === undefined || isRootReady ? {} : { root: drafts.root }),
    ...(targets.isNew ? { targets: targets.document } : {}),
    ...(snapshot?.isNew ? { snapshot: snapshot.document } : {}),
    ...(timestamp?.isNew ? { timestamp: timestamp.document } : {}),
  };
  if (snapshot === undefined || timestamp === undefined || !timestamp.isReady) {
    const waiting = isRootReady ? { ...held, root } : held;
    return { files: new Map(), inForce, drafts: waiting, missing: wait.missing };
  }
  const put = { root, targets: targets.document, snapshot: snapshot.document, timestamp: timestamp.document };
  const files = new Map<string, Uint8Array>();
  if (isRootReady) files.set(`${root.signed.version}.root.json`, octetsOf('root', root));
  if (targets.isNew) files.set(nameOf('targets', put.targets), octetsOf('targets', put.targets));
  if (snapshot.isNew) files.set(nameOf('snapshot', put.snapshot), octetsOf('snapshot', put.snapshot));
  files.set('timestamp.json', octetsOf('timestamp', put.timestamp));
  return {
    files,
    inForce: put,
    drafts: held.root === undefined ? {} : { root: held.root },
    missing: wait.missing,
  };
}

/** Where a role's metadata lies in a repository with consistent snapshots. */
export function nameOf(role: RoleName, metadata: Metadata<SignedBy[RoleName]>): string {
  return role === 'timestamp' ? 'timestamp.json' : `${metadata.signed.version}.${role}.json`;
}

class Waiting {
  readonly missing: Missing[] = [];

  /** Whether enough of those that `root` names have signed. */
  isReady(role: RoleName, document: Metadata<SignedBy[RoleName]>, root: Root): boolean {
    const signatures = signaturesOn(document, role, root);
    if (isSignedEnough(signatures)) return true;
    const { by, missing, threshold } = signatures;
    this.missing.push({
      ...{ role, version: document.signed.version, signatures: by.length, threshold, keys: missing },
    });
    return false;
  }

  /** A new root is signed by its own keys, and by those of the root before (specification section 5.3.4). */
  isReadyRoot(before: Metadata<Root> | undefined, draft: Metadata<Root>): boolean {
    const byBefore = before === undefined || this.isReady('root', draft, before.signed);
    return this.isReady('root', draft, draft.signed) && byBefore;
  }
}

interface Stage<Name extends RoleName> {
  readonly document: MetadataOf<Name>;
  /** It is not what is in force. */
  readonly isNew: boolean;
  readonly isReady: boolean;
}

/** One publication under one root. */
class Step {
  readonly #root: Root;
  readonly #keys: readonly SigningKey[];
  readonly #options: PublicationOptions;
  readonly #wait: Waiting;

  constructor(root: Root, keys: readonly SigningKey[], options: PublicationOptions, wait: Waiting) {
    this.#root = root;
    this.#keys = keys;
    this.#options = options;
    this.#wait = wait;
  }

  /** The draft; or what is in force; or that again, where the keys are others now; or the first one, without a release. */
  targets(
    draft: MetadataOf<'targets'> | undefined,
    inForce: MetadataOf<'targets'> | undefined,
  ): Stage<'targets'> {
    if (draft !== undefined) return this.#signed('targets', draft);
    if (inForce !== undefined && this.#isGood('targets', inForce)) return asItIs(inForce);
    const targets = inForce?.signed.toJSON().targets ?? {};
    return this.#signed(
      'targets',
      unsignedMetadata('targets', { ...this.#next('targets', inForce), targets }),
    );
  }

  snapshot(
    targets: MetadataOf<'targets'>,
    inForce: MetadataOf<'snapshot'> | undefined,
    draft: MetadataOf<'snapshot'> | undefined,
  ): Stage<'snapshot'> {
    const meta = { 'targets.json': fileOf('targets', targets) };
    const names = (one: MetadataOf<'snapshot'>): boolean =>
      JSON.stringify(one.signed.toJSON().meta) === JSON.stringify(meta);
    if (
      inForce !== undefined &&
      names(inForce) &&
      this.#isGood('snapshot', inForce) &&
      !this.#isDue(inForce)
    ) {
      return asItIs(inForce);
    }
    const fresh = (): MetadataOf<'snapshot'> =>
      unsignedMetadata('snapshot', { ...this.#next('snapshot', inForce), meta });
    return this.#signed('snapshot', draft !== undefined && names(draft) ? draft : fresh());
  }

  timestamp(
    snapshot: MetadataOf<'snapshot'>,
    inForce: MetadataOf<'timestamp'> | undefined,
    draft: MetadataOf<'timestamp'> | undefined,
  ): Stage<'timestamp'> {
    const meta = { 'snapshot.json': fileOf('snapshot', snapshot) };
    const isSame = JSON.stringify(draft?.signed.toJSON().meta) === JSON.stringify(meta);
    const fresh = (): MetadataOf<'timestamp'> =>
      unsignedMetadata('timestamp', { ...this.#next('timestamp', inForce), meta });
    return this.#signed('timestamp', draft !== undefined && isSame ? draft : fresh());
  }

  #next(
    role: RoleName,
    before: Metadata<SignedBy[RoleName]> | undefined,
  ): { version: number; expires: string } {
    const { days, nowUtcMs } = this.#options;
    return { version: (before?.signed.version ?? 0) + 1, expires: expiresIn(days[role], nowUtcMs) };
  }

  #signed<Name extends RoleName>(role: Name, document: MetadataOf<Name>): Stage<Name> {
    for (const key of this.#keys) if (key.role === role) addSignature(document, key);
    return { document, isNew: true, isReady: this.#wait.isReady(role, document, this.#root) };
  }

  #isGood(role: RoleName, document: Metadata<SignedBy[RoleName]>): boolean {
    return isSignedEnough(signaturesOn(document, role, this.#root));
  }

  /** A snapshot is renewed in the second half of its life, where its key is at hand; and when nothing else helps. */
  #isDue({ signed }: MetadataOf<'snapshot'>): boolean {
    const leftMs = Date.parse(signed.expires) - this.#options.nowUtcMs;
    const hasKey = this.#keys.some(({ role }) => role === 'snapshot');
    return leftMs <= (hasKey ? (this.#options.days.snapshot * dayMs) / 2 : 0);
  }
}

function asItIs<Name extends RoleName>(document: MetadataOf<Name>): Stage<Name> {
  return { document, isNew: false, isReady: true };
}

/** Adds one signature, which takes the place of an older one of the same key. */
export function addSignature(document: Metadata<SignedBy[RoleName]>, key: SigningKey): void {
  document.sign((octets) => {
    const sig = Buffer.from(key.sign(octets)).toString('hex');
    return { keyID: key.keyId, sig, toJSON: () => ({ keyid: key.keyId, sig }) };
  });
}

function signRoot(
  inForce: Metadata<Root> | undefined,
  draft: Metadata<Root> | undefined,
  keys: readonly SigningKey[],
): void {
  if (draft === undefined) return;
  for (const key of keys) {
    const isKnown = [inForce, draft].some((root) => root?.signed.roles.root?.keyIDs.includes(key.keyId));
    if (key.role === 'root' && isKnown) addSignature(draft, key);
  }
}

function refuseStrangers(keys: readonly SigningKey[], roots: readonly (Metadata<Root> | undefined)[]): void {
  for (const { role, keyId } of keys) {
    if (roots.some((root) => root?.signed.roles[role]?.keyIDs.includes(keyId))) continue;
    throw new HostError(
      'CONFIG_INVALID',
      `no root names key ${keyId.slice(0, 8)} for ${role}; \`sekisho release root --add\` makes a root that does`,
    );
  }
}

function fileOf(role: 'targets' | 'snapshot', document: Metadata<SignedBy[RoleName]>) {
  const octets = octetsOf(role, document);
  return { version: document.signed.version, length: octets.length, hashes: { sha256: sha256Hex(octets) } };
}

function octetsOf(role: RoleName, document: Metadata<SignedBy[RoleName]>): Uint8Array {
  const octets = metadataOctets(document);
  if (octets.length <= longestMetadata[role]) return octets;
  throw new HostError(
    'CONFIG_INVALID',
    `${role}.json would have ${octets.length} octets, and routers take ${longestMetadata[role]}: ` +
      'withdraw old releases with `sekisho release publish --withdraw BOARD/VERSION`',
  );
}

/** All roles that have something, for those who list them. */
export function documentsOf(
  documents: Documents,
): readonly (readonly [RoleName, Metadata<SignedBy[RoleName]>])[] {
  return roleNames.flatMap((role) => {
    const document = documents[role];
    return document === undefined ? [] : [[role, document] as const];
  });
}
