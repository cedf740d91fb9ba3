/**
 * A packet interface without a machine: queues of datagrams and packets, read and written in the engine's memory. Rehearsals
 * run the packet loop over it, and so do its tests.
 */
import type { Address, Endpoint } from '../model/address.ts';
import type { Encapsulation } from '../model/security-association.ts';
import {
  bundleHeaderOctets,
  type LoopSocket,
  type OutgoingDatagrams,
  type PacketInterface,
  type ReceivedDatagrams,
} from '../packet-loop/packet-interface.ts';

/** Datagrams received at a time; sent are as many, and one beside them. */
const capacity = 8;
const outgoingCapacity = capacity + 1;

export interface SentDatagram {
  readonly bytes: Uint8Array;
  readonly to: Endpoint;
  readonly tos: number;
  readonly ttl: number;
  readonly dontFragment: number;
}

export class MemorySocket implements LoopSocket {
  readonly family: 4 | 6;
  readonly protocol = 'esp';
  readonly encapsulation: Encapsulation;
  readonly receivesIpHeader: boolean;
  readonly received: ReceivedDatagrams;
  readonly outgoing: OutgoingDatagrams;
  /** What arrives next; with a segment length it is a bundle. */
  readonly waiting: { bytes: Uint8Array; from: Endpoint; segmentLength?: number }[] = [];
  readonly sent: SentDatagram[] = [];
  /** Datagrams that the kernel still takes. */
  room = Number.POSITIVE_INFINITY;
  /** The longest datagram with DF that is not refused. */
  longest = Number.POSITIVE_INFINITY;
  firstTooLong = -1;
  #isFull = false;
  readonly #memory: Uint8Array;
  readonly #peers: Endpoint[] = [];
  readonly #peerPorts = new Uint16Array(capacity);

  constructor(memory: ArrayBuffer, local: Address, encapsulation: Encapsulation) {
    const { family } = local;
    this.family = family;
    this.encapsulation = encapsulation;
    this.receivesIpHeader = encapsulation === 'raw' && family === 4;
    this.#memory = new Uint8Array(memory);
    const octets = new Uint8Array((capacity + 1) * 16);
    // Our own address stands behind those of the peers.
    octets.set(local.octets, capacity * 16);
    this.received = {
      capacity,
      offsets: new Uint32Array(capacity),
      rooms: new Uint32Array(capacity),
      lengths: new Uint32Array(capacity),
      segmentLengths: new Uint32Array(capacity),
      tos: new Uint8Array(capacity),
      octets,
      localAddressAt: new Uint32Array(capacity).fill(capacity * 16),
      peerAddressAt: (index) => index * 16,
      peerPort: (index) => this.#peerPorts[index] ?? 0,
    };
    this.outgoing = {
      capacity: outgoingCapacity,
      offsets: new Uint32Array(outgoingCapacity),
      lengths: new Uint32Array(outgoingCapacity),
      tos: new Uint8Array(outgoingCapacity),
      ttl: new Uint8Array(outgoingCapacity),
      dontFragment: new Uint8Array(outgoingCapacity),
      setPeer: (index, source, at, port) => {
        const octetsOfPeer = source.slice(at, at + (family === 4 ? 4 : 16));
        this.#peers[index] = { address: { family, octets: octetsOfPeer }, port };
      },
      peerAddress: (index) => this.#peers[index]?.address.octets ?? new Uint8Array(),
    };
  }

  receive(): number {
    const { received } = this;
    const arrived = this.waiting.splice(0, capacity);
    arrived.forEach(({ bytes, from, segmentLength }, index) => {
      const fits = bytes.length <= (received.rooms[index] ?? 0);
      if (fits) this.#memory.set(bytes, received.offsets[index]);
      received.lengths[index] = fits ? bytes.length : 0;
      received.segmentLengths[index] = segmentLength ?? bytes.length;
      received.octets.set(from.address.octets, index * 16);
      this.#peerPorts[index] = from.port;
    });
    return arrived.length;
  }

