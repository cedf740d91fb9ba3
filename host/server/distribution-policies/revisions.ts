/**
 * Revisions of distribution policies: a number for each policy that rises when what it says changes, and stays when it
 * does not, across reloads and restarts. The book of them is kept in the store.
 */
import { createHash } from 'node:crypto';
import type { DistributionPolicy } from '../../model/policy.ts';
import type { PolicyDraft } from './policy-schema.ts';
import { describePolicy, pairKey } from './policy-set.ts';

export interface Revision {
  /** The pair and the kind. */
  readonly key: string;
  /** SHA-256 of what the policy says. */
  readonly digest: string;
  readonly revision: number;
}

/**
 * Gives every policy its revision. A policy that was taken out and comes back goes on counting where it stopped.
 *
 * @returns the policies, and the entries of the book that are new or changed
 */
export function assignRevisions(
  drafts: readonly PolicyDraft[],
  book: ReadonlyMap<string, Revision>,
): { readonly policies: DistributionPolicy[]; readonly changed: Revision[] } {
  const changed: Revision[] = [];
  const policies = drafts.map((draft) => {
    const key = `${pairKey(...draft.between)}|${draft.kind}`;
    const digest = createHash('sha256').update(describePolicy(draft)).digest('hex');
    const known = book.get(key);
    if (known?.digest === digest) return { ...draft, revision: known.revision };
    const revision = (known?.revision ?? 0) + 1;
    changed.push({ key, digest, revision });
    return { ...draft, revision };
  });
  return { policies, changed };
}
