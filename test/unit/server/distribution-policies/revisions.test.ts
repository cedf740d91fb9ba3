import { describe, expect, it } from 'vitest';
import { assignRevisions, type Revision } from '../../../../host/server/distribution-policies/revisions.ts';
import { policy } from '../request-processing/scene.ts';

describe('revisions', () => {
  it('stay when nothing changes, rise when the content does, and go on after a policy was away', () => {
    const book = new Map<string, Revision>();
    const load = (...drafts: Parameters<typeof assignRevisions>[0]) => {
      const { policies, changed } = assignRevisions(drafts, book);
      for (const revision of changed) book.set(revision.key, revision);
      return policies.map(({ revision }) => revision);
    };
    expect(load(policy('a'), policy('b'))).toEqual([1, 1]);
    expect(load(policy('a'), policy('b'))).toEqual([1, 1]);
    expect(load(policy('b'), policy('a', { lifetimeSeconds: 60 }))).toEqual([1, 2]);
    expect(load(policy('b'))).toEqual([1]);
    expect(load(policy('a'), policy('b'))).toEqual([3, 1]);
    // The same kind for another pair is another policy.
    expect(load(policy('a', { between: ['tokyo', 'kyoto'] }))).toEqual([1]);
  });
});
