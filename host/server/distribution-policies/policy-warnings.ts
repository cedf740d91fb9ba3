/**
 * What whoever looks at a policy file has to be warned of: algorithms that are right as settings and yet protect little.
 * Decides nothing; legacy algorithms without `allowLegacy` are refused in policy-schema.ts.
 */
import { type ProposalWarning, proposalWarnings } from '../../model/proposal.ts';

const shownWarnings = 5;

interface WarnedPolicy {
  readonly kind: string;
  readonly between: readonly [string, string];
  readonly proposal: string;
}

const texts: Readonly<Record<ProposalWarning, string>> = {
  legacy: 'is legacy (RFC 8221): use it only with a peer that has nothing better',
  'not encrypted': 'does not encrypt: everyone on the way can read the packets',
};

/** One line a warning, in the order of the policies. */
export function policyWarnings(policies: readonly WarnedPolicy[]): string[] {
  return policies.flatMap(({ kind, between, proposal }) =>
    proposalWarnings(proposal).map(
      (warning) => `policy ${kind} between ${between.join(' and ')}: ${proposal} ${texts[warning]}`,
    ),
  );
}

/** The same for a place with room for a few lines: the first ones, and how many there are beside. */
export function firstPolicyWarnings(policies: readonly WarnedPolicy[]): string[] {
  const warnings = policyWarnings(policies);
  const left = warnings.length - shownWarnings;
  return left <= 0 ? warnings : [...warnings.slice(0, shownWarnings), `${left} more policies like these`];
}
