/** What an established IKE SA is made of when IKE_AUTH is over (established-sa.ts). */
import type { Endpoint } from '../model/address.ts';
import type { ChildSa } from './events.ts';
import type { IkeSa } from './ike-sa.ts';
import type { ChildRekeyConfig } from './rekey/child-rekey-exchange.ts';
import type { IkeSaRekeyConfig } from './rekey/ike-sa-rekey-exchange.ts';
import type { Identity } from './wire/identification.ts';

export interface EstablishedParameters extends ChildRekeyConfig, IkeSaRekeyConfig {
  /** Of IKE_SA_INIT: the responder follows an initiator that moves, whoever rekeys later. */
  readonly role: 'initiator' | 'responder';
  readonly ikeSa: IkeSa;
  readonly peerIdentity: Identity;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  /** The peer knows of moving (RFC 4555). */
  readonly isMobile: boolean;
  readonly forceUdpEncapsulation: boolean;
  /** The CHILD SA of IKE_AUTH; undefined when it was refused and only the end of the IKE SA is left to do. */
  readonly childSa: ChildSa | undefined;
}
