/**
 * Ends of an entry that came to nothing: refused for a reason, or no response. Both ends that have asked get the answer,
 * which their tombstones repeat; nothing was handed out, so there is nothing to withdraw but the requests themselves.
 */
import type { Instant } from '../../model/instant.ts';
import type { DistributionPolicy } from '../../model/policy.ts';
import type { Entry } from '../management-table/management-table.ts';
import type { Processing } from './processing.ts';

/** Why a proposal cannot be handed to these routers, or undefined when it can. */
export function refuseProposal(
  processing: Processing,
  proposal: string,
  routers: readonly string[],
): string | undefined {
  for (const name of routers) {
    if (!processing.routers.hasProposal(name, proposal)) {
      return `the firmware of router ${name} does not have ${proposal}`;
    }
    const allowed = processing.policies.router(name)?.proposals;
    if (allowed !== undefined && !allowed.includes(proposal)) {
      return `${proposal} is not among the proposals of router ${name}`;
    }
  }
  return undefined;
}

/**
 * Why what the policy wants cannot go between these routers, or undefined when it can: a NAT changes addresses that AH covers,
 * and in transport mode those that upper layers have in their checksums and the SA in its selectors (RFC 3948 section 3.1.2).
 */
export function refuseNat(
  processing: Processing,
  policy: DistributionPolicy,
  routers: readonly string[],
): string | undefined {
  const isTransport = policy.mode === 'transport';
  if (policy.protocol !== 'ah' && !isTransport) return undefined;
  const behind = routers.find((name) => processing.routers.find(name)?.behindNat);
  if (behind === undefined) return undefined;
  return isTransport
    ? `router ${behind} is behind a NAT, across which transport mode does not go: policy ${policy.kind} needs mode tunnel`
    : `router ${behind} is behind a NAT, which changes addresses that AH covers: policy ${policy.kind} needs protocol esp`;
}

/** Deletes an entry for which nothing was handed out, and tells whoever asked why. */
export function refuseEntry(
  processing: Processing,
  entry: Entry,
  type: 'refused' | 'no-response',
  reason: string,
  now: Instant,
): void {
  processing.table.remove(entry);
  for (const half of entry.halves) {
    half.withdrawn = true;
    if (half.request === null) continue;
    const { id } = half.request;
    const peer = entry.halves.find((other) => other !== half)?.router ?? '';
    const about = { id, source: half.router, peer, kind: entry.kind };
    processing.tombstones.bury(id, half.router, { type, ...about, reason }, now);
    processing.out.audit(type, { router: half.router, peer, kind: entry.kind }, reason);
  }
}
