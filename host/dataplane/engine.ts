/**
 * What the control side asks of a packet engine, and what it gets back. The WebAssembly dataplane implements it for
 * routers and the server, and the simulation's slow model implements it too, so that both can be run by the same seeds.
 *
 * SAs come in pairs, named by the SPI of the inbound one: its low bits are the pair's place in memory. All changes of one
 * `TableChange` take effect together, between two batches, and never touch the traffic of pairs that it does not name.
 */
import type { Address, Endpoint } from '../model/address.ts';
import type { Instant } from '../model/instant.ts';
import type { SpdEntry } from '../model/policy.ts';
import type { Encapsulation, SaProtocol, SecurityAssociation, Spi } from '../model/security-association.ts';
import type { PacketSelector, Selector } from '../model/selector.ts';

/** Two SAs of one distribution, for one SPD entry. */
export interface SaPair {
  /** Name of the SPD entry that the pair serves; empty for a pair that is reached only by `outboundThrough` (the channel). */
  readonly entry: string;
  /** Distribution policy; several kinds may serve one entry. */
  readonly kind: string;
  readonly precedence: number;
  /** Of several pairs of one entry and kind that are in use at once, each has its own, and packets go through the lowest; 0 unless given. */
  readonly turn?: number;
  /** Kinds that go before this one: their packets are held and asked for, never sent through this pair. */
  readonly precedents: readonly {
    readonly kind: string;
    readonly precedence: number;
    readonly selectors: readonly Selector[];
  }[];
  readonly inbound: SecurityAssociation;
  readonly outbound: SecurityAssociation;
  /** Whose packets come out of the inbound SA: the networks behind this router, or the host program itself (channel). */
  readonly deliver: 'network' | 'host';
}

/** Changes that take effect as one. Every list may be left out. */
export interface TableChange {
  /** Replaces the whole ordered SPD. Pairs whose entry is gone are removed. */
  readonly spd?: readonly SpdEntry[];
  /** SPIs of requests under way: packets that arrive for them are held. */
  readonly reserve?: readonly Spi[];
  /** Reserved SPIs that will not be used; packets held for them are dropped. */
  readonly release?: readonly Spi[];
  /**
   * Installs pairs. `use` says that outbound packets go through the pair at once; otherwise its inbound half works and
   * the outbound half waits for a `use`. The engine takes the keys over: it wipes them once they are in its memory.
   */
  readonly install?: readonly { readonly pair: SaPair; readonly use: boolean }[];
  /** Moves outbound traffic of a pair's entry, kind and turn to this pair, and removes the outbound half used before. */
  readonly use?: readonly Spi[];
  /** Removes both halves and wipes them. */
  readonly remove?: readonly Spi[];
  /** The peer of these pairs is now at another address. */
  readonly move?: readonly { readonly spi: Spi; readonly peer: Endpoint }[];
  /** Packets that match and have no SA are refused without asking, until unblocked. Replaces the entry's earlier blocks. */
  readonly block?: readonly { readonly entry: string; readonly selectors: readonly Selector[] }[];
}

/** Something that happened while packets were processed, for the control side. */
export type EngineEvent =
  | { readonly kind: 'acquire'; readonly entry: string; readonly packet: PacketSelector }
  | { readonly kind: 'soft-lifetime'; readonly spi: Spi }
  | { readonly kind: 'hard-lifetime'; readonly spi: Spi }
  | { readonly kind: 'first-authentic'; readonly spi: Spi }
  | { readonly kind: 'unknown-spi'; readonly spi: Spi; readonly from: Endpoint }
  /** An authentic packet of a UDP-encapsulated pair came from another address than the peer's (RFC 3948, RFC 7296 2.23). */
  | { readonly kind: 'peer-moved'; readonly spi: Spi; readonly from: Endpoint };

/** An outer packet as it came from the unprotected side: a bare ESP or AH packet with the addresses of its carrier. */
export interface EspArrival {
  /** From the SPI to the ICV. Borrowed during the call. */
  readonly esp: Uint8Array;
  readonly from: Endpoint;
  readonly to: Address;
  readonly encapsulation: Encapsulation;
  /** Whether it is AH, which can come like this over IPv6 alone; otherwise ESP. */
  readonly protocol?: SaProtocol;
  /** TOS or traffic class of the outer header. */
  readonly tos: number;
}

/** What became of a packet. Buffers are fresh copies that belong to the caller. */
export type Outcome =
  | {
      readonly kind: 'send';
      /** SPI to ICV, to be carried by UDP or raw ESP as `encapsulation` says; with AH the same as `outer`. */
      readonly esp: Uint8Array;
      /** The whole outer packet, IP header included. */
      readonly outer: Uint8Array;
      readonly to: Endpoint;
      readonly protocol: SaProtocol;
      readonly encapsulation: Encapsulation;
      readonly tos: number;
      /** The pair it went through. */
      readonly spi: Spi;
    }
  | {
      readonly kind: 'deliver';
      readonly packet: Uint8Array;
      readonly spi: Spi;
      readonly to: 'network' | 'host';
    }
  | { readonly kind: 'bypass'; readonly packet: Uint8Array }
  | { readonly kind: 'held' }
  /**
   * `reason` is a name of firmware/abi/drop-reason.ts; `packet` is the inner packet for an ICMP error, where there is one;
   * `mtu` is the largest packet that fits, for `packet-too-big`.
   */
  | {
      readonly kind: 'dropped';
      readonly reason: string;
      readonly packet?: Uint8Array;
      readonly mtu?: number;
    };

/** One packet at a time: the server's channel, the simulation, the command line. The packet loop uses batches instead. */
export interface Engine {
  /** Takes effect at once. Throws HostError CAPACITY when the tables are full; nothing is changed then. */
  change(change: TableChange, now: Instant): void;
  /** An inner packet from the protected side (RFC 4301 section 5.1). */
  outbound(packet: Uint8Array, now: Instant): Outcome;
  /**
   * A packet of this host's own for a pair that no SPD entry names: the channel. It skips the SPD lookup, so its cost does
   * not grow with the number of channels; the packet must still match the SA's selectors.
   */
  outboundThrough(spi: Spi, packet: Uint8Array, now: Instant): Outcome;
  /** Makes a dummy of `octets` for the pair (RFC 4303 section 2.6): the outcome is to be sent, or says why there is none. */
  dummy(spi: Spi, octets: number, now: Instant): Outcome;
  /** An ESP packet from the unprotected side (RFC 4301 section 5.2). */
  inbound(arrival: EspArrival, now: Instant): Outcome;
  /** Processes the packets again that were held for the entry and for its pairs' SPIs, in order of arrival. */
  releaseHeld(entry: string, now: Instant): Outcome[];
  /** Drops the packets held for the entry and returns them, for ICMP errors. */
  dropHeld(entry: string): Uint8Array[];
  /** What happened since the last call. */
  drainEvents(): EngineEvent[];
}
