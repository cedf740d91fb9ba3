/**
 * Proposals for an IKE SA: sets of algorithms by strongSwan's keywords (its setting `proposals`), such as
 * `aes256gcm16-prfsha384-ecp384`. A keyword may name several algorithms of a type, the preferred first. The one place that
 * says which there are; host/ike/crypto has what they do. RFC 7296 section 3.3, RFC 8247.
 */
import { fail, ok, type Result } from './result.ts';

/** Combined modes: they bring an integrity of their own. */
const combinedCiphers = ['aes256gcm16', 'aes128gcm16', 'chacha20poly1305'] as const;
/** AES-CBC, with an integrity beside it. */
const separateCiphers = ['aes256', 'aes128'] as const;
const integrities = ['sha256', 'sha384', 'sha512'] as const;
const pseudorandomFunctions = ['prfsha256', 'prfsha384', 'prfsha512'] as const;
/** The last one is legacy: RFC 8247 section 2.4 says SHOULD NOT. */
const keyExchanges = ['x25519', 'ecp256', 'ecp384', 'modp2048', 'modp3072', 'modp1536'] as const;

/** By RFC 9370, one at most; strongSwan has places for seven, `ke1_` to `ke7_`. */
const additionalKeyExchanges = ['mlkem768'] as const;

export type CombinedCipherName = (typeof combinedCiphers)[number];
export type SeparateCipherName = (typeof separateCiphers)[number];
export type IkeCipherName = CombinedCipherName | SeparateCipherName;
export type IkeIntegrityName = (typeof integrities)[number];
export type PrfName = (typeof pseudorandomFunctions)[number];
export type KeyExchangeName = (typeof keyExchanges)[number];
export type AdditionalKeyExchangeName = (typeof additionalKeyExchanges)[number];

export interface IkeProposal {
  readonly keyword: string;
  /** All of them combined modes, or none. The preferred first, here and below. */
  readonly ciphers: readonly IkeCipherName[];
  /** Empty with combined modes. */
  readonly integrities: readonly IkeIntegrityName[];
  readonly prfs: readonly PrfName[];
  readonly keyExchanges: readonly KeyExchangeName[];
  /** On top of the key exchange, in IKE_INTERMEDIATE; undefined for none. */
  readonly additionalKeyExchange: AdditionalKeyExchangeName | undefined;
  /** Some of it is for old peers only: a settings file has it with `allowLegacy` alone. */
  readonly legacy: boolean;
}

/** Every keyword, for messages. */
export const ikeProposalForms =
  'ciphers, their integrities, PRFs and key exchanges joined by "-": ' +
  `{${combinedCiphers.join(',')}}-{${pseudorandomFunctions.join(',')}}-{${keyExchanges.join(',')}}, or ` +
  `{${separateCiphers.join(',')}}-{${integrities.join(',')}}-{${keyExchanges.join(',')}} with or without a PRF; ` +
  `behind either may be ${additionalKeyExchanges.map((name) => `ke1_${name}`).join(',')}`;

/** strongSwan's second name of x25519. */
const aliases: ReadonlyMap<string, string> = new Map([['curve25519', 'x25519']]);

/** Looks the parts of a keyword up. Without a PRF it is that of the integrity, as in strongSwan. */
export function parseIkeProposal(keyword: string): Result<IkeProposal, 'PROPOSAL'> {
  const refuse = (found: string) => fail('PROPOSAL', `expected ${ikeProposalForms}; found ${found}`);
  const written = keyword.split('-');
  const additional = additionalKeyExchanges.filter((name) => written.includes(`ke1_${name}`));
  const parts = written
    .filter((part) => !additional.some((name) => part === `ke1_${name}`))
    .map((part) => aliases.get(part) ?? part);
  if (new Set(parts).size + additional.length !== written.length)
    return refuse(`something twice in ${JSON.stringify(keyword)}`);
  const among = <Name extends string>(names: readonly Name[]): Name[] =>
    parts.flatMap((part) => names.find((name) => name === part) ?? []);
  const combined = among(combinedCiphers);
  const separate = among(separateCiphers);
  const chosen = {
    ciphers: [...combined, ...separate],
    integrities: among(integrities),
    keyExchanges: among(keyExchanges),
  };
  const stated = among(pseudorandomFunctions);
  const known =
    chosen.ciphers.length + chosen.integrities.length + chosen.keyExchanges.length + stated.length;
  if (known !== parts.length) {
    const all: readonly string[] = [
      ...chosen.ciphers,
      ...chosen.integrities,
      ...chosen.keyExchanges,
      ...stated,
    ];
    const unknown = parts.filter((part) => !all.includes(part)).map((part) => JSON.stringify(part));
    return refuse(`${unknown.join(', ')} in ${JSON.stringify(keyword)}`);
  }
  if (chosen.ciphers.length === 0) return refuse(`no cipher in ${JSON.stringify(keyword)}`);
  if (chosen.keyExchanges.length === 0) return refuse(`no key exchange in ${JSON.stringify(keyword)}`);
  if (combined.length > 0 && separate.length > 0) {
    return refuse(`both kinds of cipher in ${JSON.stringify(keyword)}, which takes two proposals`);
  }
  if (combined.length > 0 && chosen.integrities.length > 0) {
    return refuse(`an integrity beside a combined mode in ${JSON.stringify(keyword)}`);
  }
  if (separate.length > 0 && chosen.integrities.length === 0) {
    return refuse(`no integrity in ${JSON.stringify(keyword)}`);
  }
  const prfs = stated.length > 0 ? stated : chosen.integrities.map((name): PrfName => `prf${name}`);
  if (prfs.length === 0) return refuse(`no PRF in ${JSON.stringify(keyword)}`);
  return ok({
    keyword,
    ...chosen,
    prfs,
    additionalKeyExchange: additional[0],
    legacy: chosen.keyExchanges.includes('modp1536'),
  });
}

/**
 * Used where the settings name none. x25519 first: the fastest, and constant-time by construction. AES-256-GCM first: the
 * control side has the processor's AES through OpenSSL. The second is for peers without combined modes.
 */
export const defaultIkeProposals: readonly IkeProposal[] = [
  'aes256gcm16-chacha20poly1305-aes128gcm16-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-modp3072-modp2048',
  'aes256-aes128-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-modp3072-modp2048',
].map(known);

function known(keyword: string): IkeProposal {
  const proposal = parseIkeProposal(keyword);
  if (!proposal.ok) throw new Error(proposal.message);
  return proposal.value;
}

/** A key exchange by its keyword, for whoever reads other proposals than those of IKE. */
export function keyExchangeNamed(keyword: string): KeyExchangeName | undefined {
  const name = aliases.get(keyword) ?? keyword;
  return keyExchanges.find((one) => one === name);
}

/** True for key exchanges that a settings file has with `allowLegacy` alone. */
export function isLegacyKeyExchange(name: KeyExchangeName): boolean {
  return name === 'modp1536';
}
