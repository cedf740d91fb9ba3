/** What an established IKE SA is made of when IKE_AUTH is over (established-sa.ts), and the news of it, for both roles. */
import type { Endpoint } from '../model/address.ts';
import type { CertificateValidity } from '../model/certificate-trust.ts';
import { ikeKeyword } from './crypto/algorithms.ts';
import { type ChildSa, type EstablishedAction, saIdOf } from './events.ts';
import type { IkeSa } from './ike-sa.ts';
import type { NatFindings } from './path/nat-detection.ts';
import type { ChildRekeyConfig } from './rekey/child-rekey-exchange.ts';
import type { IkeSaRekeyConfig } from './rekey/ike-sa-rekey-exchange.ts';
import type { Identity } from './wire/identification.ts';

export interface EstablishedParameters extends ChildRekeyConfig, IkeSaRekeyConfig {
  /** Of IKE_SA_INIT: the responder follows an initiator that moves, whoever rekeys later. */
  readonly role: 'initiator' | 'responder';
  readonly ikeSa: IkeSa;
  readonly peerIdentity: Identity;
  /** Of the certificate that it has shown; undefined for a pre-shared key. */
  readonly peerCertificate: CertificateValidity | undefined;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  /** The peer knows of moving (RFC 4555). */
  readonly isMobile: boolean;
  readonly forceUdpEncapsulation: boolean;
  /** The CHILD SA of IKE_AUTH; undefined when it was refused and only the end of the IKE SA is left to do. */
  readonly childSa: ChildSa | undefined;
}

/** Says that the IKE SA of `parameters` is there, with the CHILD SA of IKE_AUTH. */
export function establishedAction(
  { ikeSa, peerIdentity, peerCertificate, local, peer }: EstablishedParameters,
  childSa: ChildSa,
  nat: NatFindings | undefined,
): EstablishedAction {
  const localBehindNat = nat?.localBehindNat ?? false;
  const peerBehindNat = nat?.peerBehindNat ?? false;
  return {
    kind: 'established',
    saId: saIdOf(ikeSa.ownSpi),
    childSa,
    ikeProposal: ikeKeyword(ikeSa.algorithms),
    peerIdentity,
    peerCertificate,
    local,
    peer,
    natDetected: localBehindNat || peerBehindNat,
    localBehindNat,
    peerBehindNat,
  };
}
