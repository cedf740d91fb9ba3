/**
 * One batch from a socket of the unprotected side: receive, sort IKE and keepalives out, run the ESP packets through the
 * firmware, hand what came out to the TUN, in bundles where it follows each other, or to the control thread.
 */
import { VNET_HEADER } from '../../firmware/abi/bundle.ts';
import { VERDICT_DELIVER, VERDICT_DELIVER_HOST } from '../../firmware/abi/verdict.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { PacketBatch } from '../dataplane/packet-batch.ts';
import { addressOf, type Endpoint } from '../model/address.ts';
import type { Instant } from '../model/instant.ts';
import type { LoopCounters } from './loop-counters.ts';
import type { LoopSocket, PacketInterface } from './packet-interface.ts';
import type { LoopEvent } from './protocol.ts';

/** RFC 3948 section 2.2: four zero octets where ESP has its SPI. */
const nonEspMarkerOctets = 4;
/** RFC 7296 section 3.1. */
const ikeHeaderOctets = 28;
/** Ours: far more IKE than a router ever gets, so that a flood of it cannot fill the control thread's queue. */
const ikeMessagesPerSecond = 200;

export class InboundPass {
  readonly #kernel: PacketInterface;
  readonly #dataplane: Dataplane;
  readonly #packets: PacketBatch;
  readonly #counters: LoopCounters;
  readonly #post: (event: LoopEvent) => void;
  readonly #bundlesUdp: boolean;
  /** Its packet slots: from the first one up to that before the end. */
  readonly #firstSlot: number;
  readonly #endSlot: number;
  readonly #offsets: Uint32Array;
  readonly #lengths: Uint32Array;
  #ikeSecond = 0;
  #ikeCount = 0;

