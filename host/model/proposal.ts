/**
 * Proposals: sets of algorithms by strongSwan's keywords. The one place that says which there are, how much key material
 * each takes and how long its IV and ICV are; an unknown keyword, or encryption without integrity, is refused.
 */
import { fail, ok, type Result } from './result.ts';

export type Encryption = 'null' | 'aes-cbc' | 'aes-gcm' | 'chacha20-poly1305';
export type Integrity = 'hmac-sha1-96' | 'hmac-sha256-128' | 'hmac-sha384-192' | 'hmac-sha512-256';

export interface Proposal {
  readonly keyword: string;
  readonly encryption: Encryption;
  /** Null where the encryption is a combined mode, which brings its own. */
  readonly integrity: Integrity | null;
  readonly encryptionKeyOctets: number;
  readonly authenticationKeyOctets: number;
  /** Octets that are fixed for an SA and go before the explicit IV into the nonce (RFC 4106 section 4). */
  readonly saltOctets: number;
  readonly ivOctets: number;
  readonly icvOctets: number;
}

/** Combined modes, RFC 4106 and RFC 7634. */
function combined(keyword: string, encryption: Encryption, encryptionKeyOctets: number): Proposal {
  return {
    keyword,
    encryption,
    integrity: null,
    encryptionKeyOctets,
    authenticationKeyOctets: 0,
    saltOctets: 4,
    ivOctets: 8,
    icvOctets: 16,
  };
}

/** Names of integrity algorithms, and the octets of their keys and ICVs: RFC 4868 section 2.6, RFC 2404. */
const integrities: readonly [string, Integrity, number, number][] = [
  ['sha512', 'hmac-sha512-256', 64, 32],
  ['sha384', 'hmac-sha384-192', 48, 24],
  ['sha256', 'hmac-sha256-128', 32, 16],
  ['sha1', 'hmac-sha1-96', 20, 12],
];

/** One encryption with each integrity. */
function separate(
  name: string,
  encryption: Encryption,
  encryptionKeyOctets: number,
  ivOctets: number,
): Proposal[] {
  return integrities.map(([integrityName, integrity, authenticationKeyOctets, icvOctets]) => ({
    keyword: `${name}-${integrityName}`,
    encryption,
    integrity,
    encryptionKeyOctets,
    authenticationKeyOctets,
    saltOctets: 0,
    ivOctets,
    icvOctets,
  }));
}

/** Every proposal that the firmware has, by keyword; the order is that of preference. */
export const proposals: ReadonlyMap<string, Proposal> = new Map(
  [
    combined('chacha20poly1305', 'chacha20-poly1305', 32),
    combined('aes256gcm16', 'aes-gcm', 32),
    combined('aes128gcm16', 'aes-gcm', 16),
    ...separate('aes256', 'aes-cbc', 32, 16),
    ...separate('aes192', 'aes-cbc', 24, 16),
    ...separate('aes128', 'aes-cbc', 16, 16),
    ...separate('null', 'null', 0, 0),
  ].map((proposal) => [proposal.keyword, proposal]),
);

/**
 * Used where a policy names none: additions, rotations and exclusive-ors fill SIMD lanes on any processor in constant time, while
 * AES without its instructions needs emulated tables (RFC 7634; RFC 8221 section 5 recommends it).
 */
export const defaultProposal = 'chacha20poly1305';

/** Looks a keyword up. */
export function parseProposal(keyword: string): Result<Proposal, 'PROPOSAL'> {
  const proposal = proposals.get(keyword);
  if (proposal !== undefined) return ok(proposal);
  return fail(
    'PROPOSAL',
    `expected one of ${[...proposals.keys()].join(', ')}, found ${JSON.stringify(keyword)}`,
  );
}
