/**
 * What the packet loop needs of the machine it runs on, so that Linux can be exchanged for another kernel, or for a test.
 * Batches are arrays of properties, filled anew for each call; packets are read and written in place, in the firmware's
 * memory, and all offsets are offsets into it. No object per packet.
 */
import { VNET_HEADER } from '../../firmware/abi/bundle.ts';
import type { Address } from '../model/address.ts';
import type { Instant } from '../model/instant.ts';
import type { Encapsulation, SaProtocol } from '../model/security-association.ts';

/** Octets of the virtio_net_hdr that each packet of the protected side begins with; all zero: it is one packet, and whole. */
export const bundleHeaderOctets = VNET_HEADER;

/** Datagrams as they arrived. */
export interface ReceivedDatagrams {
  readonly capacity: number;
  /** Set before receiving: where datagram i goes, and the octets free there. */
  readonly offsets: Uint32Array;
  readonly rooms: Uint32Array;
  /** Octets received; 0 where the datagram did not fit. */
  readonly lengths: Uint32Array;
  /** What was received is several datagrams, each of so many octets, the last perhaps shorter; as `lengths` where it is one. */
  readonly segmentLengths: Uint32Array;
  readonly tos: Uint8Array;
  /** What the two address offsets point into: 4 or 16 octets, network order. */
  readonly octets: Uint8Array;
  /** 0: unknown. */
  readonly localAddressAt: Uint32Array;
  peerAddressAt(index: number): number;
  peerPort(index: number): number;
}

/** Datagrams to be sent. */
export interface OutgoingDatagrams {
  readonly capacity: number;
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
  readonly tos: Uint8Array;
  readonly ttl: Uint8Array;
  readonly dontFragment: Uint8Array;
  setPeer(index: number, source: Uint8Array, at: number, port: number): void;
  /** A copy of the octets of the address that datagram `index` goes to. */
  peerAddress(index: number): Uint8Array;
}

/** A bound socket with its two batches. */
export interface LoopSocket {
  readonly family: 4 | 6;
  readonly protocol: SaProtocol;
  readonly encapsulation: Encapsulation;
  /** True when what is received starts with its IP header (raw IPv4). What is sent through a socket of AH always does. */
  readonly receivesIpHeader: boolean;
  readonly received: ReceivedDatagrams;
  readonly outgoing: OutgoingDatagrams;
  /** Fills `received` with what was waiting at the last `wait` of the interface, at most a batch; returns how many. */
  receive(): number;
  /**
   * Sends datagrams `first` to `end - 1` of `outgoing`. Returns the first that was not dealt with: `end`, or before it where the socket
   * has no room, and then it is full.
   */
  send(first: number, end: number): number;
  /**
   * It had no room for a datagram, and `wait` has not seen any since. Meanwhile `wait` looks out for room there, and no longer for
   * packets of the protected side, which would have nowhere to go.
   */
  readonly isFull: boolean;
  /** Of the datagrams of the last `send`, the first that was refused for being longer than its path takes unfragmented; -1: none. */
  readonly firstTooLong: number;
}

/** Where packets travel in bundles, as far as the kernel goes along; where not, one by one. */
export interface Bundles {
  readonly tcpFromHosts: boolean;
  readonly udpFromHosts: boolean;
  /** Those of TCP are taken by every kernel. Stays as it was at the start. */
  readonly udpToHosts: boolean;
  /** Packets that follow each other, where they are no bundle: read several at a time. */
  readonly severalFromHosts: boolean;
  /** Datagrams that go to one peer in a row. */
  readonly toPeers: boolean;
  readonly fromPeers: boolean;
}

export interface PacketInterface {
  /** At most one for each family, protocol and encapsulation. */
  readonly sockets: readonly LoopSocket[];
  readonly bundles: Bundles;
  /**
   * Reads a bundle that the kernel routes to IPsec to `offset`: a virtio_net_hdr (firmware/abi/bundle.ts) and a packet that may
   * stand for several. Returns octets read, at most `room`; 0 if none is waiting, or was at the last `wait`.
   */
  readInner(offset: number, room: number): number;
  /**
   * Hands a bundle to the kernel as if it had arrived on the protected side's TUN: pieces `first` to `first + count - 1`, of which the
   * first begins with a virtio_net_hdr.
   */
  writeInner(offsets: Uint32Array, lengths: Uint32Array, first: number, count: number): void;
  /**
   * Sees what there is to read, and sleeps until there is something, another thread calls, or the time is over. To be called
   * before each round: what is received in between is what was seen here. Returns whether another thread called.
   */
  wait(timeoutMs: number): boolean;
  /**
   * Goes the ways of packets to and from the protected side once without one, so that they are compiled when the first takes them: a packet
   * that the kernel refuses, and at the next `readInner` a look at whether one is there, whatever the last `wait` saw.
   */
  rehearse(): void;
  now(): Instant;
  /** What the kernel knows now of the longest packet that reaches `peer` unfragmented; undefined where there is no way. Sends nothing. */
  pathMtu(peer: Address): number | undefined;
  /** Binds the sockets of the address's family to it from now on. Throws HostError, and changes nothing, where it is not ours. */
  rebind(address: Address): void;
  /** Closes the sockets; the TUN and the routes into it are gone. */
  close(): void;
}
