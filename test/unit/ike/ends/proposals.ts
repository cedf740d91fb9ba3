/** Proposals by keyword, for tests: a keyword that does not parse is the test's own mistake. */
import { type ChildProposal, parseChildProposal } from '../../../../host/model/child-proposal.ts';
import { type IkeProposal, parseIkeProposal } from '../../../../host/model/ike-proposal.ts';

export function ikeProposals(...keywords: readonly string[]): IkeProposal[] {
  return keywords.map((keyword) => {
    const parsed = parseIkeProposal(keyword);
    if (!parsed.ok) throw new Error(parsed.message);
    return parsed.value;
  });
}

export function espProposals(...keywords: readonly string[]): ChildProposal[] {
  return keywords.map((keyword) => {
    const parsed = parseChildProposal(keyword);
    if (!parsed.ok) throw new Error(parsed.message);
    return parsed.value;
  });
}
