/** What goes into a router's channel and what comes out of it. Actions are to be carried out in the order in which they stand. */
import type { TableChange } from '../dataplane/engine.ts';
import type { Endpoint } from '../model/address.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { SettledProposals } from '../model/child-proposal.ts';
import type { Credentials } from '../model/credentials.ts';
import type { Instant } from '../model/instant.ts';
import type { RekeyWhat } from '../model/rekey-order.ts';
import type { Spi } from '../model/security-association.ts';
import type { UtcMs } from '../model/trusted-time.ts';
import type { ChannelTimers } from './timers.ts';

export type RouterChannelEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'ike'; readonly bytes: Uint8Array; readonly from: Endpoint; readonly to: Endpoint }
  /** A packet that came out of the inbound SA of the pair `spi`. */
  | { readonly kind: 'inner'; readonly spi: Spi; readonly packet: Uint8Array }
  /** Our own address is another one now, and the sockets are bound to it. */
  | { readonly kind: 'local-moved'; readonly local: Endpoint }
  /** An encoded setting message for the server. */
  | { readonly kind: 'send'; readonly bytes: Uint8Array }
  /** The protocol above misses an answer: see whether the server still knows this channel. */
  | { readonly kind: 'unanswered' }
  /** A person wants one of the SAs rekeyed. Nothing without a channel. */
  | { readonly kind: 'rekey'; readonly what: RekeyWhat }
  /** The engine was started anew and has no SA any more. */
  | { readonly kind: 'engine-lost' }
  /** A pair of the channel has used up most of its octets or sequence numbers. */
  | { readonly kind: 'soft-lifetime'; readonly spi: Spi }
  /** A pair of the channel has stopped. */
  | { readonly kind: 'hard-lifetime'; readonly spi: Spi }
  | { readonly kind: 'deadline' };

export type RouterChannelAction =
  | { readonly kind: 'send-ike'; readonly bytes: Uint8Array; readonly to: Endpoint }
  | { readonly kind: 'send-keepalive'; readonly to: Endpoint }
  | { readonly kind: 'change'; readonly change: TableChange }
  | { readonly kind: 'send-inner'; readonly spi: Spi; readonly packet: Uint8Array }
  /** The channel is there, for the first time or anew. */
  | { readonly kind: 'up'; readonly localBehindNat: boolean; readonly natDetected: boolean }
  /** The channel goes on from another address, or through a NAT that gives it another one. */
  | { readonly kind: 'moved'; readonly localBehindNat: boolean }
  | { readonly kind: 'down'; readonly reason: string }
  /** Octets of a setting message, authentic; a view into the packet of the event. */
  | { readonly kind: 'setting'; readonly bytes: Uint8Array }
  /** A certificate ends soon, or has ended; once a day. */
  | { readonly kind: 'certificate-warning'; readonly message: string }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly message: string };

export interface RouterChannelOptions {
  readonly name: string;
  readonly serverIdentity: string;
  readonly local: Endpoint;
  readonly server: Endpoint;
  readonly credentials: Credentials;
  readonly settings: ChannelSettings;
  readonly settingPort: number;
  /** What time it is at least, by which certificates end. */
  readonly utcAtLeast: (now: Instant) => UtcMs;
  readonly random: (octets: number) => Uint8Array;
  readonly allocateSpi: () => Spi | undefined;
  readonly releaseSpi: (spi: Spi) => void;
  readonly timers?: Partial<ChannelTimers>;
}

export interface RouterChannelState {
  readonly state: 'connecting' | 'up' | 'down';
  readonly since: Instant;
  /** When something authentic last came from the server; 0 before the first time. */
  readonly heardAt: Instant;
  readonly localBehindNat: boolean;
  readonly lastFailure: string;
  readonly setUps: number;
  /** What the channel has settled on, by keyword; undefined before its first. */
  readonly settled: SettledProposals | undefined;
}
