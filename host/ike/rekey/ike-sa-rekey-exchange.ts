/**
 * The exchange CREATE_CHILD_SA that rekeys an IKE SA, for both roles: what is offered, what is chosen, what the answer
 * amounts to, and the new IKE SA. Keeps nothing and decides nothing about collisions. RFC 7296 sections 1.3.2 and 2.18.
 */
import type { IkeProposal } from '../../model/ike-proposal.ts';
import { fail, ok, type Result } from '../../model/result.ts';
import type { Secret } from '../../model/secret.ts';
import type { IkeAlgorithms } from '../crypto/algorithms.ts';
import type { Nonces } from '../crypto/key-derivation.ts';
import { deriveRekeyedIkeKeys } from '../crypto/key-derivation.ts';
import type { KeyExchangeMethod, KeyPair } from '../crypto/key-exchange.ts';
import type { FailureReason } from '../events.ts';
import { failureIn } from '../failure.ts';
import { IkeSa } from '../ike-sa.ts';
import { encodeIkeSpi, spiOf } from '../ike-spi.ts';
import {
  acceptableIke,
  checkSelected,
  ikeAlgorithmsOf,
  keywordsOf,
  proposalsOf,
  type SelectedProposal,
  selectProposal,
} from '../proposal-selection.ts';
import type { RetransmissionTimes } from '../retransmission.ts';
import { nonceOctets, parseSaInit, type SaInit } from '../sa-init/sa-init.ts';
import { notifyTypes } from '../wire/iana-numbers.ts';
import { encodeKeyExchange, encodeNonce } from '../wire/key-exchange.ts';
import { encodeInvalidKe, encodeNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import { encodeSecurityAssociation } from '../wire/security-association.ts';
import { demandedMethod } from './demanded-method.ts';

/** RFC 7296 section 3.3.1: the proposals carry the SPI of the new IKE SA. */
const spiOctets = 8;

export interface IkeSaRekeyConfig {
  readonly ikeProposals: readonly IkeProposal[];
  readonly retransmission: RetransmissionTimes;
  /** An unused SPI for another IKE SA of this end. */
  readonly freshIkeSpi: () => bigint;
  readonly random: (octets: number) => Uint8Array;
}

/** What this end has offered, until the answer comes. */
export interface IkeSaRekeyOffer {
  readonly spi: bigint;
  readonly nonce: Uint8Array;
  readonly method: KeyExchangeMethod;
  readonly keyPair: KeyPair;
}

/** A new IKE SA, which the caller owns and wipes, and the nonces that decide a collision. */
export interface RekeyedIkeSa {
  readonly ikeSa: IkeSa;
  readonly nonces: Nonces;
}

/** @param method what the peer has asked for, or what it accepted for the IKE SA that is replaced */
export function offerIkeSaRekey(
  { random, freshIkeSpi }: IkeSaRekeyConfig,
  method: KeyExchangeMethod,
): IkeSaRekeyOffer {
  return { spi: freshIkeSpi(), nonce: random(nonceOctets), method, keyPair: method.generate(random) };
}

/** Payloads of the request (RFC 7296 appendix C.4). */
export function ikeSaRekeyRequest(config: IkeSaRekeyConfig, offer: IkeSaRekeyOffer): PayloadValue[] {
  const { spi, nonce, method, keyPair } = offer;
  const acceptables = acceptableIke(config.ikeProposals, spiOctets);
  return [
    encodeSecurityAssociation(proposalsOf(acceptables, encodeIkeSpi(spi))),
    encodeNonce(nonce),
    encodeKeyExchange({ method: method.id, data: keyPair.publicValue }),
  ];
}

/** The key exchange that the peer wants instead of the one in `offer`, and can have. */
export function demandedIkeSaMethod(
  config: IkeSaRekeyConfig,
  offer: IkeSaRekeyOffer,
  payloads: PayloadSet,
): KeyExchangeMethod | undefined {
  return demandedMethod(acceptableIke(config.ikeProposals, spiOctets), offer.method, payloads);
}

/** What the answer to `offer` amounts to; `old` is the IKE SA that carried it and is replaced. */
export function acceptIkeSaRekey(
  config: IkeSaRekeyConfig,
  old: IkeSa,
  offer: IkeSaRekeyOffer,
  payloads: PayloadSet,
): Result<RekeyedIkeSa, FailureReason> {
  const failure = failureIn(payloads);
  if (failure !== undefined) return fail(failure.reason, failure.message);
  const answer = parseSaInit(payloads);
  if (!answer.ok) return fail('invalid-syntax', answer.message);
  const proposal = checkSelected(acceptableIke(config.ikeProposals, spiOctets), answer.value.proposals);
  const responderSpi = proposal && ikeSpiOf(proposal);
  if (proposal === undefined || responderSpi === undefined) {
    return fail('no-proposal-chosen', 'expected one of the IKE transforms offered, found others');
  }
  const algorithms = ikeAlgorithmsOf(proposal);
  const { keyExchange, nonce } = answer.value;
  if (algorithms.keyExchange !== offer.method || keyExchange.method !== offer.method.id) {
    return fail('invalid-syntax', `expected key exchange ${offer.method.name} in SA and KE, found another`);
  }
  const sharedSecret = offer.keyPair.agree(keyExchange.data);
  if (!sharedSecret.ok) return fail('invalid-syntax', sharedSecret.message);
  const nonces = { initiatorNonce: offer.nonce, responderNonce: nonce.slice() };
  const spis = { initiatorSpi: offer.spi, responderSpi };
  const sources = { ...spis, ...nonces, sharedSecret: sharedSecret.value };
  return ok({ ikeSa: rekeyedIkeSa('initiator', config, old, algorithms, sources), nonces });
}

export type IkeSaRekeyRefusal = 'no-proposal-chosen' | 'invalid-ke-payload' | 'invalid-syntax';

export type IkeSaRekeyAnswer =
  | (RekeyedIkeSa & { readonly kind: 'accepted'; readonly answer: readonly PayloadValue[] })
  | {
      readonly kind: 'refused';
      readonly reason: IkeSaRekeyRefusal;
      readonly message: string;
      readonly notify: PayloadValue;
    };

/** The responder's choice for the rekeying of `old`, and the payloads that say so. */
export function answerIkeSaRekey(config: IkeSaRekeyConfig, old: IkeSa, offer: SaInit): IkeSaRekeyAnswer {
  const { ikeProposals, random } = config;
  const proposal = selectProposal(acceptableIke(ikeProposals, spiOctets), offer.proposals);
  const initiatorSpi = proposal && ikeSpiOf(proposal);
  if (proposal === undefined || initiatorSpi === undefined) {
    const message = `expected a proposal of ${keywordsOf(ikeProposals)}; found none`;
    return refused('no-proposal-chosen', message, encodeNotify(notifyTypes.noProposalChosen));
  }
  const algorithms = ikeAlgorithmsOf(proposal);
  const method = algorithms.keyExchange;
  const { keyExchange, nonce } = offer;
  if (keyExchange.method !== method.id) {
    const message = `expected key exchange ${method.name}, found ${keyExchange.method}`;
    return refused('invalid-ke-payload', message, encodeInvalidKe(method.id));
  }
  const keyPair = method.generate(random);
  const sharedSecret = keyPair.agree(keyExchange.data);
  if (!sharedSecret.ok) {
    return refused('invalid-syntax', sharedSecret.message, encodeNotify(notifyTypes.invalidSyntax));
  }
  const responderSpi = config.freshIkeSpi();
  const nonces = { initiatorNonce: nonce.slice(), responderNonce: random(nonceOctets) };
  const sources = { initiatorSpi, responderSpi, ...nonces, sharedSecret: sharedSecret.value };
  const answer = [
    encodeSecurityAssociation([{ ...proposal, spi: encodeIkeSpi(responderSpi) }]),
    encodeNonce(nonces.responderNonce),
    encodeKeyExchange({ method: method.id, data: keyPair.publicValue }),
  ];
  const ikeSa = rekeyedIkeSa('responder', config, old, algorithms, sources);
  return { kind: 'accepted', ikeSa, nonces, answer };
}

function refused(reason: IkeSaRekeyRefusal, message: string, notify: PayloadValue): IkeSaRekeyAnswer {
  return { kind: 'refused', reason, message, notify };
}

/** @wipes the shared secret of `sources` */
function rekeyedIkeSa(
  role: 'initiator' | 'responder',
  { retransmission, random }: IkeSaRekeyConfig,
  old: IkeSa,
  algorithms: IkeAlgorithms,
  sources: Nonces & {
    readonly initiatorSpi: bigint;
    readonly responderSpi: bigint;
    readonly sharedSecret: Secret;
  },
): IkeSa {
  const replaced = { prf: old.algorithms.prf, derivation: old.keys.derivation };
  const keys = deriveRekeyedIkeKeys(replaced, algorithms, sources);
  sources.sharedSecret.wipe();
  const { initiatorSpi, responderSpi } = sources;
  return new IkeSa({
    role,
    initiatorSpi,
    responderSpi,
    algorithms,
    keys,
    retransmission,
    random,
    longestMessageOctets: old.longestMessageOctets,
    isRekeyed: true,
  });
}

/** The peer's SPI of a selected proposal; zero is none (RFC 7296 section 3.1). */
function ikeSpiOf({ spi }: SelectedProposal): bigint | undefined {
  const value = spiOf(spi);
  return value === 0n ? undefined : value;
}
