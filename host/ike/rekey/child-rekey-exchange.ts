/**
 * The exchange CREATE_CHILD_SA that rekeys a CHILD SA, for both roles: what is offered, what is chosen, what the answer
 * amounts to, and the keys. Keeps nothing and decides nothing about collisions. RFC 7296 sections 1.3.3, 2.8, 2.9.2 and 2.17.
 */
import type { ChildProposal } from '../../model/child-proposal.ts';
import { fail, ok, type Result } from '../../model/result.ts';
import type { Secret } from '../../model/secret.ts';
import { createChildSa, encodeEspSpi, espSpiOf } from '../child-sa.ts';
import type { ChildSaRecord } from '../child-sas.ts';
import type { Nonces } from '../crypto/key-derivation.ts';
import { type KeyExchangeMethod, type KeyPair, keyExchangeMethods } from '../crypto/key-exchange.ts';
import type { ChildSa, FailureReason } from '../events.ts';
import { failureIn } from '../failure.ts';
import type { IkeSa } from '../ike-sa.ts';
import {
  acceptableEsp,
  checkSelected,
  childAlgorithmsOf,
  keywordsOf,
  proposalsOf,
  selectProposal,
} from '../proposal-selection.ts';
import { nonceOctets } from '../sa-init/sa-init.ts';
import { notifyTypes, payloadTypes } from '../wire/iana-numbers.ts';
import { encodeKeyExchange, encodeNonce, type KeyExchange } from '../wire/key-exchange.ts';
import { encodeEspNotify, encodeInvalidKe, encodeNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import { encodeSecurityAssociation } from '../wire/security-association.ts';
import {
  encodeTrafficSelectors,
  narrowTrafficSelectors,
  type TrafficSelector,
  trafficSelectorContains,
} from '../wire/traffic-selector.ts';
import { type ChildSaOffer, parseChildSaOffer } from './create-child-sa.ts';
import { demandedMethod } from './demanded-method.ts';

export interface ChildRekeyConfig {
  readonly espProposals: readonly ChildProposal[];
  /** An unused SPI to receive ESP on, taken until `child-removed` or `closed`; undefined when there is no room. */
  readonly allocateSpi: () => number | undefined;
  readonly random: (octets: number) => Uint8Array;
}

/** What this end has offered, until the answer comes. */
export interface ChildRekeyOffer {
  readonly replaced: ChildSaRecord;
  readonly inboundSpi: number;
  readonly nonce: Uint8Array;
  /** Undefined where no proposal has a key exchange: then the keys come from the IKE SA's alone. */
  readonly keyExchange: { readonly method: KeyExchangeMethod; readonly keyPair: KeyPair } | undefined;
}

/** A CHILD SA with its fresh keys, which the caller owns, and the nonces that decide a collision. */
export interface RekeyedChild {
  readonly childSa: ChildSa;
  readonly nonces: Nonces;
}

/** @param demanded the key exchange that the peer has asked for; otherwise the preferred one, if there is any */
export function offerChildRekey(
  { espProposals, random }: ChildRekeyConfig,
  replaced: ChildSaRecord,
  inboundSpi: number,
  demanded: KeyExchangeMethod | undefined,
): ChildRekeyOffer {
  const [preferred] = espProposals.flatMap(({ keyExchanges }) => keyExchanges);
  const method = demanded ?? (preferred && keyExchangeMethods[preferred]);
  const keyExchange = method && { method, keyPair: method.generate(random) };
  return { replaced, inboundSpi, nonce: random(nonceOctets), keyExchange };
}

/** Payloads of the request (RFC 7296 appendix C.3). The selectors are those in use (section 2.9.2). */
export function childRekeyRequest(config: ChildRekeyConfig, offer: ChildRekeyOffer): PayloadValue[] {
  const { replaced, inboundSpi, nonce, keyExchange } = offer;
  const acceptables = acceptableEsp(config.espProposals, 'create-child-sa');
  return [
    encodeEspNotify(notifyTypes.rekeySa, replaced.inboundSpi),
    encodeSecurityAssociation(proposalsOf(acceptables, encodeEspSpi(inboundSpi))),
    encodeNonce(nonce),
    ...(keyExchange === undefined
      ? []
      : [encodeKeyExchange({ method: keyExchange.method.id, data: keyExchange.keyPair.publicValue })]),
    ...selectorPayloads(replaced.localTrafficSelectors, replaced.remoteTrafficSelectors),
  ];
}

/** The key exchange that the peer wants instead of the one in `offer`, and can have. */
export function demandedChildMethod(
  config: ChildRekeyConfig,
  offer: ChildRekeyOffer,
  payloads: PayloadSet,
): KeyExchangeMethod | undefined {
  const acceptables = acceptableEsp(config.espProposals, 'create-child-sa');
  return demandedMethod(acceptables, offer.keyExchange?.method, payloads);
}

/** What the answer to `offer` amounts to, under the keys of the IKE SA that carried it. */
export function acceptChildRekey(
  config: ChildRekeyConfig,
  ikeSa: IkeSa,
  offer: ChildRekeyOffer,
  payloads: PayloadSet,
): Result<RekeyedChild, FailureReason> {
  const failure = failureIn(payloads);
  if (failure !== undefined) return fail(failure.reason, failure.message);
  const answer = parseChildSaOffer(payloads);
  if (!answer.ok) return fail('invalid-syntax', answer.message);
  const { proposals, initiatorSelectors, responderSelectors, nonce } = answer.value;
  const proposal = checkSelected(acceptableEsp(config.espProposals, 'create-child-sa'), proposals);
  const outboundSpi = proposal && espSpiOf(proposal);
  if (proposal === undefined || outboundSpi === undefined) {
    return fail('no-proposal-chosen', 'expected one of the ESP transforms offered, found others');
  }
  if (payloads.notify(notifyTypes.useTransportMode) !== undefined) {
    return fail('no-proposal-chosen', 'expected tunnel mode as asked for, found transport mode');
  }
  const { localTrafficSelectors, remoteTrafficSelectors } = offer.replaced;
  if (
    !isSame(initiatorSelectors, localTrafficSelectors) ||
    !isSame(responderSelectors, remoteTrafficSelectors)
  ) {
    return fail('ts-unacceptable', 'expected the traffic selectors of the CHILD SA replaced, found others');
  }
  const algorithms = childAlgorithmsOf(proposal);
  const sharedSecret = agree(offer, algorithms.keyExchange, answer.value.keyExchange);
  if (!sharedSecret.ok) return fail('invalid-syntax', sharedSecret.message);
  const nonces = { initiatorNonce: offer.nonce, responderNonce: nonce.slice() };
  const childSa = createChildSa({
    role: 'initiator',
    ...nonces,
    prf: ikeSa.algorithms.prf,
    derivation: ikeSa.keys.derivation,
    sharedSecret: sharedSecret.value,
    algorithms,
    inboundSpi: offer.inboundSpi,
    outboundSpi,
    localTrafficSelectors,
    remoteTrafficSelectors,
  });
  sharedSecret.value?.wipe();
  return ok({ childSa, nonces });
}

/** The shared secret of the key exchange that was chosen; undefined where none was. */
function agree(
  offer: ChildRekeyOffer,
  chosen: KeyExchangeMethod | undefined,
  answered: KeyExchange | undefined,
): Result<Secret | undefined, 'KEY_EXCHANGE'> {
  if (chosen === undefined) return ok(undefined);
  const { keyExchange } = offer;
  if (chosen !== keyExchange?.method || answered?.method !== chosen.id) {
    return fail('KEY_EXCHANGE', `expected ${keyExchange?.method.name} in SA and KE, found another`);
  }
  return keyExchange.keyPair.agree(answered.data);
}

/** A refusal with the notification that says so; none for what is fatal to the IKE SA. */
export type ChildRekeyRefusal =
  | 'no-proposal-chosen'
  | 'invalid-ke-payload'
  | 'ts-unacceptable'
  | 'no-additional-sas'
  | 'invalid-syntax';

export type ChildRekeyAnswer =
  | (RekeyedChild & { readonly kind: 'accepted'; readonly answer: readonly PayloadValue[] })
  | {
      readonly kind: 'refused';
      readonly reason: ChildRekeyRefusal;
      readonly message: string;
      readonly notify: PayloadValue;
    };

/** The responder's choice for the rekeying of `replaced`, and the payloads that say so. */
export function answerChildRekey(
  config: ChildRekeyConfig,
  ikeSa: IkeSa,
  replaced: ChildSaRecord,
  offer: ChildSaOffer,
): ChildRekeyAnswer {
  const { espProposals, random } = config;
  const proposal = selectProposal(acceptableEsp(espProposals, 'create-child-sa'), offer.proposals);
  const outboundSpi = proposal && espSpiOf(proposal);
  if (proposal === undefined || outboundSpi === undefined) {
    const message = `expected a proposal for ESP of ${keywordsOf(espProposals)}; found none`;
    return refused('no-proposal-chosen', message, encodeNotify(notifyTypes.noProposalChosen));
  }
  const { localTrafficSelectors, remoteTrafficSelectors } = replaced;
  const initiatorSelectors = narrowTrafficSelectors(offer.initiatorSelectors, remoteTrafficSelectors);
  const responderSelectors = narrowTrafficSelectors(offer.responderSelectors, localTrafficSelectors);
  if (
    !isSame(initiatorSelectors, remoteTrafficSelectors) ||
    !isSame(responderSelectors, localTrafficSelectors)
  ) {
    const message = 'expected the traffic selectors of the CHILD SA replaced, found others';
    return refused('ts-unacceptable', message, encodeNotify(notifyTypes.tsUnacceptable));
  }
  const algorithms = childAlgorithmsOf(proposal);
  const method = algorithms.keyExchange;
  if (method !== undefined && offer.keyExchange?.method !== method.id) {
    const message = `expected key exchange ${method.name}, found ${offer.keyExchange?.method ?? 'none'}`;
    return refused('invalid-ke-payload', message, encodeInvalidKe(method.id));
  }
  const keyPair = method?.generate(random);
  const sharedSecret = keyPair?.agree(offer.keyExchange?.data ?? new Uint8Array(0));
  if (sharedSecret?.ok === false) {
    return refused('invalid-syntax', sharedSecret.message, encodeNotify(notifyTypes.invalidSyntax));
  }
  const inboundSpi = config.allocateSpi();
  if (inboundSpi === undefined) {
    sharedSecret?.value.wipe();
    const message = 'expected room for one more SA, found none';
    return refused('no-additional-sas', message, encodeNotify(notifyTypes.noAdditionalSas));
  }
  const nonces = { initiatorNonce: offer.nonce.slice(), responderNonce: random(nonceOctets) };
  const childSa = createChildSa({
    role: 'responder',
    ...nonces,
    prf: ikeSa.algorithms.prf,
    derivation: ikeSa.keys.derivation,
    sharedSecret: sharedSecret?.value,
    algorithms,
    inboundSpi,
    outboundSpi,
    localTrafficSelectors,
    remoteTrafficSelectors,
  });
  sharedSecret?.value.wipe();
  const answer = [
    encodeSecurityAssociation([{ ...proposal, spi: encodeEspSpi(inboundSpi) }]),
    encodeNonce(nonces.responderNonce),
    ...(method === undefined || keyPair === undefined
      ? []
      : [encodeKeyExchange({ method: method.id, data: keyPair.publicValue })]),
    ...selectorPayloads(remoteTrafficSelectors, localTrafficSelectors),
  ];
  return { kind: 'accepted', childSa, nonces, answer };
}

function refused(reason: ChildRekeyRefusal, message: string, notify: PayloadValue): ChildRekeyAnswer {
  return { kind: 'refused', reason, message, notify };
}

function selectorPayloads(
  initiator: readonly TrafficSelector[],
  responder: readonly TrafficSelector[],
): PayloadValue[] {
  return [
    { type: payloadTypes.trafficSelectorInitiator, body: encodeTrafficSelectors(initiator) },
    { type: payloadTypes.trafficSelectorResponder, body: encodeTrafficSelectors(responder) },
  ];
}

/** True when both select the same packets, in whatever order and overlap. */
function isSame(a: readonly TrafficSelector[], b: readonly TrafficSelector[]): boolean {
  const covers = (outer: readonly TrafficSelector[], inner: readonly TrafficSelector[]): boolean =>
    inner.every((one) => outer.some((other) => trafficSelectorContains(other, one)));
  return covers(a, b) && covers(b, a);
}
