/** What goes into the server's ends of channels and what comes out. Actions are to be carried out in the order in which they stand. */
import type { TableChange } from '../dataplane/engine.ts';
import type { RefusalReason, SaId } from '../ike/events.ts';
import type { ResponderLimits } from '../ike/responder-set.ts';
import type { Address, Endpoint } from '../model/address.ts';
import type { CertificateTrust, CertificateValidity } from '../model/certificate-trust.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { SettledProposals } from '../model/child-proposal.ts';
import type { Credentials } from '../model/credentials.ts';
import type { Instant } from '../model/instant.ts';
import type { RekeyWhat } from '../model/rekey-order.ts';
import type { Spi } from '../model/security-association.ts';
import type { ChannelRekeyings } from '../model/status.ts';
import type { UtcMs } from '../model/trusted-time.ts';
import type { ChannelTimers } from './timers.ts';

export type ServerChannelEvent =
  | { readonly kind: 'ike'; readonly bytes: Uint8Array; readonly from: Endpoint; readonly to: Endpoint }
  | { readonly kind: 'inner'; readonly spi: Spi; readonly packet: Uint8Array }
  /** An encoded setting message for a router; dropped when the router has no channel. */
  | { readonly kind: 'send'; readonly router: string; readonly bytes: Uint8Array }
  /** An authentic ESP packet of the pair came from another address. */
  | { readonly kind: 'peer-moved'; readonly spi: Spi; readonly from: Endpoint }
  /** The pair has used up most of its octets or sequence numbers. */
  | { readonly kind: 'soft-lifetime'; readonly spi: Spi }
  /** The pair's hard lifetime has ended. */
  | { readonly kind: 'hard-lifetime'; readonly spi: Spi }
  /** A person wants one of the SAs of this router's channel rekeyed. Nothing without a channel. */
  | { readonly kind: 'rekey'; readonly router: string; readonly what: RekeyWhat }
  /** The router is not enrolled any more. */
  | { readonly kind: 'expel'; readonly router: string }
  /** How long the certificate holds that the server shows; undefined without one. */
  | { readonly kind: 'own-certificate'; readonly validity: CertificateValidity | undefined }
  /** An earlier life of this server last saw routers at these places: tell them that their channels are gone. */
  | { readonly kind: 'announce'; readonly endpoints: readonly Endpoint[] }
  | { readonly kind: 'deadline' };

export type ServerChannelAction =
  | { readonly kind: 'send-ike'; readonly bytes: Uint8Array; readonly to: Endpoint }
  | { readonly kind: 'change'; readonly change: TableChange }
  | { readonly kind: 'send-inner'; readonly spi: Spi; readonly packet: Uint8Array }
  | { readonly kind: 'up'; readonly router: string; readonly endpoint: Endpoint; readonly behindNat: boolean }
  | { readonly kind: 'down'; readonly router: string; readonly reason: string }
  | { readonly kind: 'setting'; readonly router: string; readonly bytes: Uint8Array }
  /** Somebody wanted a channel and did not get it. Strangers can cause this too: to be told at a bounded rate. */
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly message: string;
      readonly from: Endpoint;
    }
  /** A certificate ends soon, or has ended; once a day each. */
  | { readonly kind: 'certificate-warning'; readonly message: string }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly message: string };

export interface ServerChannelsOptions {
  readonly identity: string;
  /** How an enrolled router proves itself; undefined for everybody else. */
  readonly credentialsFor: (router: string) => Credentials | undefined;
  /** Who judges certificates; undefined while no router has one to show. */
  readonly certificateTrust?: () => CertificateTrust | undefined;
  /** Some router has a post-quantum pre-shared key. */
  readonly hasPpks?: () => boolean;
  readonly settings: ChannelSettings;
  readonly settingPort: number;
  /** What time it is at least, by which certificates end. */
  readonly utcAtLeast: (now: Instant) => UtcMs;
  readonly random: (octets: number) => Uint8Array;
  readonly allocateSpi: () => Spi | undefined;
  readonly releaseSpi: (spi: Spi) => void;
  readonly timers?: Partial<ChannelTimers>;
  readonly limits?: ResponderLimits;
}

export interface ServerChannel {
  readonly router: string;
  readonly saId: SaId;
  readonly spi: Spi;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  readonly behindNat: boolean;
  readonly peerInner: Address;
  readonly since: Instant;
  /** What the channel has settled on, by keyword. */
  readonly settled: SettledProposals;
  readonly rekeyings: (now: Instant) => ChannelRekeyings;
}
