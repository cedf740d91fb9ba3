/** What the release commands say about a repository, for people. */
import type { Metadata } from '@tufjs/models';
import type { SignedBy } from '../release/metadata.ts';
import { documentsOf, type Missing, type RepositoryState } from '../release/publication.ts';
import type { RoleName } from '../release/role.ts';
import type { Release } from '../release/target.ts';
import { releasesOf } from '../release/targets-draft.ts';
import { renderTable } from './text-table.ts';

const dayMs = 86_400_000;

/** A role in force, or a draft, as JSON has it. */
export interface RoleState {
  readonly role: RoleName;
  readonly version: number;
  readonly expires: string;
  /** Whole days; negative when it has expired. */
  readonly daysLeft: number;
}

export interface KeyState {
  readonly role: RoleName;
  readonly keyId: string;
  readonly threshold: number;
}

export function roleStates(documents: RepositoryState['inForce'], nowUtcMs: number): RoleState[] {
  return documentsOf(documents).map(([role, { signed }]) => ({
    role,
    version: signed.version,
    expires: signed.expires,
    daysLeft: Math.floor((Date.parse(signed.expires) - nowUtcMs) / dayMs),
  }));
}

export function keyStates({ inForce, drafts }: RepositoryState): KeyState[] {
  const root = inForce.root ?? drafts.root;
  if (root === undefined) return [];
  return Object.entries(root.signed.roles).flatMap(([role, { keyIDs, threshold }]) =>
    keyIDs.map((keyId) => ({ role: role as RoleName, keyId, threshold })),
  );
}

/** Releases in force, board by board. */
export function releaseNames({ inForce }: RepositoryState): string[] {
  return releasesOf(inForce.targets).map(({ board, version }) => `${board}/${version}`);
}

export function statusText(state: RepositoryState, nowUtcMs: number, width: number | undefined): string {
  const days = ({ daysLeft }: RoleState): string => (daysLeft < 0 ? 'expired' : String(daysLeft));
  return [
    renderTable(
      [
        { title: 'ROLE', cell: ({ role }: RoleState) => role },
        { title: 'VERSION', cell: ({ version }) => String(version), align: 'right' },
        { title: 'EXPIRES', cell: ({ expires }) => expires },
        { title: 'DAYS LEFT', cell: days, align: 'right' },
      ],
      roleStates(state.inForce, nowUtcMs),
      width,
      'nothing is published yet',
    ),
    renderTable(
      [
        { title: 'ROLE', cell: ({ role }: KeyState) => role },
        { title: 'NEEDED', cell: ({ threshold }) => String(threshold), align: 'right' },
        { title: 'KEY', cell: ({ keyId }) => keyId, shrinkTo: 8 },
      ],
      keyStates(state),
      width,
      'no keys',
    ),
    renderTable(
      [
        { title: 'BOARD', cell: ({ board }: Release) => board },
        { title: 'RELEASE', cell: ({ version }) => version },
        { title: 'OCTETS', cell: ({ payload }) => String(payload.length), align: 'right' },
      ],
      releasesOf(state.inForce.targets),
      width,
      'no release',
    ),
    ...documentsOf(state.drafts).map(([role, { signed }]) => `waiting: ${role} version ${signed.version}`),
  ].join('\n\n');
}

/** What to do about missing signatures. */
export function missingText(missing: readonly Missing[], draftFile: (role: RoleName) => string): string[] {
  return missing.map(
    ({ role, version, signatures, threshold, keys }) =>
      `${role} version ${version} has ${signatures} of ${threshold} signatures; who has one of the keys ` +
      `${keys.map((id) => id.slice(0, 8)).join(', ')}: sekisho release sign ${draftFile(role)} --key FILE`,
  );
}

/** What somebody signs, before he does. */
export function contentText(role: RoleName, { signed }: Metadata<SignedBy[RoleName]>): string {
  const lines = [`${role} version ${signed.version}, expires ${signed.expires}`];
  const { roles, targets } = signed.toJSON() as {
    roles?: Record<string, { keyids: string[]; threshold: number }>;
    targets?: Record<string, { length: number; hashes: { sha256?: string } }>;
  };
  for (const [name, { keyids, threshold }] of Object.entries(roles ?? {})) {
    lines.push(`  ${name}: ${threshold} of ${keyids.map((id) => id.slice(0, 8)).join(', ')}`);
  }
  for (const [path, { length, hashes }] of Object.entries(targets ?? {})) {
    lines.push(`  ${path}: ${length} octets, SHA-256 ${hashes.sha256 ?? 'missing'}`);
  }
  return lines.join('\n');
}
