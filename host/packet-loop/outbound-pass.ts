/**
 * One batch from the protected side: read bundles from the TUN, have the firmware cut them to packets and run those, hand them to the
 * sockets, which take the ESP part, or the whole packet with AH, out of the firmware's memory.
 */
import {
  DROP_BLOCKED,
  DROP_NO_SPD_ENTRY,
  DROP_PACKET_TOO_BIG,
  DROP_SPD_DISCARD,
} from '../../firmware/abi/drop-code.ts';
import { VERDICT_DROP, VERDICT_SEND } from '../../firmware/abi/verdict.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { PacketBatch } from '../dataplane/packet-batch.ts';
import type { Instant } from '../model/instant.ts';
import type { LoopCounters } from './loop-counters.ts';
import type { LoopSocket, PacketInterface } from './packet-interface.ts';
import type { Refusals } from './refusals.ts';

export class OutboundPass {
  readonly #kernel: PacketInterface;
  readonly #dataplane: Dataplane;
  readonly #packets: PacketBatch;
  readonly #refusals: Refusals;
  readonly #counters: LoopCounters;
  readonly #queued: Uint32Array;
  /** Packets of the open bundle, and how many of them were cut; the rest waits for the next batch. */
  #segments = 0;
  #taken = 0;

  constructor(kernel: PacketInterface, dataplane: Dataplane, refusals: Refusals, counters: LoopCounters) {
    this.#kernel = kernel;
    this.#dataplane = dataplane;
    this.#packets = dataplane.batch;
    this.#refusals = refusals;
    this.#counters = counters;
    this.#queued = new Uint32Array(kernel.sockets.length);
  }

  /** Carries what is waiting, at most a batch. Returns how many packets there were. */
  run(now: Instant): number {
    const packets = this.#packets;
    const count = this.#fill();
    if (count === 0) return 0;
    this.#dataplane.runOutbound(count, now);
    for (let index = 0; index < count; index++) {
      const verdict = packets.verdict(index);
      if (verdict === VERDICT_SEND) this.#enqueue(index);
      else if (verdict === VERDICT_DROP) this.#refuse(index, now);
      // A packet that the SPD lets pass in clear never comes here: nftables leaves it in the kernel's own path. One that
      // does (the SPD is just being replaced) is dropped, because this loop has no way out in clear.
    }
    this.flush();
    return count;
  }

  /** True when a bundle that was read is not through yet: its packets are more than a batch. */
  get hasMore(): boolean {
    return this.#taken < this.#segments;
  }

  /** Fills the packet slots from bundles. Returns how many are taken. */
  #fill(): number {
    const { packetSlots, outboundBundleAddress, bundleRoom } = this.#packets;
    let filled = 0;
    while (filled < packetSlots) {
      if (this.#taken === this.#segments) {
        const length = this.#kernel.readInner(outboundBundleAddress, bundleRoom);
        if (length === 0) break;
        this.#segments = this.#dataplane.openOutboundBundle(length);
        this.#taken = 0;
      }
      const cut = this.#dataplane.takeSegments(this.#taken, packetSlots - filled, filled);
      this.#taken += cut;
      filled += cut;
    }
    return filled;
  }

  /** Queues packet slot `index`, whose verdict is SEND, for its socket. */
  #enqueue(index: number): void {
    const packets = this.#packets;
    const socketIndex = this.#socketFor(packets.family(index), packets.isUdp(index), packets.isAh(index));
    const socket = this.#kernel.sockets[socketIndex];
    if (socket === undefined) {
      this.#counters.noSocket++;
      return;
    }
    const { outgoing } = socket;
    const at = this.#queued[socketIndex] ?? 0;
    outgoing.offsets[at] = packets.espStart(index);
    outgoing.lengths[at] = packets.espLength(index);
    outgoing.tos[at] = packets.tos(index);
    outgoing.ttl[at] = packets.ttl(index);
    outgoing.dontFragment[at] = packets.dontFragment(index);
    outgoing.setPeer(at, packets.memory, packets.peerAddressAt(index), packets.peerPort(index));
    this.#queued[socketIndex] = at + 1;
    if (at + 1 === outgoing.capacity) this.#send(socket, socketIndex);
  }

  /** Hands everything queued to the kernel. */
  flush(): void {
    const { sockets } = this.#kernel;
    for (let index = 0; index < sockets.length; index++) {
      const socket = sockets[index];
      if (socket !== undefined && (this.#queued[index] ?? 0) > 0) this.#send(socket, index);
    }
  }

  #send(socket: LoopSocket, socketIndex: number): void {
    const count = this.#queued[socketIndex] ?? 0;
    this.#queued[socketIndex] = 0;
    const done = socket.send(count);
    if (done === count) return;
    // 8 MiB of packets are waiting there already: drop, as any router does with a full queue, rather than stop reading.
    this.#counters.socketFull += count - done;
  }

  #socketFor(family: number, isUdp: boolean, isAh: boolean): number {
    const { sockets } = this.#kernel;
    for (let index = 0; index < sockets.length; index++) {
      const socket = sockets[index];
      if (
        socket?.family === family &&
        (socket.encapsulation === 'udp') === isUdp &&
        (socket.protocol === 'ah') === isAh
      ) {
        return index;
      }
    }
    return -1;
  }

  #refuse(index: number, now: Instant): void {
    const packets = this.#packets;
    switch (packets.reason(index)) {
      case DROP_NO_SPD_ENTRY:
      case DROP_SPD_DISCARD:
      case DROP_BLOCKED:
        this.#refusals.prohibited(packets, index, now);
        return;
      case DROP_PACKET_TOO_BIG:
        this.#refusals.tooBig(packets, index, now);
        return;
      default:
        return;
    }
  }
}
