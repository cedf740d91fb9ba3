/**
 * IKE_AUTH from the responder's side: who the initiator is, whether it has proven it, which CHILD SA it gets, and the
 * payloads of the answer. RFC 7296 sections 1.2, 2.9, 2.15 and 2.21.2.
 */
import { fail, ok, type Result } from '../model/result.ts';
import type { Secret } from '../model/secret.ts';
import { type Claim, isProven, parseClaim, proofOf, type Transcript } from './auth-exchange.ts';
import { type ChildPayloads, createChildSa, encodeEspSpi, espSpiOf, parseChildPayloads } from './child-sa.ts';
import type { ChildSa, RefusalReason } from './events.ts';
import type { IkeSa } from './ike-sa.ts';
import { acceptableEsp, selectProposal } from './proposal-selection.ts';
import type { RetransmissionTimes } from './retransmission.ts';
import { notifyTypes, payloadTypes } from './wire/iana-numbers.ts';
import {
  equalIdentities,
  formatIdentity,
  type Identity,
  parseIdentification,
} from './wire/identification.ts';
import { encodeNotify } from './wire/notify.ts';
import type { PayloadValue } from './wire/payload-chain.ts';
import type { PayloadSet } from './wire/payload-set.ts';
import { encodeSecurityAssociation } from './wire/security-association.ts';
import type { Parsed } from './wire/syntax.ts';
import {
  encodeTrafficSelectors,
  narrowTrafficSelectors,
  type TrafficSelector,
} from './wire/traffic-selector.ts';

export interface ResponderConfig {
  readonly identity: Identity;
  /** The key of an initiator; undefined refuses it, at the same cost and with the same answer as a wrong key. */
  readonly credentialFor: (identity: Identity) => { readonly preSharedKey: Secret } | undefined;
  /** Inner addresses of this end and of an authenticated initiator; the offered ones are narrowed to them. */
  readonly trafficSelectorsFor: (identity: Identity) => {
    readonly local: readonly TrafficSelector[];
    readonly remote: readonly TrafficSelector[];
  };
  /** An unused SPI to receive ESP on, 256..2^32-1, taken until `closed`; undefined when there is no room. */
  readonly allocateSpi: () => number | undefined;
  /** Makes the peers encapsulate ESP in UDP even without a NAT. */
  readonly forceUdpEncapsulation: boolean;
  /** Octets of the longest IP packet with an IKE message, if the peer puts fragments together (RFC 7383). */
  readonly longestDatagramOctets: number;
  readonly retransmission: RetransmissionTimes;
  /** From IKE_SA_INIT to IKE_AUTH, and the life of an SA that did not get further. */
  readonly halfOpenTimeoutMs: number;
  /** Fresh random octets, owned by the machine; called for SPIs, nonces, private keys and cookie secrets. */
  readonly random: (octets: number) => Uint8Array;
}

/** What is made of a request of IKE_AUTH, with the payloads to answer. */
export type AuthVerdict =
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly message: string;
      readonly answer: readonly PayloadValue[];
    }
  | {
      readonly kind: 'authenticated';
      readonly peerIdentity: Identity;
      /** The initiator asserts that this is its only IKE SA (RFC 7296 section 2.4). */
      readonly hasInitialContact: boolean;
      /** RFC 7296 section 1.2: the IKE SA stands even when its CHILD SA is refused. */
      readonly child: Result<ChildSa, ChildRefusal>;
      readonly answer: readonly PayloadValue[];
    };

type ChildRefusal = keyof typeof childErrors;

const childErrors = {
  'no-proposal-chosen': notifyTypes.noProposalChosen,
  'ts-unacceptable': notifyTypes.tsUnacceptable,
  'no-additional-sas': notifyTypes.noAdditionalSas,
} as const;

/**
 * Judges an authentic request.
 *
 * @param unknownKey stands in for the key of an unknown identity, so that it costs as much as a known one
 */
