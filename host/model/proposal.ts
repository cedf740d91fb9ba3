/**
 * Proposals: sets of algorithms by strongSwan's keywords. The one place that says which suites exist, how much key
 * material each takes and how far one key may be used; an unknown keyword, or encryption without integrity, is refused.
 */
import { fail, ok, type Result } from './result.ts';

export interface Proposal {
  readonly keyword: string;
  readonly encryption: 'aes-cbc' | 'aes-gcm';
  readonly integrity: 'hmac-sha1-96' | 'hmac-sha256-128' | null;
  readonly encryptionKeyOctets: number;
  readonly authenticationKeyOctets: number;
  /** Octets that are fixed for an SA and go before the explicit IV into the nonce (RFC 4106 section 4). */
  readonly saltOctets: number;
  readonly ivOctets: number;
  readonly icvOctets: number;
}

const gcm = (bits: number): Proposal => ({
  keyword: `aes${bits}gcm16`,
  encryption: 'aes-gcm',
  integrity: null,
  encryptionKeyOctets: bits / 8,
  authenticationKeyOctets: 0,
  saltOctets: 4,
  ivOctets: 8,
  icvOctets: 16,
});

const cbc = (bits: number, integrity: 'hmac-sha1-96' | 'hmac-sha256-128'): Proposal => ({
  keyword: `aes${bits}-${integrity === 'hmac-sha1-96' ? 'sha1' : 'sha256'}`,
  encryption: 'aes-cbc',
  integrity,
  encryptionKeyOctets: bits / 8,
  authenticationKeyOctets: integrity === 'hmac-sha1-96' ? 20 : 32,
  saltOctets: 0,
  ivOctets: 16,
  icvOctets: integrity === 'hmac-sha1-96' ? 12 : 16,
});

/** Every suite that the firmware has, by keyword; the order is that of preference. */
export const proposals: ReadonlyMap<string, Proposal> = new Map(
  [
    gcm(256),
    gcm(128),
    cbc(256, 'hmac-sha256-128'),
    cbc(128, 'hmac-sha256-128'),
    cbc(256, 'hmac-sha1-96'),
    cbc(128, 'hmac-sha1-96'),
  ].map((proposal) => [proposal.keyword, proposal]),
);

/** Used where a policy names none: authenticated encryption with the larger key. */
export const defaultProposal = 'aes256gcm16';

/** Looks a keyword up. */
export function parseProposal(keyword: string): Result<Proposal, 'PROPOSAL'> {
  const proposal = proposals.get(keyword);
  if (proposal !== undefined) return ok(proposal);
  return fail(
    'PROPOSAL',
    `expected one of ${[...proposals.keys()].join(', ')}, found ${JSON.stringify(keyword)}`,
  );
}
