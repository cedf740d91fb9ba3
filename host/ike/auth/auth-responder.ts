/**
 * IKE_AUTH from the responder's side: who the initiator is, whether it has proven it, which CHILD SA it gets, and the
 * payloads of the answer. RFC 7296 sections 1.2, 2.9, 2.15 and 2.21.2.
 */
import type { CertificateTrust, CertificateValidity } from '../../model/certificate-trust.ts';
import type { ChildProposal } from '../../model/child-proposal.ts';
import type { Credentials } from '../../model/credentials.ts';
import type { IkeProposal } from '../../model/ike-proposal.ts';
import { fail, ok, type Result } from '../../model/result.ts';
import type { Secret } from '../../model/secret.ts';
import {
  type ChildPayloads,
  createChildSa,
  encodeEspSpi,
  espSpiOf,
  parseChildPayloads,
} from '../child-sa.ts';
import type { ChildSa, RefusalReason } from '../events.ts';
import type { IkeSa } from '../ike-sa.ts';
import { mobikeSupported, supportsMobike } from '../path/mobike.ts';
import { acceptableEsp, childAlgorithmsOf, keywordsOf, selectProposal } from '../proposal-selection.ts';
import type { RetransmissionTimes } from '../retransmission.ts';
import { refuseUnknownCritical } from '../wire/critical-payload.ts';
import { notifyTypes, payloadTypes } from '../wire/iana-numbers.ts';
import {
  equalIdentities,
  formatIdentity,
  type Identity,
  identityTypeName,
  parseIdentification,
} from '../wire/identification.ts';
import { encodeNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import { encodeSecurityAssociation } from '../wire/security-association.ts';
import type { Parsed } from '../wire/syntax.ts';
import {
  encodeTrafficSelectors,
  narrowTrafficSelectors,
  type TrafficSelector,
} from '../wire/traffic-selector.ts';
import {
  type Claim,
  checkCertificate,
  checkSharedKey,
  type ProofRefusal,
  parseClaim,
  proofOf,
  showsCertificate,
  type Transcript,
  tellAccepted,
} from './auth-exchange.ts';
import { ppkOfferIn, ppkUsedNotify, withPpk } from './ppk.ts';

export interface ResponderConfig {
  readonly identity: Identity;
  /** How an initiator and we prove ourselves; undefined refuses it, at the same cost and with the same answer as a wrong proof. */
  readonly credentialsFor: (identity: Identity) => Credentials | undefined;
  /** Who judges certificates, of strangers too; undefined while no initiator has one to show. */
  readonly certificateTrust?: (() => CertificateTrust | undefined) | undefined;
  /** Accepted for the IKE SA, the preferred first, whatever an initiator prefers. */
  readonly ikeProposals: readonly IkeProposal[];
  /** Accepted for the CHILD SA. */
  readonly espProposals: readonly ChildProposal[];
  /** Some initiator has a PPK (RFC 8784): say that they are spoken here. */
  readonly hasPpks?: (() => boolean) | undefined;
  /** Inner addresses of this end and of an authenticated initiator; the offered ones are narrowed to them. */
  readonly trafficSelectorsFor: (identity: Identity) => {
    readonly local: readonly TrafficSelector[];
    readonly remote: readonly TrafficSelector[];
  };
  /** An unused SPI to receive ESP on, 256..2^32-1, taken until `child-removed` or `closed`; undefined when there is no room. */
  readonly allocateSpi: () => number | undefined;
  /** Makes the peers encapsulate ESP in UDP even without a NAT. */
  readonly forceUdpEncapsulation: boolean;
  /** Octets of the longest IP packet with an IKE message, if the peer puts fragments together (RFC 7383). */
  readonly longestDatagramOctets: number;
  /** In place of 2^32 - 1 for the first IKE SA: less lets a test see the end of its message IDs. */
  readonly lastMessageId?: number;
  readonly retransmission: RetransmissionTimes;
  /** From IKE_SA_INIT to IKE_AUTH, and the life of an SA that did not get further. */
  readonly halfOpenTimeoutMs: number;
  /** Fresh random octets, owned by the machine; called for SPIs, nonces, private keys, IVs and cookie secrets. */
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
      /** Of the certificate that it has shown; undefined for a pre-shared key. */
      readonly peerCertificate: CertificateValidity | undefined;
      /** The initiator asserts that this is its only IKE SA (RFC 7296 section 2.4). */
      readonly hasInitialContact: boolean;
      /** It may move (RFC 4555). */
      readonly isMobile: boolean;
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
  const critical = refuseUnknownCritical(payloads);
  if (critical !== undefined) {
    const { reason, message, notify } = critical;
    return { kind: 'refused', reason, message, answer: [notify] };
  }
  const claim = parseClaim('initiator', payloads);
  if (!claim.ok || claim.value === undefined) {
    const message = claim.ok ? 'expected IDi in IKE_AUTH, found none' : claim.message;
    return refused('invalid-syntax', message, notifyTypes.invalidSyntax);
  }
  const verified = verify(config, ikeSa, transcript, unknownKey, claim.value, payloads);
  if (!verified.ok) return refused(verified.code, verified.message, notifyTypes.authenticationFailed);
  const offer = parseChildPayloads(payloads);
  if (!offer.ok || offer.value === undefined) {
    const message = offer.ok ? 'expected SA, TSi and TSr in IKE_AUTH, found none' : offer.message;
    return refused('invalid-syntax', message, notifyTypes.invalidSyntax);
  }
  const { identity } = claim.value;
  const { own, peer } = verified.value.credentials;
  const proof = proofOf('responder', ikeSa, transcript, own, config.identity);
  if (!proof.ok) return refused(proof.code, proof.message, notifyTypes.authenticationFailed);
  if (peer.kind === 'certificate') tellAccepted(claim.value, peer.trust);
  const child = selectChildSa(config, ikeSa, transcript, identity, offer.value);
  const isMobile = supportsMobike(payloads);
  return {
    kind: 'authenticated',
    peerIdentity: identity,
    peerCertificate: verified.value.certificate,
    hasInitialContact: payloads.notify(notifyTypes.initialContact) !== undefined,
    isMobile,
    child: child.ok ? ok(child.value.childSa) : child,
    answer: [
      proof.value.identification,
      ...proof.value.certificates,
      proof.value.authentication,
      ...(verified.value.isPpkUsed ? [ppkUsedNotify()] : []),
      ...(child.ok ? child.value.answer : [encodeNotify(childErrors[child.code])]),
      ...(isMobile ? [mobikeSupported()] : []),
    ],
  };
}

function refused(reason: RefusalReason, message: string, notifyType: number): AuthVerdict {
  return { kind: 'refused', reason, message, answer: [encodeNotify(notifyType)] };
}

interface Verified {
  readonly credentials: Credentials;
  readonly isPpkUsed: boolean;
  readonly certificate: CertificateValidity | undefined;
}

/**
 * How we and the initiator prove ourselves, once it has. What that costs depends on what it showed and not on whether we
 * know it.
 */
function verify(
  config: ResponderConfig,
  ikeSa: IkeSa,
  transcript: Transcript,
  unknownKey: Secret,
  claim: Claim,
  payloads: PayloadSet,
): Result<Verified, ProofRefusal> {
  const deny = (message: string) => fail('authentication-failed', message);
  const credentials = config.credentialsFor(claim.identity);
  const peer = credentials?.peer;
  const trust = !showsCertificate(claim)
    ? undefined
    : peer?.kind === 'certificate'
      ? peer.trust
      : config.certificateTrust?.();
  const preSharedKey = peer?.kind === 'pre-shared-key' ? peer.preSharedKey : unknownKey;
  const ppk = credentials?.ppk;
  const offer = ppkOfferIn(payloads);
  const isUsed = ppk !== undefined && transcript.speaksPpk === true && offer.id === ppk.id;
  if (isUsed) ikeSa.adoptPpk(withPpk(ikeSa, ppk).keys);
  // RFC 8784 section 3: a PPK that is not known here leaves the AUTH that was made without it, if there is one.
  const shown = isUsed || !offer.hasIdentity ? claim : claimWithout(claim, offer.authenticationWithout);
  const proven =
    trust === undefined
      ? checkSharedKey('initiator', shown, ikeSa, transcript, preSharedKey)
      : checkCertificate('initiator', shown, ikeSa, transcript, trust);
  const name = formatIdentity(claim.identity);
  if (credentials === undefined) {
    const isOfOurType = claim.identity.type === config.identity.type;
    const known = isOfOurType
      ? 'a known identity'
      : `an identity by name (${identityTypeName(config.identity)})`;
    return deny(`expected ${known}, found ${name}`);
  }
  if ((credentials.peer.kind === 'certificate') !== (trust !== undefined)) {
    const wanted = credentials.peer.kind === 'certificate' ? 'show a certificate' : 'prove a pre-shared key';
    return deny(`expected ${name} to ${wanted}, found another method`);
  }
  if (!proven.ok) return proven;
  if (credentials.ppk?.isRequired === true && !isUsed) {
    return deny(`expected ${name} to use its PPK, found that it did not`);
  }
  const verified: Verified = { credentials, isPpkUsed: isUsed, certificate: proven.value };
  const wanted = payloads.body(payloadTypes.identificationResponder);
  if (wanted === undefined) return ok(verified);
  const parsed = parseIdentification(wanted);
  if (parsed.ok && equalIdentities(parsed.value, config.identity)) return ok(verified);
  return deny(`expected ${name} to ask for ${formatIdentity(config.identity)}, found another identity`);
}

/** `claim` with the AUTH that the initiator made without its PPK. */
function claimWithout(claim: Claim, data: Uint8Array | undefined): Claim {
  const { authentication } = claim;
  if (authentication === undefined || data === undefined) return { ...claim, authentication: undefined };
  return { ...claim, authentication: { ...authentication, data } };
}

/** The CHILD SA that the initiator gets out of its offer, and the payloads that say so. */
function selectChildSa(
  config: ResponderConfig,
  ikeSa: IkeSa,
  transcript: Transcript,
  identity: Identity,
  offer: ChildPayloads,
): Result<{ readonly childSa: ChildSa; readonly answer: readonly PayloadValue[] }, ChildRefusal> {
  const proposal = selectProposal(acceptableEsp(config.espProposals, 'ike-auth'), offer.proposals);
  const outboundSpi = proposal && espSpiOf(proposal);
  if (proposal === undefined || outboundSpi === undefined) {
    return fail(
      'no-proposal-chosen',
      `expected a proposal for ESP of ${keywordsOf(config.espProposals)}; found none`,
    );
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
    algorithms: childAlgorithmsOf(proposal),
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
