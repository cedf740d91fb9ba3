/**
 * New policies: entries of which the setting is no longer the same are withdrawn, half-empty ones with them, and no other
 * is touched. Only the pairs that the difference names are looked at.
 */
import type { Instant } from '../../model/instant.ts';
import { settingDigest } from '../distribution-policies/pair-setting.ts';
import type { PolicySet } from '../distribution-policies/policy-set.ts';
import type { Entry } from '../management-table/management-table.ts';
import type { Processing } from './processing.ts';
import { withdrawEntries } from './withdrawal.ts';

/** Puts `next` into force. */
export function replacePolicies(processing: Processing, next: PolicySet, now: Instant): void {
  const { table, out } = processing;
  const difference = processing.policies.difference(next);
  processing.policies = next;
  const candidates = new Set<Entry>(difference.everyPair ? table.entries() : []);
  for (const router of difference.routers) {
    for (const entry of table.ofRouter(router)) candidates.add(entry);
  }
  for (const pair of difference.pairs) {
    const [a = '', b = ''] = pair.split('|');
    for (const entry of table.ofPair(a, b)) candidates.add(entry);
  }
  const touched = [...candidates].filter((entry) => entry.state !== 'withdrawing' && isTouched(next, entry));
  withdrawEntries(processing, touched, 'the policies changed', now);
  out.audit('policies', { router: '' }, `${candidates.size} entries looked at, ${touched.length} withdrawn`);
}

/** True when the policies in force say something else than when the entry was made. */
export function isTouched(policies: PolicySet, entry: Entry): boolean {
  const [first, second] = entry.halves;
  return settingDigest(policies, first.router, second.router, entry.kind) !== entry.digest;
}
