/**
 * What the control side tells the packet loop, and what the loop tells it back. Both are in one thread: commands are carried
 * out at once, between two batches; events wait until the batch in which they happened is over.
 */
import type { EngineEvent, TableChange } from '../dataplane/engine.ts';
import type { Endpoint } from '../model/address.ts';
import type { Spi } from '../model/security-association.ts';

export type LoopCommand =
  /** The engine wipes the keys in it once they are installed. */
  | { readonly kind: 'change'; readonly change: TableChange }
  /** In the engine of that worker; in all unless given. */
  | { readonly kind: 'release-held'; readonly entry: string; readonly worker?: number }
  /** `icmp` tells the hosts that sent the dropped packets: communication administratively prohibited. */
  | { readonly kind: 'drop-held'; readonly entry: string; readonly icmp: boolean }
  /** An IKE message, sent from the UDP socket behind the non-ESP marker (RFC 3948 section 2.2). */
  | { readonly kind: 'send-ike'; readonly bytes: Uint8Array; readonly to: Endpoint }
  /** One octet 0xff (RFC 3948 section 2.3). */
  | { readonly kind: 'send-keepalive'; readonly to: Endpoint }
  /** A dummy (RFC 4303 section 2.6) through the pair; nothing where the pair is gone. */
  | { readonly kind: 'send-dummy'; readonly spi: Spi }
  /** An inner packet of this router's own, sent through the pair (the channel). */
  | { readonly kind: 'send-inner'; readonly spi: Spi; readonly packet: Uint8Array };

export type LoopEvent =
  /** What the engine noticed in the batch that was read at `atMs` on the boot-time clock. */
  | { readonly kind: 'engine'; readonly events: readonly EngineEvent[]; readonly atMs: number }
  | { readonly kind: 'ike'; readonly bytes: Uint8Array; readonly from: Endpoint }
  /** An inner packet that came out of a pair which delivers to the host. */
  | { readonly kind: 'inner'; readonly packet: Uint8Array; readonly spi: Spi }
  /** Packets go out through the pair, and for longer than the settings allow nothing has come. */
  | { readonly kind: 'unanswered'; readonly spi: Spi }
  /** Packet-path moments for the time sequence; rare by construction. */
  | { readonly kind: 'trace'; readonly atMs: number; readonly what: string }
  /** The firmware trapped; all SAs are gone, the engine was started anew, no traffic passed meanwhile. */
  | { readonly kind: 'engine-lost'; readonly reason: string };
