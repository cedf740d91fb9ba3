/** What the ends of a world accept: algorithms that fit at once, after a wrong guess, or not at all. */
import {
  type ChildProposal,
  defaultChildProposals,
  parseChildProposal,
} from '../../../host/model/child-proposal.ts';
import { type IkeProposal, parseIkeProposal } from '../../../host/model/ike-proposal.ts';

/** What an end accepts for the IKE SA, and for a CHILD SA if that is not the default. */
export type Accepted = readonly [ike: string, esp?: string];

/**
 * What the two ends accept. In the third the router's first guess of the key exchange is wrong; in the fourth it is the server's,
 * when it rekeys the IKE SA; in the fifth the router's, when it rekeys a CHILD SA; in the last no CHILD SA can be rekeyed.
 */
export const agreements: readonly (readonly [router: Accepted, server: Accepted])[] = [
  [['aes256gcm16-prfsha256-x25519'], ['aes256gcm16-prfsha256-x25519']],
  [['chacha20poly1305-prfsha384-x25519'], ['chacha20poly1305-prfsha384-x25519']],
  [['aes256gcm16-prfsha256-x25519-ecp256'], ['aes256gcm16-prfsha256-ecp256']],
  [['aes256gcm16-prfsha256-x25519-ecp256'], ['aes256gcm16-prfsha256-ecp256-x25519']],
  [
    ['aes256gcm16-prfsha256-x25519', 'aes256gcm16-x25519-ecp256'],
    ['aes256gcm16-prfsha256-x25519', 'aes256gcm16-ecp256'],
  ],
  [
    ['aes128-sha256-x25519', 'aes256gcm16'],
    ['aes128-sha256-x25519', 'aes256gcm16-x25519'],
  ],
];

export function ikeProposals([keyword]: Accepted): IkeProposal[] {
  const parsed = parseIkeProposal(keyword);
  if (!parsed.ok) throw new Error(parsed.message);
  return [parsed.value];
}

export function espProposals([, keyword]: Accepted): readonly ChildProposal[] {
  if (keyword === undefined) return defaultChildProposals;
  const parsed = parseChildProposal(keyword);
  if (!parsed.ok) throw new Error(parsed.message);
  return [parsed.value];
}
