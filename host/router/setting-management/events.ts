/**
 * What goes into the router's setting management and what comes out of it. The machine is pure: the shell in
 * host/router turns engine events, datagrams of the channel and the clock into these events, and carries the actions out
 * in the order in which they stand.
 */
import type { TableChange } from '../../dataplane/engine.ts';
import type { RouterMessage, ServerMessage } from '../../messages/message.ts';
import type { Endpoint } from '../../model/address.ts';
import type { SpdEntry } from '../../model/policy.ts';
import type { Spi } from '../../model/security-association.ts';
import type { PacketSelector } from '../../model/selector.ts';

export type SettingEvent =
  /** An engine holds a packet for an SPD entry that has no SA for it; `worker` says whose, the first unless given. */
  | {
      readonly kind: 'acquire';
      readonly entry: string;
      readonly packet: PacketSelector;
      readonly worker?: number;
    }
  | { readonly kind: 'soft-lifetime'; readonly spi: Spi }
  | { readonly kind: 'hard-lifetime'; readonly spi: Spi }
  | { readonly kind: 'first-authentic'; readonly spi: Spi }
  | { readonly kind: 'unknown-spi'; readonly spi: Spi; readonly from: Endpoint }
  | { readonly kind: 'peer-moved'; readonly spi: Spi; readonly from: Endpoint }
  /** The pair sends and hears nothing, for longer than the settings allow. */
  | { readonly kind: 'unanswered'; readonly spi: Spi }
  /** This router's own address, or the one that a NAT gives it, is another one now; `behindNat` as with `channel-up`. */
  | {
      readonly kind: 'local-moved';
      readonly behindNat: boolean;
      /** This end has another address; otherwise only what a NAT makes of it is another. */
      readonly ownAddress: boolean;
    }
  | { readonly kind: 'message'; readonly message: ServerMessage }
  /** `behindNat`: some NAT is between this router and the server. */
  | { readonly kind: 'channel-up'; readonly behindNat: boolean }
  | { readonly kind: 'channel-down' }
  /** The SPD was edited: entries that did not change keep their SAs. */
  | { readonly kind: 'spd'; readonly entries: readonly SpdEntry[] }
  /** An operator asked for new SAs now. */
  | { readonly kind: 'renew'; readonly spi: Spi }
  /** The engine trapped and was started anew: every id and SA is gone. */
  | { readonly kind: 'engine-lost' }
  | { readonly kind: 'deadline' };

export type SettingAction =
  | { readonly kind: 'send'; readonly message: RouterMessage }
  | { readonly kind: 'change'; readonly change: TableChange }
  /** A dummy (RFC 4303 section 2.6) through the pair, to be sent at once. */
  | { readonly kind: 'send-dummy'; readonly spi: Spi }
  /** One octet (RFC 3948 section 2.3). */
  | { readonly kind: 'send-keepalive'; readonly to: Endpoint }
  /** In the engine of that worker; in all unless given. */
  | { readonly kind: 'release-held'; readonly entry: string; readonly worker?: number }
  | { readonly kind: 'drop-held'; readonly entry: string; readonly failure: SettingFailure }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn';
      readonly what: SettingLogKind;
      readonly entry: string;
      readonly peer: string;
      readonly detail: string;
    };

/** Why an SPD entry got no SA; the words are the protocol's and are shown to people as they stand. */
export type SettingFailure =
  | 'no corresponding entry'
  | 'no response'
  | 'contents inconsistent'
  | 'refused'
  | 'server unreachable'
  | 'withdrawn';

export type SettingLogKind =
  | 'requested'
  | 'installed'
  | 'in use'
  | 'renewing'
  | 'expired'
  | 'withdrawn'
  | 'failed'
  | 'ignored'
  | 'reported';
