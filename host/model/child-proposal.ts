/**
 * Proposals for the channel's CHILD SA: an ESP proposal of proposal.ts, and what IKE settles besides: key exchanges for the
 * rekeying (PFS) and extended sequence numbers, by strongSwan's keywords (its setting `esp_proposals`), such as
 * `aes256gcm16-x25519-esn`. RFC 7296 sections 1.3.1 and 3.3.2.
 */
import {
  defaultIkeProposals,
  type IkeProposal,
  isLegacyKeyExchange,
  type KeyExchangeName,
  keyExchangeNamed,
} from './ike-proposal.ts';
import { type Proposal, proposals } from './proposal.ts';
import { fail, ok, type Result } from './result.ts';

export interface ChildProposal {
  readonly keyword: string;
  readonly esp: Proposal;
  /** For CREATE_CHILD_SA, the preferred first; with none of them keys come from the IKE SA's alone. */
  readonly keyExchanges: readonly KeyExchangeName[];
  /** Extended sequence numbers, the preferred first. */
  readonly esn: readonly boolean[];
  readonly legacy: boolean;
}

const ciphers =
  '{aes256,aes192,aes128}gcm16, chacha20poly1305 or {aes256,aes192,aes128}-{sha512,sha384,sha256}';

/** What may be said, for messages. */
export const childProposalForms = `${ciphers}, behind it any of "-x25519" and its like, "-esn", "-noesn"`;

/** The channel carries every key of the data SAs: nothing that does not encrypt, and no short ICV. */
function isForChannel(esp: Proposal): boolean {
  const modes: readonly Proposal['encryption'][] = ['aes-gcm', 'chacha20-poly1305', 'aes-cbc'];
  const macs: readonly Proposal['integrity'][] = [
    null,
    'hmac-sha256-128',
    'hmac-sha384-192',
    'hmac-sha512-256',
  ];
  return (
    esp.protocols.includes('esp') &&
    modes.includes(esp.encryption) &&
    macs.includes(esp.integrity) &&
    esp.icvOctets >= 16
  );
}

/** Looks the parts of a keyword up. Without `esn` or `noesn` both are, extended sequence numbers preferred. */
export function parseChildProposal(keyword: string): Result<ChildProposal, 'PROPOSAL'> {
  const refuse = () => fail('PROPOSAL', `expected ${childProposalForms}; found ${JSON.stringify(keyword)}`);
  const keyExchanges: KeyExchangeName[] = [];
  const esn: boolean[] = [];
  const algorithms: string[] = [];
  for (const part of keyword.split('-')) {
    const keyExchange = keyExchangeNamed(part);
    if (keyExchange !== undefined) keyExchanges.push(keyExchange);
    else if (part === 'esn' || part === 'noesn') esn.push(part === 'esn');
    else algorithms.push(part);
  }
  const esp = proposals.get(algorithms.join('-'));
  if (esp === undefined || !isForChannel(esp)) return refuse();
  if (new Set(esn).size !== esn.length || new Set(keyExchanges).size !== keyExchanges.length) return refuse();
  return ok({
    keyword,
    esp,
    keyExchanges,
    esn: esn.length === 0 ? [true, false] : esn,
    legacy: keyExchanges.some(isLegacyKeyExchange),
  });
}

/** Used where the settings name none. Without PFS, as in strongSwan: the IKE SA's own rekeying brings fresh secrets. */
export const defaultChildProposals: readonly ChildProposal[] = [
  'aes256gcm16',
  'chacha20poly1305',
  'aes128gcm16',
  'aes256-sha256',
  'aes128-sha256',
].map((keyword) => {
  const proposal = parseChildProposal(keyword);
  if (!proposal.ok) throw new Error(proposal.message);
  return proposal.value;
});

/** What one end of the channel offers and accepts, each in order of preference. */
export interface ChannelProposals {
  readonly ike: readonly IkeProposal[];
  readonly esp: readonly ChildProposal[];
}

export const defaultChannelProposals: ChannelProposals = {
  ike: defaultIkeProposals,
  esp: defaultChildProposals,
};

/** What a channel has settled on: one algorithm of each type, by keyword. */
export interface SettledProposals {
  readonly ike: string;
  readonly esp: string;
  readonly esn: boolean;
}

/** `aes256gcm16-prfsha256-x25519, ESP aes256gcm16 with ESN` */
export function describeSettled(settled: SettledProposals): string {
  return `${settled.ike}, ESP ${settled.esp} ${settled.esn ? 'with' : 'without'} ESN`;
}
