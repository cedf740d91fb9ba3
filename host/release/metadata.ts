/** Metadata files of The Update Framework: octets to models and back, and who has signed one. The models are `@tufjs/models`. */
import {
  type Key,
  Metadata,
  MetadataKind,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models';
import type { RoleName } from './role.ts';

export interface SignedBy {
  readonly root: Root;
  readonly targets: Targets;
  readonly snapshot: Snapshot;
  readonly timestamp: Timestamp;
}

/** A role's metadata with its signatures. */
export type MetadataOf<Name extends RoleName> = Metadata<SignedBy[Name]>;

/** Octets that a router takes at most for each role; `publish` makes none that are longer. */
export const longestMetadata: Readonly<Record<RoleName, number>> = {
  root: 64 * 1024,
  targets: 1024 * 1024,
  snapshot: 16 * 1024,
  timestamp: 16 * 1024,
};

/** Reads a metadata file of a role; nothing is verified. Throws with what was expected. */
export function parseMetadata<Name extends RoleName>(role: Name, octets: Uint8Array): MetadataOf<Name> {
  return Metadata.fromJSON(
    kinds[role] as never,
    JSON.parse(Buffer.from(octets).toString('utf8')),
  ) as MetadataOf<Name>;
}

/** Metadata without signatures, from the fields of its `signed` part. */
export function unsignedMetadata<Name extends RoleName>(
  role: Name,
  fields: { readonly version: number; readonly expires: string } & Record<string, unknown>,
): MetadataOf<Name> {
  const signed = { ...fields, _type: role, spec_version: '1.0.31' };
  return Metadata.fromJSON(kinds[role] as never, { signed, signatures: [] } as never) as MetadataOf<Name>;
}

export function metadataOctets(metadata: Metadata<SignedBy[RoleName]>): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(metadata.toJSON(), null, 1)}\n`);
}

/** The role that a metadata file says it is of; undefined for anything else. */
export function roleOf(octets: Uint8Array): RoleName | undefined {
  try {
    const { signed } = JSON.parse(Buffer.from(octets).toString('utf8')) as { signed?: { _type?: unknown } };
    return Object.keys(kinds).find((role) => role === signed?._type) as RoleName | undefined;
  } catch {
    return undefined;
  }
}

/** How far the signatures go. */
export interface Signatures {
  /** Keys of the role whose signature is good. */
  readonly by: readonly string[];
  /** Keys of the role without a good one. */
  readonly missing: readonly string[];
  readonly threshold: number;
}

/** Who of those that `root` names for `role` has signed. */
export function signaturesOn(metadata: Metadata<SignedBy[RoleName]>, role: RoleName, root: Root): Signatures {
  const { keyIDs = [], threshold = 1 } = root.roles[role] ?? {};
  const hasSigned = (id: string): boolean => isSignedBy(metadata, root.keys[id]);
  return {
    by: keyIDs.filter(hasSigned),
    missing: keyIDs.filter((id) => !hasSigned(id)),
    threshold,
  };
}

export function isSignedEnough({ by, threshold }: Signatures): boolean {
  return by.length >= threshold;
}

function isSignedBy(metadata: Metadata<SignedBy[RoleName]>, key: Key | undefined): boolean {
  try {
    key?.verifySignature(metadata);
    return key !== undefined;
  } catch {
    return false;
  }
}

const kinds = {
  root: MetadataKind.Root,
  targets: MetadataKind.Targets,
  snapshot: MetadataKind.Snapshot,
  timestamp: MetadataKind.Timestamp,
} as const;