  get isFull(): boolean {
    return this.#isFull && this.room === 0;
  }

  send(first: number, end: number): number {
    const { outgoing } = this;
    const taken = first + Math.min(end - first, this.room);
    this.#isFull = taken < end;
    this.room -= taken - first;
    this.firstTooLong = -1;
    for (let index = first; index < taken; index++) {
      if (outgoing.dontFragment[index] === 1 && (outgoing.lengths[index] ?? 0) > this.longest) {
        if (this.firstTooLong < 0) this.firstTooLong = index;
        continue;
      }
      const at = outgoing.offsets[index] ?? 0;
      const to = this.#peers[index];
      if (to === undefined) throw new Error(`datagram ${index} has no peer`);
      this.sent.push({
        bytes: this.#memory.slice(at, at + (outgoing.lengths[index] ?? 0)),
        to,
        tos: outgoing.tos[index] ?? 0,
        ttl: outgoing.ttl[index] ?? 0,
        dontFragment: outgoing.dontFragment[index] ?? 0,
      });
    }
    return taken;
  }
}

export class MemoryInterface implements PacketInterface {
  readonly sockets: MemorySocket[];
  readonly bundles = {
    tcpFromHosts: false,
    udpFromHosts: false,
    udpToHosts: false,
    severalFromHosts: false,
    toPeers: false,
    fromPeers: false,
  };
  readonly udp4: MemorySocket;
  readonly raw4: MemorySocket;
  readonly udp6: MemorySocket;
  /** Packets from the protected side that wait to be read. */
  readonly inner: Uint8Array[] = [];
  /** Packets that were handed to the protected side. */
  readonly written: Uint8Array[] = [];
  readonly waits: number[] = [];
  readonly rebound: Address[] = [];
  isClosed = false;
  rehearsals = 0;
  nowMs = 1000;
  /** To any peer. */
  pathMtuOctets: number | undefined;
  readonly #memory: Uint8Array;

  /** `local4` and `local6` are the machine's addresses on the unprotected side. */
  constructor(memory: ArrayBuffer, local4: Address, local6: Address) {
    this.#memory = new Uint8Array(memory);
    this.udp4 = new MemorySocket(memory, local4, 'udp');
    this.raw4 = new MemorySocket(memory, local4, 'raw');
    this.udp6 = new MemorySocket(memory, local6, 'udp');
    this.sockets = [this.udp4, this.raw4, this.udp6];
  }

  readInner(offset: number, room: number): number {
    const packet = this.inner.shift();
    if (packet === undefined) return 0;
    if (bundleHeaderOctets + packet.length > room)
      throw new Error(`a packet of ${packet.length} octets has no room`);
    this.#memory.fill(0, offset, offset + bundleHeaderOctets);
    this.#memory.set(packet, offset + bundleHeaderOctets);
    return bundleHeaderOctets + packet.length;
  }

  writeInner(offsets: Uint32Array, lengths: Uint32Array, first: number, count: number): void {
    const pieces: Uint8Array[] = [];
    for (let index = first; index < first + count; index++) {
      const at = offsets[index] ?? 0;
      pieces.push(this.#memory.subarray(at, at + (lengths[index] ?? 0)));
    }
    this.written.push(new Uint8Array(Buffer.concat(pieces).subarray(bundleHeaderOctets)));
  }

  wait(timeoutMs: number): boolean {
    this.waits.push(timeoutMs);
    return false;
  }

  rehearse(): void {
    this.rehearsals++;
  }

  /** Datagrams come and go whatever the address is. */
  rebind(address: Address): void {
    this.rebound.push(address);
  }

  now(): number {
    return this.nowMs;
  }

  pathMtu(): number | undefined {
    return this.pathMtuOctets;
  }

  close(): void {
    this.isClosed = true;
  }
}
