/**
 * IKE_AUTH from the initiator's side: the payloads that it sends, and what it makes of the answer: who the responder
 * is, and whether the CHILD SA stays within what was offered. RFC 7296 sections 1.2, 2.9, 2.15 and appendix C.2.
 */
import type { Endpoint } from '../../model/address.ts';
import type { CertificateValidity } from '../../model/certificate-trust.ts';
import type { ChildProposal } from '../../model/child-proposal.ts';
import type { Credentials } from '../../model/credentials.ts';
import type { IkeProposal } from '../../model/ike-proposal.ts';
import { fail, ok, type Result } from '../../model/result.ts';
import { createChildSa, encodeEspSpi, espSpiOf, parseChildPayloads } from '../child-sa.ts';
import type { ChildSa, FailureReason } from '../events.ts';
import { failureIn } from '../failure.ts';
import type { IkeSa } from '../ike-sa.ts';
import { mobikeSupported, supportsMobike } from '../path/mobike.ts';
import { acceptableEsp, checkSelected, childAlgorithmsOf, proposalsOf } from '../proposal-selection.ts';
import type { RetransmissionTimes } from '../retransmission.ts';
import { encodeCertificateRequest } from '../wire/certificate.ts';
import { refuseUnknownCritical } from '../wire/critical-payload.ts';
import { notifyTypes, payloadTypes } from '../wire/iana-numbers.ts';
import {
  encodeIdentification,
  equalIdentities,
  formatIdentity,
  type Identity,
  identityTypeName,
} from '../wire/identification.ts';
import { encodeNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import { encodeSecurityAssociation } from '../wire/security-association.ts';
import {
  encodeTrafficSelectors,
  type TrafficSelector,
  trafficSelectorContains,
} from '../wire/traffic-selector.ts';
import {
  authenticationDataOf,
  checkCertificate,
  checkSharedKey,
  type ProofRefusal,
  parseClaim,
  proofOf,
  type Transcript,
} from './auth-exchange.ts';
import { isPpkUsed, noPpkAuthNotify, ppkIdentityNotify, wipePpkKeys, withPpk } from './ppk.ts';

export interface InitiatorConfig {
  readonly identity: Identity;
  /** Whom we want to talk to; another identity is refused even if it proves the key. */
  readonly peerIdentity: Identity;
  /** Its own in `own`, the responder's in `peer`. */
  readonly credentials: Credentials;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  /** Offered for the IKE SA, the preferred first; at least one. */
  readonly ikeProposals: readonly IkeProposal[];
  /** Offered for the CHILD SA. */
  readonly espProposals: readonly ChildProposal[];
  /** Inner addresses of this end and of the other, 1 to 255 each. */
  readonly localTrafficSelectors: readonly TrafficSelector[];
  readonly remoteTrafficSelectors: readonly TrafficSelector[];
  /** Asks the peer to drop older IKE SAs with this identity. */
  readonly initialContact: boolean;
  /** Makes the peer encapsulate ESP in UDP even without a NAT. */
  readonly forceUdpEncapsulation: boolean;
  /** Octets of the longest IP packet with an IKE message, if the peer puts fragments together (RFC 7383). */
  readonly longestDatagramOctets: number;
  /** In place of 2^32 - 1 for the first IKE SA: less lets a test see the end of its message IDs. */
  readonly lastMessageId?: number;
  /** An unused SPI to receive ESP on after a rekeying, taken until `child-removed` or `closed`. */
  readonly allocateSpi: () => number | undefined;
  readonly retransmission: RetransmissionTimes;
  /** Fresh random octets, owned by the machine; called for SPI, nonce, private key and IVs. */
  readonly random: (octets: number) => Uint8Array;
}

/**
 * Payloads of the request, in the order of RFC 7296 appendix C.2; tunnel mode, since nothing else is said. Fails when our
 * certificate's key can make no signature that the peer announced.
 */
export function authRequest(
  config: InitiatorConfig,
  ikeSa: IkeSa,
  transcript: Transcript,
  inboundSpi: number,
): Result<PayloadValue[], ProofRefusal> {
  const { own, peer, ppk } = config.credentials;
  if (ppk?.isRequired === true && transcript.speaksPpk !== true) {
    return fail('authentication-failed', `expected the peer to know PPKs, found that it does not say so`);
  }
  const mixed = ppk !== undefined && transcript.speaksPpk === true ? withPpk(ikeSa, ppk) : undefined;
  const proof = proofOf('initiator', mixed ?? ikeSa, transcript, own, config.identity);
  if (mixed !== undefined) wipePpkKeys(mixed);
  if (!proof.ok) return proof;
  const ppkNotifies: PayloadValue[] = [];
  if (ppk !== undefined && mixed !== undefined) {
    ppkNotifies.push(ppkIdentityNotify(ppk));
    if (!ppk.isRequired) {
      // For a peer that has no PPK of this name: the proof that there would be without one.
      const plain = proofOf('initiator', ikeSa, transcript, own, config.identity);
      if (!plain.ok) return plain;
      ppkNotifies.push(noPpkAuthNotify(authenticationDataOf(plain.value)));
    }
  }
  return ok([
    proof.value.identification,
    ...proof.value.certificates,
    ...(config.initialContact ? [encodeNotify(notifyTypes.initialContact)] : []),
    ...(peer.kind === 'certificate' ? [encodeCertificateRequest(peer.trust.authorityKeyHashes)] : []),
    { type: payloadTypes.identificationResponder, body: encodeIdentification(config.peerIdentity) },
    proof.value.authentication,
    ...ppkNotifies,
    encodeSecurityAssociation(
      proposalsOf(acceptableEsp(config.espProposals, 'ike-auth'), encodeEspSpi(inboundSpi)),
    ),
    {
      type: payloadTypes.trafficSelectorInitiator,
      body: encodeTrafficSelectors(config.localTrafficSelectors),
    },
    {
      type: payloadTypes.trafficSelectorResponder,
      body: encodeTrafficSelectors(config.remoteTrafficSelectors),
    },
    mobikeSupported(),
  ]);
}

/** What an answer to IKE_AUTH amounts to. */
export type AuthAnswer =
  /** The peer refused us: it is to be believed, and there is no IKE SA. */
  | { readonly kind: 'refused'; readonly reason: FailureReason; readonly message: string }
  /** We refuse the peer, and owe it a notification. */
  | ({ readonly kind: 'rejected' } & Rejection)
  /** There is an IKE SA, with or without its CHILD SA. */
  | {
      readonly kind: 'authenticated';
      readonly peerIdentity: Identity;
      /** Of the certificate that it has shown; undefined for a pre-shared key. */
      readonly peerCertificate: CertificateValidity | undefined;
      readonly isMobile: boolean;
      readonly child: Result<ChildSa, FailureReason>;
    };

/** Why an answer that opened is not accepted. */
export interface Rejection {
  readonly reason: ProofRefusal | 'invalid-syntax' | 'unsupported-critical-payload';
  readonly message: string;
  /** What the peer is told (RFC 7296 section 3.10.1). */
  readonly notify: PayloadValue;
}

/** Judges the payloads of an answer that opened under the keys of the IKE SA. */
export function judgeAuthResponse(
  config: InitiatorConfig,
  ikeSa: IkeSa,
  transcript: Transcript,
  inboundSpi: number,
  payloads: PayloadSet,
): AuthAnswer {
  const critical = refuseUnknownCritical(payloads);
  if (critical !== undefined) return { kind: 'rejected', ...critical };
  const claim = parseClaim('responder', payloads);
  if (!claim.ok) return rejected('invalid-syntax', claim.message);
  if (claim.value === undefined) {
    const failure = failureIn(payloads);
    if (failure !== undefined) return { kind: 'refused', reason: failure.reason, message: failure.message };
    const message = 'expected IDr and AUTH in IKE_AUTH, found none';
    return rejected('invalid-syntax', message);
  }
  const { identity } = claim.value;
  const wanted = formatIdentity(config.peerIdentity);
  const { peer, ppk } = config.credentials;
  const isUsed = ppk !== undefined && transcript.speaksPpk === true && isPpkUsed(payloads);
  if (ppk?.isRequired === true && !isUsed) {
    const message = `expected ${wanted} to use the PPK ${JSON.stringify(ppk.id)}, found that it did not`;
    return rejected('authentication-failed', message);
  }
  if (isUsed) ikeSa.adoptPpk(withPpk(ikeSa, ppk).keys);
  const proven =
    peer.kind === 'pre-shared-key'
      ? checkSharedKey('responder', claim.value, ikeSa, transcript, peer.preSharedKey)
      : checkCertificate('responder', claim.value, ikeSa, transcript, peer.trust);
  if (!proven.ok) return rejected(proven.code, proven.message);
  if (!equalIdentities(identity, config.peerIdentity)) {
    const type = identityTypeName(config.peerIdentity);
    const message = `expected the peer to be ${wanted} (${type}), found ${formatIdentity(identity)}`;
    return rejected('authentication-failed', message);
  }
  const child = acceptChildSa(config, ikeSa, transcript, inboundSpi, payloads);
  return {
    kind: 'authenticated',
    peerIdentity: identity,
    peerCertificate: proven.value,
    isMobile: supportsMobike(payloads),
    child,
  };
}

function rejected(reason: ProofRefusal | 'invalid-syntax', message: string): AuthAnswer {
  const { invalidSyntax, authenticationFailed } = notifyTypes;
  const notify = encodeNotify(reason === 'invalid-syntax' ? invalidSyntax : authenticationFailed);
  return { kind: 'rejected', reason, message, notify };
}

/** The CHILD SA as the responder narrowed it, if that stays within what was offered. */
function acceptChildSa(
  config: InitiatorConfig,
  ikeSa: IkeSa,
  transcript: Transcript,
  inboundSpi: number,
  payloads: PayloadSet,
): Result<ChildSa, FailureReason> {
  const child = parseChildPayloads(payloads);
  if (!child.ok) return fail('invalid-syntax', child.message);
  if (child.value === undefined) {
    const failure = failureIn(payloads);
    return failure === undefined
      ? fail('invalid-syntax', 'expected SA, TSi and TSr in IKE_AUTH, found none')
      : fail(failure.reason, failure.message);
  }
  const proposal = checkSelected(acceptableEsp(config.espProposals, 'ike-auth'), child.value.proposals);
  const outboundSpi = proposal && espSpiOf(proposal);
  if (proposal === undefined || outboundSpi === undefined) {
    return fail('no-proposal-chosen', 'expected one of the ESP transforms offered, found others');
  }
  if (payloads.notify(notifyTypes.useTransportMode) !== undefined) {
    return fail('no-proposal-chosen', 'expected tunnel mode as asked for, found transport mode');
  }
  const { initiatorSelectors, responderSelectors } = child.value;
  if (
    !isNarrowed(initiatorSelectors, config.localTrafficSelectors) ||
    !isNarrowed(responderSelectors, config.remoteTrafficSelectors)
  ) {
    return fail('ts-unacceptable', 'expected traffic selectors within those offered, found others');
  }
  return ok(
    createChildSa({
      role: 'initiator',
      prf: ikeSa.algorithms.prf,
      derivation: ikeSa.keys.derivation,
      initiatorNonce: transcript.initiatorNonce,
      responderNonce: transcript.responderNonce,
      algorithms: childAlgorithmsOf(proposal),
      inboundSpi,
      outboundSpi,
      localTrafficSelectors: initiatorSelectors,
      remoteTrafficSelectors: responderSelectors,
    }),
  );
}

function isNarrowed(answered: readonly TrafficSelector[], offered: readonly TrafficSelector[]): boolean {
  return (
    answered.length > 0 &&
    answered.every((one) => offered.some((other) => trafficSelectorContains(other, one)))
  );
}
