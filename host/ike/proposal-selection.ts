/**
 * Which algorithms this implementation offers and accepts, and the choice among those that a peer offers. A new
 * algorithm is one more entry in a list of preferences here, besides its code in host/ike/crypto.
 * RFC 7296 sections 2.7, 3.3 and 3.3.6.
 */
import { aes256Gcm16 } from './crypto/aead.ts';
import { curve25519 } from './crypto/key-exchange.ts';
import { prfHmacSha256 } from './crypto/prf.ts';
import {
  extendedSequenceNumbersIds,
  integrityIds,
  keyExchangeMethodIds,
  protocolIds,
  transformTypes,
} from './wire/iana-numbers.ts';
import type {
  OfferedProposal,
  ProposalValue,
  Transform,
  TransformValue,
} from './wire/security-association.ts';

/** What is acceptable for one protocol: transforms by type, the preferred first. */
export interface Acceptable {
  readonly protocolId: number;
  readonly spiOctets: number;
  /** Each of these types must be offered. */
  readonly required: readonly TransformValue[][];
  /** These may be offered as NONE besides, and are then part of the answer (combined-mode ciphers, no PFS). */
  readonly noneAllowed: readonly TransformValue[];
}

const encryption: TransformValue = {
  type: transformTypes.encryption,
  id: aes256Gcm16.id,
  keyBits: aes256Gcm16.keyBits,
};
const noIntegrity: TransformValue = { type: transformTypes.integrity, id: integrityIds.none };

/** aes256gcm16-prfsha256-x25519 */
export const acceptableIke: Acceptable = {
  protocolId: protocolIds.ike,
  spiOctets: 0,
  required: [
    [encryption],
    [{ type: transformTypes.pseudorandomFunction, id: prfHmacSha256.id }],
    [{ type: transformTypes.keyExchangeMethod, id: curve25519.id }],
  ],
  noneAllowed: [noIntegrity],
};

/** aes256gcm16, extended sequence numbers preferred. */
export const acceptableEsp: Acceptable = {
  protocolId: protocolIds.esp,
  spiOctets: 4,
  required: [
    [encryption],
    [
      { type: transformTypes.extendedSequenceNumbers, id: extendedSequenceNumbersIds.yes },
      { type: transformTypes.extendedSequenceNumbers, id: extendedSequenceNumbersIds.no },
    ],
  ],
  noneAllowed: [noIntegrity, { type: transformTypes.keyExchangeMethod, id: keyExchangeMethodIds.none }],
};

/** The proposal that an initiator sends: everything acceptable, in order of preference. */
export function proposalOf(acceptable: Acceptable, spi: Uint8Array): ProposalValue {
  return { number: 1, protocolId: acceptable.protocolId, spi, transforms: acceptable.required.flat() };
}

/** One proposal with exactly one transform a type: the outcome of a negotiation. */
export interface SelectedProposal {
  readonly number: number;
  readonly protocolId: number;
  /** The peer's SPI, borrowed from its message. */
  readonly spi: Uint8Array;
  readonly transforms: readonly TransformValue[];
}

/** The responder's choice: the first proposal that is acceptable, in it the most preferred transforms. */
export function selectProposal(
  acceptable: Acceptable,
  offered: readonly OfferedProposal[],
): SelectedProposal | undefined {
  for (const proposal of offered) {
    const transforms = selectTransforms(acceptable, proposal);
    if (transforms !== undefined) return { ...proposal, transforms };
  }
  return undefined;
}

/** The initiator's check of an answer: one proposal, one transform of each type, all of them offered. */
export function checkSelected(
  acceptable: Acceptable,
  answered: readonly OfferedProposal[],
): SelectedProposal | undefined {
  const [proposal, ...others] = answered;
  if (proposal === undefined || others.length > 0 || proposal.number !== 1) return undefined;
  const transforms = selectTransforms(acceptable, proposal);
  return transforms?.length === proposal.transforms.length ? { ...proposal, transforms } : undefined;
}

function selectTransforms(acceptable: Acceptable, proposal: OfferedProposal): TransformValue[] | undefined {
  if (proposal.protocolId !== acceptable.protocolId || proposal.spi.length !== acceptable.spiOctets) {
    return undefined;
  }
  const selected: TransformValue[] = [];
  const offers = (wanted: TransformValue): boolean =>
    proposal.transforms.some((transform) => equalTransforms(transform, wanted));
  for (const preferences of acceptable.required) {
    const chosen = preferences.find(offers);
    if (chosen === undefined) return undefined;
    selected.push(chosen);
  }
  for (const none of acceptable.noneAllowed) if (offers(none)) selected.push(none);
  // RFC 7296 section 3.3.6: a type that cannot be satisfied makes the whole proposal unacceptable.
  const isCovered = (transform: Transform): boolean => selected.some((one) => one.type === transform.type);
  return proposal.transforms.every(isCovered) ? selected : undefined;
}

function equalTransforms(offered: Transform, wanted: TransformValue): boolean {
  return (
    offered.type === wanted.type &&
    offered.id === wanted.id &&
    offered.keyBits === wanted.keyBits &&
    !offered.hasUnknownAttribute
  );
}

/** Transform ID of a type in a selected proposal. */
export function selectedId(proposal: SelectedProposal, type: number): number | undefined {
  return proposal.transforms.find((transform) => transform.type === type)?.id;
}
