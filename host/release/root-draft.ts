/** Drafts of root metadata: the first one, and the next one with other keys or thresholds (specification sections 5.3, 6.1). */
import type { Metadata, Root } from '@tufjs/models';
import { HostError } from '../model/host-error.ts';
import { unsignedMetadata } from './metadata.ts';
import { type RoleName, roleNames } from './role.ts';
import { type PublicKey, tufKey } from './signing-key.ts';

/** What is to be different from the root before. */
export interface RootChange {
  readonly addKeys: readonly PublicKey[];
  /** Key identifiers, or their beginnings of at least 8 digits. */
  readonly removeKeys: readonly string[];
  readonly thresholds: Readonly<Partial<Record<RoleName, number>>>;
  readonly expires: string;
}

/**
 * The root after `before`, unsigned; the first one without `before`.
 *
 * @throws HostError CONFIG_INVALID where a role would have fewer keys than its threshold, or nothing is known of a key to remove
 */
export function rootDraft(before: Root | undefined, change: RootChange): Metadata<Root> {
  const keys = new Map(Object.entries(before?.keys ?? {}));
  const holders = new Map<RoleName, string[]>(
    roleNames.map((role) => [role, [...(before?.roles[role]?.keyIDs ?? [])]]),
  );
  for (const wanted of change.removeKeys) remove(holders, wanted);
  for (const added of change.addKeys) {
    keys.set(added.keyId, tufKey(added));
    const ids = holders.get(added.role) ?? [];
    if (!ids.includes(added.keyId)) ids.push(added.keyId);
  }
  const used = new Set([...holders.values()].flat());
  const roles = Object.fromEntries(
    roleNames.map((role) => {
      const keyids = holders.get(role) ?? [];
      const threshold = change.thresholds[role] ?? before?.roles[role]?.threshold ?? 1;
      if (keyids.length < threshold) throw tooFew(role, keyids.length, threshold);
      return [role, { keyids, threshold }];
    }),
  );
  return unsignedMetadata('root', {
    version: (before?.version ?? 0) + 1,
    expires: change.expires,
    consistent_snapshot: true,
    keys: Object.fromEntries([...keys].filter(([id]) => used.has(id)).map(([id, key]) => [id, key.toJSON()])),
    roles,
  });
}

function remove(holders: ReadonlyMap<RoleName, string[]>, wanted: string): void {
  const found = new Set([...holders.values()].flat().filter((id) => id.startsWith(wanted)));
  if (wanted.length < 8 || found.size !== 1) {
    throw new HostError(
      'CONFIG_INVALID',
      `key ${wanted}: expected the identifier of one key of the root in force, or its first 8 digits or more; ` +
        `\`sekisho release status\` lists them`,
    );
  }
  for (const ids of holders.values()) {
    const at = ids.findIndex((id) => found.has(id));
    if (at >= 0) ids.splice(at, 1);
  }
}

function tooFew(role: RoleName, count: number, threshold: number): HostError {
  return new HostError(
    'CONFIG_INVALID',
    `role ${role} would have ${count} keys and need ${threshold} signatures: give as many .pub files of that role`,
  );
}
