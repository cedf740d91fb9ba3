/**
 * What the control thread tells the packet loop's worker, and what the worker tells back. The worker alone owns the
 * firmware's memory; commands are carried out between two batches, in order.
 *
 * Keys cross in `change`: the sender wipes its copy after posting, the engine wipes the worker's after installing.
 */
import type { EngineEvent, TableChange } from '../dataplane/engine.ts';
import type { EngineSnapshot as LoopSnapshot } from '../dataplane/snapshot.ts';
import type { Address, Endpoint } from '../model/address.ts';
import type { Spi } from '../model/security-association.ts';

/** What the worker is started with. */
export interface LoopSettings {
  readonly tunName: string;
  readonly tunMtu: number;
  /** Octets of the longest outer packet that leaves the unprotected interface in one piece. */
  readonly pathMtuOctets: number;
  /** Our address on the unprotected side; sockets are bound to it. */
  readonly localAddress: Address;
  readonly localPort: number;
  /** Mark of everything that our sockets send. */
  readonly mark: number;
  /** Sources of ICMP errors, one for each family that this router has an address of. */
  readonly icmpSources: readonly Address[];
  readonly saPairs: number;
  readonly heldPackets: number;
  readonly heldPacketsPerEntry: number;
}

export type LoopCommand =
  | { readonly kind: 'change'; readonly change: TableChange }
  | { readonly kind: 'release-held'; readonly entry: string }
  /** `icmp` tells the hosts that sent the dropped packets: communication administratively prohibited. */
  | { readonly kind: 'drop-held'; readonly entry: string; readonly icmp: boolean }
  /** An IKE message, sent from the UDP socket behind the non-ESP marker (RFC 3948 section 2.2). */
  | { readonly kind: 'send-ike'; readonly bytes: Uint8Array; readonly to: Endpoint }
  /** One octet 0xff (RFC 3948 section 2.3). */
  | { readonly kind: 'send-keepalive'; readonly to: Endpoint }
  /** An inner packet of this router's own, sent through the pair (the channel). */
  | { readonly kind: 'send-inner'; readonly spi: Spi; readonly packet: Uint8Array }
  | { readonly kind: 'snapshot'; readonly id: number }
  | { readonly kind: 'stop' };

export type LoopEvent =
  /** Sockets and TUN are open; a write to the eventfd ends the loop's wait. */
  | { readonly kind: 'ready'; readonly wakeFd: number }
  /** What the engine noticed in the batch that was read at `atMs` on the boot-time clock. */
  | { readonly kind: 'engine'; readonly events: readonly EngineEvent[]; readonly atMs: number }
  | { readonly kind: 'ike'; readonly bytes: Uint8Array; readonly from: Endpoint }
  /** An inner packet that came out of a pair which delivers to the host. */
  | { readonly kind: 'inner'; readonly packet: Uint8Array; readonly spi: Spi }
  /** Packet-path moments for the time sequence; sent only while tracing is on and rate-limited. */
  | { readonly kind: 'trace'; readonly atMs: number; readonly what: string }
  | { readonly kind: 'snapshot'; readonly id: number; readonly snapshot: LoopSnapshot }
  /** The firmware trapped; all SAs are gone, the engine was started anew, no traffic passed meanwhile. */
  | { readonly kind: 'engine-lost'; readonly reason: string }
  | { readonly kind: 'fatal'; readonly message: string };

export type { EngineSnapshot as LoopSnapshot, SadRow, SpdRow } from '../dataplane/snapshot.ts';
