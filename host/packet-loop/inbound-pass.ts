/**
 * One batch from a socket of the unprotected side: receive, sort IKE and keepalives out, run the ESP packets through the
 * firmware, hand what came out to the TUN or to the control thread.
 */
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
    const { packetSlots } = dataplane.batch;
    this.#offsets = new Uint32Array(packetSlots);
    this.#lengths = new Uint32Array(packetSlots);
    for (const { received } of kernel.sockets) {
      for (let index = 0; index < received.capacity; index++) {
        received.offsets[index] = this.#packets.packetAddress(index);
        received.rooms[index] = this.#packets.packetRoom;
      }
    }
  }

  /** Carries what is waiting on `socket`, at most a batch. Returns how many datagrams there were. */
  run(socket: LoopSocket, now: Instant): number {
    const count = socket.receive();
    if (count === 0) return 0;
    // Runs of ESP packets between the few that are not ESP.
    let first = 0;
    for (let index = 0; index < count; index++) {
      if (this.#prepare(socket, index, now)) continue;
      this.#runRange(first, index - first, now);
      first = index + 1;
    }
    this.#runRange(first, count - first, now);
    return count;
  }

  /** Fills descriptor `index`. Returns false when the datagram is no ESP packet and was dealt with here. */
  #prepare(socket: LoopSocket, index: number, now: Instant): boolean {
    const { received } = socket;
    const packets = this.#packets;
    const length = received.lengths[index] ?? 0;
    if (length === 0) {
      this.#counters.tooLong++;
      return false;
    }
    if (socket.receivesIpHeader) {
      packets.setInboundWhole(index, length);
      return true;
    }
    const isUdp = socket.encapsulation === 'udp';
    if (isUdp && this.#isNotEsp(socket, index, length, now)) return false;
    packets.setInbound(
      index,
      length,
      socket.family,
      isUdp,
      received.octets,
      received.peerAddressAt(index),
      received.peerPort(index),
      received.localAddressAt[index] ?? 0,
      received.tos[index] ?? 0,
      socket.protocol === 'ah',
    );
    return true;
  }

  /** RFC 3948 section 2: a keepalive is one octet, IKE has the marker, everything else is ESP. */
  #isNotEsp(socket: LoopSocket, index: number, length: number, now: Instant): boolean {
    const { memory } = this.#packets;
    const at = this.#packets.packetAddress(index);
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
        received.octets.slice(received.peerAddressAt(index), received.peerAddressAt(index) + octets),
      ),
      port: received.peerPort(index),
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

  #runRange(first: number, count: number, now: Instant): void {
    if (count <= 0) return;
    const packets = this.#packets;
    this.#dataplane.runInbound(count, now, first);
    let delivered = 0;
    for (let index = first; index < first + count; index++) {
      const verdict = packets.verdict(index);
      if (verdict === VERDICT_DELIVER) {
        this.#offsets[delivered] = packets.start(index);
        this.#lengths[delivered] = packets.length(index);
        delivered++;
      } else if (verdict === VERDICT_DELIVER_HOST) {
        this.#post({ kind: 'inner', packet: packets.copyPacket(index), spi: packets.pairSpi(index) });
      }
    }
    if (delivered > 0) this.#kernel.writeInner(this.#offsets, this.#lengths, delivered);
  }
}
