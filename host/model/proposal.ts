/**
 * Proposals: sets of algorithms by strongSwan's keywords (esp_proposals, ah_proposals). The one place that says which there are,
 * which protocol each is for, how much key material it takes, how long its IV and ICV are, and what a person should be warned of; an unknown keyword, or encryption
 * without integrity, is refused. How long a key may serve is in key-limit.ts.
 */
import { fail, ok, type Result } from './result.ts';
import type { SaProtocol } from './security-association.ts';

export type Encryption =
  | 'null'
  | 'aes-cbc'
  | 'aes-ctr'
  | 'aes-gcm'
  | 'aes-ccm'
  | 'aes-gmac'
  | 'chacha20-poly1305'
  | 'des-cbc'
  | '3des-cbc';
export type Integrity =
  | 'hmac-sha1-96'
  | 'hmac-sha256-128'
  | 'hmac-sha384-192'
  | 'hmac-sha512-256'
  | 'aes-cmac-96'
  | 'hmac-md5-96';

export interface Proposal {
  readonly keyword: string;
  /** What SAs may have it: ESP, AH, or either. */
  readonly protocols: readonly SaProtocol[];
  readonly encryption: Encryption;
  /** Null where the encryption is a combined mode, which brings its own. */
  readonly integrity: Integrity | null;
  readonly encryptionKeyOctets: number;
  readonly authenticationKeyOctets: number;
  /** Octets that are fixed for an SA and go before the explicit IV into the nonce (RFC 4106 section 4). */
  readonly saltOctets: number;
  readonly ivOctets: number;
  readonly icvOctets: number;
  /** RFC 8221 says MUST NOT or SHOULD NOT: a policy gets it with `allowLegacy` alone. */
  readonly legacy: boolean;
}

interface Cipher {
  readonly name: string;
  readonly encryption: Encryption;
  readonly keyOctets: number;
  readonly saltOctets: number;
  readonly ivOctets: number;
  readonly legacy?: true;
}

interface Mac {
  readonly name: string;
  readonly integrity: Integrity;
  readonly keyOctets: number;
  readonly icvOctets: number;
  readonly legacy?: true;
}

/** Combined modes: RFC 7634, RFC 4106, RFC 4309, RFC 4543. */
function combined(cipher: Cipher, icvOctets: number, protocols: readonly SaProtocol[] = ['esp']): Proposal {
  return {
    keyword: cipher.name,
    protocols,
    encryption: cipher.encryption,
    integrity: null,
    encryptionKeyOctets: cipher.keyOctets,
    authenticationKeyOctets: 0,
    saltOctets: cipher.saltOctets,
    ivOctets: cipher.ivOctets,
    icvOctets,
    legacy: false,
  };
}

/** A mode of AES for each length of key, with one length of ICV. */
function combinedAes(
  mode: string,
  encryption: Encryption,
  saltOctets: number,
  icvOctets: number,
  protocols?: readonly SaProtocol[],
): Proposal[] {
  return [32, 16, 24].map((keyOctets) =>
    combined(
      { name: `aes${8 * keyOctets}${mode}`, encryption, keyOctets, saltOctets, ivOctets: 8 },
      icvOctets,
      protocols,
    ),
  );
}

/** RFC 4868 section 2.6, RFC 2404, RFC 4494, RFC 2403. */
const macs: readonly Mac[] = [
  { name: 'sha512', integrity: 'hmac-sha512-256', keyOctets: 64, icvOctets: 32 },
  { name: 'sha384', integrity: 'hmac-sha384-192', keyOctets: 48, icvOctets: 24 },
  { name: 'sha256', integrity: 'hmac-sha256-128', keyOctets: 32, icvOctets: 16 },
  { name: 'sha1', integrity: 'hmac-sha1-96', keyOctets: 20, icvOctets: 12 },
  { name: 'aescmac', integrity: 'aes-cmac-96', keyOctets: 16, icvOctets: 12 },
  { name: 'md5', integrity: 'hmac-md5-96', keyOctets: 16, icvOctets: 12, legacy: true },
];

const aesKeys = [32, 24, 16];

/** RFC 3602, RFC 3686, RFC 2451, RFC 2405, RFC 2410. */
const ciphers: readonly Cipher[] = [
  ...aesKeys.map(
    (keyOctets): Cipher => ({
      name: `aes${8 * keyOctets}`,
      encryption: 'aes-cbc',
      keyOctets,
      saltOctets: 0,
      ivOctets: 16,
    }),
  ),
  ...aesKeys.map(
    (keyOctets): Cipher => ({
      name: `aes${8 * keyOctets}ctr`,
      encryption: 'aes-ctr',
      keyOctets,
      saltOctets: 4,
      ivOctets: 8,
    }),
  ),
  { name: 'null', encryption: 'null', keyOctets: 0, saltOctets: 0, ivOctets: 0 },
  { name: '3des', encryption: '3des-cbc', keyOctets: 24, saltOctets: 0, ivOctets: 8, legacy: true },
  { name: 'des', encryption: 'des-cbc', keyOctets: 8, saltOctets: 0, ivOctets: 8, legacy: true },
];

