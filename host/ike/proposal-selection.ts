/**
 * Which algorithms are offered and accepted, from the proposals of the settings, and the choice among those that a peer
 * offers. A new algorithm is an entry of a table in host/model/ike-proposal.ts or proposal.ts and its code in
 * host/ike/crypto; nothing here. RFC 7296 sections 2.7, 3.3 and 3.3.6.
 *
 * The choice never depends on the KE payload, which is a guess: otherwise a forged INVALID_KE_PAYLOAD, which nothing
 * authenticates, could bring two ends down to a weaker group than the one that both prefer (RFC 7296 section 1.2).
 */
import type { ChildProposal } from '../model/child-proposal.ts';
import type { IkeProposal, KeyExchangeName } from '../model/ike-proposal.ts';
import type { Proposal } from '../model/proposal.ts';
import { type IkeAlgorithms, ikeCiphers } from './crypto/algorithms.ts';
import { integrities } from './crypto/integrity.ts';
import { type KeyExchangeMethod, keyExchangeMethods } from './crypto/key-exchange.ts';
import { keyEncapsulations } from './crypto/mlkem.ts';
import { prfs } from './crypto/prf.ts';
import {
  encryptionIds,
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

/** One acceptable proposal: transforms by type, the preferred first. */
export interface Acceptable {
  readonly protocolId: number;
  readonly spiOctets: number;
  /** Each of these types must be offered. */
  readonly required: readonly (readonly TransformValue[])[];
  /** These may be offered as NONE besides, and are then part of the answer (combined-mode ciphers, no PFS). */
  readonly noneAllowed: readonly TransformValue[];
}

/** An acceptable proposal for ESP, and the algorithms that it stands for. */
export interface AcceptableEsp extends Acceptable {
  readonly esp: Proposal;
}

const {
  encryption,
  pseudorandomFunction,
  integrity,
  keyExchangeMethod,
  extendedSequenceNumbers,
  additionalKeyExchange1,
} = transformTypes;
const noIntegrity: TransformValue = { type: integrity, id: integrityIds.none };
const noKeyExchange: TransformValue = { type: keyExchangeMethod, id: keyExchangeMethodIds.none };

const keyExchangeTransforms = (names: readonly KeyExchangeName[]): TransformValue[] =>
  names.map((name) => ({ type: keyExchangeMethod, id: keyExchangeMethods[name].id }));

/**
 * Proposals for an IKE SA. An additional key exchange is for its set-up alone: a rekeyed SA has the secret of ML-KEM in its
 * keys by way of SK_d, and IKE_FOLLOWUP_KE (RFC 9370 section 2.2.4) is not spoken here.
 *
 * @param spiOctets of a proposal: 0 in IKE_SA_INIT, 8 where CREATE_CHILD_SA rekeys (RFC 7296 section 3.3.1)
 */
export function acceptableIke(proposals: readonly IkeProposal[], spiOctets: 0 | 8 = 0): Acceptable[] {
  return proposals.map((proposal) => {
    const additional = proposal.additionalKeyExchange;
    const ciphers = proposal.ciphers.map((name) => ikeCiphers[name]);
    const macs = proposal.integrities.map((name) => ({ type: integrity, id: integrities[name].id }));
    return {
      protocolId: protocolIds.ike,
      spiOctets,
      required: [
        ciphers.map(({ id, keyBits }) => ({ type: encryption, id, keyBits })),
        proposal.prfs.map((name) => ({ type: pseudorandomFunction, id: prfs[name].id })),
        ...(macs.length === 0 ? [] : [macs]),
        keyExchangeTransforms(proposal.keyExchanges),
        ...(additional === undefined || spiOctets === 8
          ? []
          : [[{ type: additionalKeyExchange1, id: keyEncapsulations[additional].id }]]),
      ],
      noneAllowed: macs.length === 0 ? [noIntegrity] : [],
    };
  });
}

/** RFC 4106, RFC 7634 and RFC 3602; RFC 4868. Those of child-proposal.ts and no others. */
const espEncryptionIds: Partial<Record<Proposal['encryption'], number>> = {
  'aes-gcm': encryptionIds.aesGcm16,
  'chacha20-poly1305': encryptionIds.chacha20Poly1305,
  'aes-cbc': encryptionIds.aesCbc,
};
const espIntegrityIds: Partial<Record<NonNullable<Proposal['integrity']>, number>> = {
  'hmac-sha256-128': integrityIds.hmacSha256,
  'hmac-sha384-192': integrityIds.hmacSha384,
  'hmac-sha512-256': integrityIds.hmacSha512,
};

/**
 * Proposals for ESP.
 *
 * @param exchange in IKE_AUTH keys come from the IKE SA's own exchange, and there is no other (RFC 7296 section 1.2)
 */
export function acceptableEsp(
  proposals: readonly ChildProposal[],
  exchange: 'ike-auth' | 'create-child-sa',
): AcceptableEsp[] {
  return proposals.map(({ esp, esn, keyExchanges }) => {
    const id = espEncryptionIds[esp.encryption];
    const integrityId = esp.integrity === null ? undefined : espIntegrityIds[esp.integrity];
    if (id === undefined || (esp.integrity !== null && integrityId === undefined)) {
      throw new Error(`${esp.keyword} is not for the channel`);
    }
    // RFC 7634 section 2: ChaCha20-Poly1305 has one length of key and no attribute.
    const keyBits = esp.encryption === 'chacha20-poly1305' ? undefined : 8 * esp.encryptionKeyOctets;
    const withKeyExchange = exchange === 'create-child-sa' && keyExchanges.length > 0;
    return {
      esp,
      protocolId: protocolIds.esp,
      spiOctets: 4,
      required: [
        [{ type: encryption, id, keyBits }],
        ...(integrityId === undefined ? [] : [[{ type: integrity, id: integrityId }]]),
        ...(withKeyExchange ? [keyExchangeTransforms(keyExchanges)] : []),
        esn.map((isExtended) => ({
          type: extendedSequenceNumbers,
          id: isExtended ? extendedSequenceNumbersIds.yes : extendedSequenceNumbersIds.no,
        })),
      ],
      noneAllowed: [
        ...(integrityId === undefined ? [noIntegrity] : []),
        ...(withKeyExchange ? [] : [noKeyExchange]),
      ],
    };
  });
}

/** The proposals that an initiator sends, numbered from 1 in order of preference. */
export function proposalsOf(acceptable: readonly Acceptable[], spi: Uint8Array): ProposalValue[] {
  return acceptable.map(({ protocolId, required }, index) => ({
    number: index + 1,
    protocolId,
    spi,
    transforms: required.flat(),
  }));
}

/** One proposal with exactly one transform a type: the outcome of a negotiation. */
export interface SelectedProposal<One extends Acceptable = Acceptable> {
  readonly number: number;
  readonly protocolId: number;
  /** The peer's SPI, borrowed from its message. */
  readonly spi: Uint8Array;
  readonly transforms: readonly TransformValue[];
  /** Which of ours it is. */
  readonly acceptable: One;
}

/** The responder's choice: its most preferred proposal that is offered, in it its most preferred transforms. */
export function selectProposal<One extends Acceptable>(
  acceptables: readonly One[],
  offered: readonly OfferedProposal[],
): SelectedProposal<One> | undefined {
  for (const acceptable of acceptables) {
    for (const { number, protocolId, spi, transforms } of offered) {
      const selected = selectTransforms(acceptable, { protocolId, spi, transforms });
      if (selected !== undefined) return { number, protocolId, spi, transforms: selected, acceptable };
    }
  }
  return undefined;
}

/** The initiator's check of an answer: one proposal that was offered under its number, one transform of each type. */
export function checkSelected<One extends Acceptable>(
  acceptables: readonly One[],
  answered: readonly OfferedProposal[],
): SelectedProposal<One> | undefined {
  const [proposal, ...others] = answered;
  if (proposal === undefined || others.length > 0) return undefined;
  const acceptable = acceptables[proposal.number - 1];
  if (acceptable === undefined) return undefined;
  const transforms = selectTransforms(acceptable, proposal);
  if (transforms?.length !== proposal.transforms.length) return undefined;
  const { number, protocolId, spi } = proposal;
  return { number, protocolId, spi, transforms, acceptable };
}

function selectTransforms(
  acceptable: Acceptable,
  proposal: Omit<OfferedProposal, 'number'>,
): TransformValue[] | undefined {
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

/** The algorithms of an IKE SA that `selected` stands for. */
export function ikeAlgorithmsOf(selected: SelectedProposal): IkeAlgorithms {
  const cipher = selected.transforms.find(({ type }) => type === encryption);
  const additional = selectedId(selected, additionalKeyExchange1);
  return {
    additionalKeyExchange: Object.values(keyEncapsulations).find((one) => one.id === additional),
    cipher: found(
      Object.values(ikeCiphers),
      (one) => one.id === cipher?.id && one.keyBits === cipher.keyBits,
    ),
    prf: found(Object.values(prfs), (one) => one.id === selectedId(selected, pseudorandomFunction)),
    integrity: Object.values(integrities).find((one) => one.id === selectedId(selected, integrity)),
    keyExchange: found(
      Object.values(keyExchangeMethods),
      (one) => one.id === selectedId(selected, keyExchangeMethod),
    ),
  };
}

/** What a CHILD SA has settled on. */
export interface ChildAlgorithms {
  readonly esp: Proposal;
  readonly esn: boolean;
  /** Of CREATE_CHILD_SA; undefined where keys come from the IKE SA's exchange alone. */
  readonly keyExchange: KeyExchangeMethod | undefined;
}

/** The algorithms of a CHILD SA that `selected` stands for. */
export function childAlgorithmsOf(selected: SelectedProposal<AcceptableEsp>): ChildAlgorithms {
  const keyExchange = selectedId(selected, keyExchangeMethod);
  return {
    esp: selected.acceptable.esp,
    esn: selectedId(selected, extendedSequenceNumbers) === extendedSequenceNumbersIds.yes,
    keyExchange: Object.values(keyExchangeMethods).find((one) => one.id === keyExchange),
  };
}

/** A selected transform is one of ours, so it is found. */
function found<One>(all: readonly One[], matches: (one: One) => boolean): One {
  const one = all.find(matches);
  if (one === undefined) throw new Error('a transform was selected that is not known');
  return one;
}

/** Transform ID of a type in a selected proposal. */
function selectedId(selected: SelectedProposal, type: number): number | undefined {
  return selected.transforms.find((transform) => transform.type === type)?.id;
}

/** The key exchange method with this number, if one of `acceptables` has it. */
export function offeredMethod(acceptables: readonly Acceptable[], id: number): KeyExchangeMethod | undefined {
  const transforms = acceptables.flatMap(({ required }) => required.flat());
  const isOffered = transforms.some((one) => one.type === keyExchangeMethod && one.id === id);
  return isOffered ? Object.values(keyExchangeMethods).find((one) => one.id === id) : undefined;
}

/** The keywords of proposals in one line, for messages. */
export function keywordsOf(proposals: readonly { readonly keyword: string }[]): string {
  return proposals.map(({ keyword }) => keyword).join(', ');
}