  constructor(
    kernel: PacketInterface,
    dataplane: Dataplane,
    counters: LoopCounters,
    post: (event: LoopEvent) => void,
  ) {
    this.#kernel = kernel;
    this.#dataplane = dataplane;
    this.#packets = dataplane.batch;
    this.#counters = counters;
    this.#post = post;
    this.#bundlesUdp = kernel.bundles.udpToHosts;
    this.#firstSlot = this.#packets.outboundSlots;
    this.#endSlot = this.#packets.packetSlots;
    this.#offsets = new Uint32Array(this.#endSlot - this.#firstSlot);
    this.#lengths = new Uint32Array(this.#endSlot - this.#firstSlot);
    for (const { received } of kernel.sockets) {
      if (received.capacity > this.#packets.bundlePlaces)
        throw new RangeError('no room for what a socket receives');
      for (let index = 0; index < received.capacity; index++) {
        received.offsets[index] = this.#packets.bundleAddress(index);
        received.rooms[index] = this.#packets.bundleRoom;
      }
    }
  }

  /** Carries what is waiting on `socket`, at most a batch. Returns how many datagrams there were. */
  run(socket: LoopSocket, now: Instant): number {
    const arrived = socket.receive();
    const { lengths, segmentLengths } = socket.received;
    let datagrams = 0;
    let slot = this.#firstSlot;
    for (let arrival = 0; arrival < arrived; arrival++) {
      const length = lengths[arrival] ?? 0;
      if (length === 0) this.#counters.tooLong++;
      // A bundle that says no segment length would never end.
      const step = segmentLengths[arrival] || length;
      /** Of this arrival, in the slots before `slot`. */
      let placed = 0;
      for (let at = 0; at < length; at += step, datagrams++) {
        const octets = Math.min(step, length - at);
        if (!this.#place(socket, arrival, at, octets, slot, placed > 0, now)) continue;
        placed++;
        if (++slot < this.#endSlot) continue;
        this.#runSlots(slot, now);
        slot = this.#firstSlot;
        placed = 0;
      }
    }
    if (slot > this.#firstSlot) this.#runSlots(slot, now);
    return datagrams === 0 ? arrived : datagrams;
  }

  /**
   * Puts the datagram of `length` octets at `at` of what arrived into packet slot `slot`. Returns false when it is no ESP packet and
   * was dealt with here.
   *
   * @param followsBefore whether the slot before has one of the same arrival
   */
  #place(
    socket: LoopSocket,
    arrival: number,
    at: number,
    length: number,
    slot: number,
    followsBefore: boolean,
    now: Instant,
  ): boolean {
    const { received } = socket;
    const packets = this.#packets;
    const from = (received.offsets[arrival] ?? 0) + at;
    const isUdp = socket.encapsulation === 'udp';
    if (isUdp && this.#isNotEsp(socket, arrival, from, length, now)) return false;
    if (length > packets.packetRoom) {
      this.#counters.tooLong++;
      return false;
    }
    packets.copyTo(slot, from, length);
    if (socket.receivesIpHeader) {
      packets.setInboundWhole(slot, length);
      return true;
    }
    if (followsBefore) {
      packets.setInboundAsBefore(slot, length);
      return true;
    }
    packets.setInbound(
      slot,
      length,
      socket.family,
      isUdp,
      received.octets,
      received.peerAddressAt(arrival),
      received.peerPort(arrival),
      received.localAddressAt[arrival] ?? 0,
      received.tos[arrival] ?? 0,
      socket.protocol === 'ah',
    );
    return true;
  }

  /** RFC 3948 section 2: a keepalive is one octet, IKE has the marker, everything else is ESP. */
  #isNotEsp(socket: LoopSocket, arrival: number, at: number, length: number, now: Instant): boolean {
    const { memory } = this.#packets;
    if (length === 1 && memory[at] === 0xff) {
      this.#counters.keepalives++;
      return true;
    }
    if (length < nonEspMarkerOctets || memory[at] || memory[at + 1] || memory[at + 2] || memory[at + 3]) {
      return false;
    }
    if (length < nonEspMarkerOctets + ikeHeaderOctets || !this.#mayPassIke(now)) {
      this.#counters.ikeDropped++;
      return true;
    }
    const { received } = socket;
    const octets = socket.family === 4 ? 4 : 16;
    const from: Endpoint = {
      address: addressOf(
        received.octets.slice(received.peerAddressAt(arrival), received.peerAddressAt(arrival) + octets),
      ),
      port: received.peerPort(arrival),
    };
    this.#post({ kind: 'ike', bytes: memory.slice(at + nonEspMarkerOctets, at + length), from });
    return true;
  }

  #mayPassIke(now: Instant): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#ikeSecond) {
      this.#ikeSecond = second;
      this.#ikeCount = 0;
    }
    return ++this.#ikeCount <= ikeMessagesPerSecond;
  }

  /** Runs its packet slots up to `end - 1` and hands over what comes out. */
  #runSlots(end: number, now: Instant): void {
    const packets = this.#packets;
    const first = this.#firstSlot;
    this.#dataplane.runInbound(end - first, now, first);
    this.#dataplane.coalesce(first, end - first, this.#bundlesUdp);
    for (let index = first; index < end; index++) {
      const verdict = packets.verdict(index);
      if (verdict === VERDICT_DELIVER) {
        if (packets.bundleSkip(index) === 0) this.#deliver(index);
      } else if (verdict === VERDICT_DELIVER_HOST) {
        this.#post({ kind: 'inner', packet: packets.copyPacket(index), spi: packets.pairSpi(index) });
      }
    }
  }

  /** Writes the bundle that begins in packet slot `first`. */
  #deliver(first: number): void {
    const packets = this.#packets;
    this.#offsets[0] = packets.start(first) - VNET_HEADER;
    this.#lengths[0] = packets.length(first) + VNET_HEADER;
    let pieces = 1;
    for (let index = packets.bundleNext(first); index >= 0; index = packets.bundleNext(index)) {
      const skip = packets.bundleSkip(index);
      this.#offsets[pieces] = packets.start(index) + skip;
      this.#lengths[pieces] = packets.length(index) - skip;
      pieces++;
    }
    this.#kernel.writeInner(this.#offsets, this.#lengths, 0, pieces);
  }
}