const separate: readonly Proposal[] = ciphers.flatMap((cipher) =>
  macs.map((mac) => ({
    keyword: `${cipher.name}-${mac.name}`,
    protocols: ['esp'],
    encryption: cipher.encryption,
    integrity: mac.integrity,
    encryptionKeyOctets: cipher.keyOctets,
    authenticationKeyOctets: mac.keyOctets,
    saltOctets: cipher.saltOctets,
    ivOctets: cipher.ivOctets,
    icvOctets: mac.icvOctets,
    legacy: cipher.legacy === true || mac.legacy === true,
  })),
);

/** AH has an integrity alone: it is the MAC's name, and its encryption is NULL, which has neither key nor IV. */
const ofAh: readonly Proposal[] = macs.map((mac) => ({
  keyword: mac.name,
  protocols: ['ah'],
  encryption: 'null',
  integrity: mac.integrity,
  encryptionKeyOctets: 0,
  authenticationKeyOctets: mac.keyOctets,
  saltOctets: 0,
  ivOctets: 0,
  icvOctets: mac.icvOctets,
  legacy: mac.legacy === true,
}));

/** Every proposal that the firmware has, by keyword; the order is that of preference, legacy last. */
export const proposals: ReadonlyMap<string, Proposal> = new Map(
  [
    combined(
      {
        name: 'chacha20poly1305',
        encryption: 'chacha20-poly1305',
        keyOctets: 32,
        saltOctets: 4,
        ivOctets: 8,
      },
      16,
    ),
    ...combinedAes('gcm16', 'aes-gcm', 4, 16),
    ...combinedAes('ccm16', 'aes-ccm', 3, 16),
    ...combinedAes('gcm12', 'aes-gcm', 4, 12),
    ...combinedAes('ccm12', 'aes-ccm', 3, 12),
    ...combinedAes('gcm8', 'aes-gcm', 4, 8),
    ...combinedAes('ccm8', 'aes-ccm', 3, 8),
    ...combinedAes('gmac', 'aes-gmac', 4, 16, ['esp', 'ah']),
    ...[...separate, ...ofAh].filter((proposal) => !proposal.legacy),
    ...[...separate, ...ofAh].filter((proposal) => proposal.legacy),
  ].map((proposal) => [proposal.keyword, proposal]),
);

/**
 * Used where a policy names none: additions, rotations and exclusive-ors fill SIMD lanes on any processor in constant time, while
 * AES without its instructions needs emulated tables (RFC 7634; RFC 8221 section 5 recommends it).
 */
export const defaultProposal = 'chacha20poly1305';

/** The same for AH: the one that RFC 8221 section 6 demands. */
export const defaultAhProposal = 'sha256';

/** The keywords of a protocol in one line, for messages: braces stand for one of what they hold. */
export const proposalFormsOf: Readonly<Record<SaProtocol, string>> = {
  esp:
    'chacha20poly1305, aes{256,128,192}{gcm,ccm}{16,12,8}, aes{256,128,192}gmac, ' +
    '{aes256,aes192,aes128,aes256ctr,aes192ctr,aes128ctr,null}-{sha512,sha384,sha256,sha1,aescmac}, ' +
    'or legacy: {3des,des}-{sha512,sha384,sha256,sha1,aescmac,md5}, ' +
    '{aes256,aes192,aes128,aes256ctr,aes192ctr,aes128ctr,null}-md5',
  ah: '{sha512,sha384,sha256,sha1,aescmac}, aes{256,128,192}gmac, or legacy: md5',
};

/** All keywords. */
export const proposalForms = `${proposalFormsOf.esp}; for AH: ${proposalFormsOf.ah}`;

/** The proposals that SAs of a protocol may have, in the order of preference. */
export function proposalsOf(protocol: SaProtocol): Proposal[] {
  return [...proposals.values()].filter(({ protocols }) => protocols.includes(protocol));
}

/** Looks a keyword up. */
export function parseProposal(keyword: string): Result<Proposal, 'PROPOSAL'> {
  const proposal = proposals.get(keyword);
  if (proposal !== undefined) return ok(proposal);
  return fail('PROPOSAL', `expected ${proposalForms}, found ${JSON.stringify(keyword)}`);
}

export type ProposalWarning = 'legacy' | 'not encrypted';

/** What whoever sees a policy with this proposal has to know; nothing for an unknown keyword. */
export function proposalWarnings(keyword: string): ProposalWarning[] {
  const proposal = proposals.get(keyword);
  if (proposal === undefined) return [];
  const readable = proposal.encryption === 'null' || proposal.encryption === 'aes-gmac';
  return [
    ...(proposal.legacy ? (['legacy'] as const) : []),
    ...(readable ? (['not encrypted'] as const) : []),
  ];
}

/** The keyword, with its warnings in brackets: `3des-sha1 (legacy)`. */
export function describeProposal(keyword: string): string {
  const warnings = proposalWarnings(keyword);
  return warnings.length === 0 ? keyword : `${keyword} (${warnings.join(', ')})`;
}