export function judgeAuthRequest(
  config: ResponderConfig,
  ikeSa: IkeSa,
  transcript: Transcript,
  unknownKey: Secret,
  parsed: Parsed<PayloadSet>,
): AuthVerdict {
  if (!parsed.ok) return refused('invalid-syntax', parsed.message, notifyTypes.invalidSyntax);
  const payloads = parsed.value;
  const { unsupportedCritical } = payloads;
  if (unsupportedCritical !== undefined) {
    const message = `expected no critical payload of a type unknown here, found ${unsupportedCritical}`;
    const data = Uint8Array.of(unsupportedCritical);
    return refused('unsupported-critical-payload', message, notifyTypes.unsupportedCriticalPayload, data);
  }
  const claim = parseClaim('initiator', payloads);
  if (!claim.ok || claim.value === undefined) {
    const message = claim.ok ? 'expected IDi in IKE_AUTH, found none' : claim.message;
    return refused('invalid-syntax', message, notifyTypes.invalidSyntax);
  }
  const key = verify(config, ikeSa, transcript, unknownKey, claim.value, payloads);
  if (!key.ok) return refused(key.code, key.message, notifyTypes.authenticationFailed);
  const offer = parseChildPayloads(payloads);
  if (!offer.ok || offer.value === undefined) {
    const message = offer.ok ? 'expected SA, TSi and TSr in IKE_AUTH, found none' : offer.message;
    return refused('invalid-syntax', message, notifyTypes.invalidSyntax);
  }
  const { identity } = claim.value;
  const child = selectChildSa(config, ikeSa, transcript, identity, offer.value);
  const proof = proofOf('responder', ikeSa, transcript, key.value, config.identity);
  return {
    kind: 'authenticated',
    peerIdentity: identity,
    hasInitialContact: payloads.notify(notifyTypes.initialContact) !== undefined,
    child: child.ok ? ok(child.value.childSa) : child,
    answer: [
      proof.identification,
      proof.authentication,
      ...(child.ok ? child.value.answer : [encodeNotify(childErrors[child.code])]),
    ],
  };
}

function refused(reason: RefusalReason, message: string, notifyType: number, data?: Uint8Array): AuthVerdict {
  return { kind: 'refused', reason, message, answer: [encodeNotify(notifyType, data)] };
}

/** The key that the initiator has proven; our own AUTH is made with it. */
function verify(
  config: ResponderConfig,
  ikeSa: IkeSa,
  transcript: Transcript,
  unknownKey: Secret,
  claim: Claim,
  payloads: PayloadSet,
): Result<Secret, 'authentication-failed'> {
  const deny = (message: string) => fail('authentication-failed', message);
  const credential = config.credentialFor(claim.identity);
  const preSharedKey = credential?.preSharedKey ?? unknownKey;
  const proven = isProven('initiator', claim, ikeSa, transcript, preSharedKey);
  const name = formatIdentity(claim.identity);
  if (credential === undefined) return deny(`expected a known identity, found ${name}`);
  if (claim.authentication === undefined) {
    return deny(`expected ${name} to prove a pre-shared key, found another method`);
  }
  if (!proven) return deny(`${name} did not prove its pre-shared key; compare it at both ends`);
  const wanted = payloads.body(payloadTypes.identificationResponder);
  if (wanted === undefined) return ok(preSharedKey);
  const parsed = parseIdentification(wanted);
  if (parsed.ok && equalIdentities(parsed.value, config.identity)) return ok(preSharedKey);
  return deny(`expected ${name} to ask for ${formatIdentity(config.identity)}, found another identity`);
}

/** The CHILD SA that the initiator gets out of its offer, and the payloads that say so. */
function selectChildSa(
  config: ResponderConfig,
  ikeSa: IkeSa,
  transcript: Transcript,
  identity: Identity,
  offer: ChildPayloads,
): Result<{ readonly childSa: ChildSa; readonly answer: readonly PayloadValue[] }, ChildRefusal> {
  const proposal = selectProposal(acceptableEsp, offer.proposals);
  const outboundSpi = proposal && espSpiOf(proposal);
  if (proposal === undefined || outboundSpi === undefined) {
    return fail('no-proposal-chosen', 'expected a proposal of ESP aes256gcm16, found none');
  }
  const own = config.trafficSelectorsFor(identity);
  const initiatorSelectors = narrowTrafficSelectors(offer.initiatorSelectors, own.remote);
  const responderSelectors = narrowTrafficSelectors(offer.responderSelectors, own.local);
  if (initiatorSelectors.length === 0 || responderSelectors.length === 0) {
    return fail(
      'ts-unacceptable',
      `expected the inner addresses of ${formatIdentity(identity)}, found others`,
    );
  }
  const inboundSpi = config.allocateSpi();
  if (inboundSpi === undefined) {
    return fail('no-additional-sas', 'expected room for one more SA, found none');
  }
  const childSa = createChildSa({
    role: 'responder',
    prf: ikeSa.algorithms.prf,
    derivation: ikeSa.keys.derivation,
    initiatorNonce: transcript.initiatorNonce,
    responderNonce: transcript.responderNonce,
    proposal,
    inboundSpi,
    outboundSpi,
    localTrafficSelectors: responderSelectors,
    remoteTrafficSelectors: initiatorSelectors,
  });
  const answer = [
    encodeSecurityAssociation([{ ...proposal, spi: encodeEspSpi(inboundSpi) }]),
    { type: payloadTypes.trafficSelectorInitiator, body: encodeTrafficSelectors(initiatorSelectors) },
    { type: payloadTypes.trafficSelectorResponder, body: encodeTrafficSelectors(responderSelectors) },
  ];
  return ok({ childSa, answer });
}
