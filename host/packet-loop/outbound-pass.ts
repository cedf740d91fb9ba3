/**
 * One batch from the protected side: read bundles from the TUN, have the firmware cut them to packets and run those, hand them to the
 * sockets, which take the ESP part, or the whole packet with AH, out of the firmware's memory.
 *
 * Where a socket is full, what it did not take stays in its slots, and no more is read: packets then wait in the TUN's queue, which
 * the kernel bounds and their senders feel, as before any slow link. The slots are this pass's own; inbound goes on.
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
import { addressOf } from '../model/address.ts';
import type { Instant } from '../model/instant.ts';
import type { LoopCounters } from './loop-counters.ts';
import type { LoopSocket, PacketInterface } from './packet-interface.ts';
import type { PathMtus } from './path-mtus.ts';
import type { Refusals } from './refusals.ts';

/** A socket that takes nothing for so long stands behind no slow link: something is wrong with it, or with a datagram. */
const patienceMs = 1000;
/** Packets that follow each other no closer are single ones: nothing is gained by looking for another before the first is sent. */
const closeMs = 1;

export class OutboundPass {
  readonly #kernel: PacketInterface;
  readonly #dataplane: Dataplane;
  readonly #packets: PacketBatch;
  readonly #refusals: Refusals;
  readonly #pathMtus: PathMtus;
  readonly #counters: LoopCounters;
  readonly #slots: number;
  /** Datagrams in the batch of each socket, and the first of them that it has not taken. */
  readonly #queued: Uint32Array;
  readonly #taken: Uint32Array;
  /** When a socket that is full took something last; undefined while none is. */
  #fullSince: Instant | undefined;
  /** Packets of the open bundle, and how many of them were cut; the rest waits for the next batch. */
  #segments = 0;
  #cut = 0;
  #filledAt: Instant = 0;

  constructor(
    kernel: PacketInterface,
    dataplane: Dataplane,
    refusals: Refusals,
    pathMtus: PathMtus,
    counters: LoopCounters,
  ) {
    this.#kernel = kernel;
    this.#dataplane = dataplane;
    this.#packets = dataplane.batch;
    this.#refusals = refusals;
    this.#pathMtus = pathMtus;
    this.#counters = counters;
    this.#slots = this.#packets.outboundSlots;
    this.#queued = new Uint32Array(kernel.sockets.length);
    this.#taken = new Uint32Array(kernel.sockets.length);
    for (const { outgoing } of kernel.sockets) {
      if (outgoing.capacity <= this.#slots) throw new RangeError('no room for a batch and a single datagram');
    }
  }

  /** Carries what is waiting, at most a batch, if there is room for it. Returns how many packets there were. */
  run(now: Instant): number {
    if (this.#fullSince !== undefined && !this.#sendRest(now)) return 0;
    const packets = this.#packets;
    const count = this.#fill(now);
    if (count === 0) return 0;
    this.#dataplane.runOutbound(count, now);
    for (let index = 0; index < count; index++) {
      const verdict = packets.verdict(index);
      if (verdict === VERDICT_SEND) this.#enqueue(index);
      else if (verdict === VERDICT_DROP) this.#refuse(index, now);
      // A packet that the SPD lets pass in clear never comes here: nftables leaves it in the kernel's own path. One that
      // does (the SPD is just being replaced) is dropped, because this loop has no way out in clear.
    }
    if (!this.#flush(now)) this.#fullSince = now;
    return count;
  }

  /** True when a bundle that was read is not through yet: its packets are more than a batch. */
  get hasMore(): boolean {
    return this.#cut < this.#segments && this.#fullSince === undefined;
  }

  /** Fills the packet slots from bundles, after a silence from one. Returns how many are taken. */
  #fill(now: Instant): number {
    const { outboundBundleAddress, bundleRoom } = this.#packets;
    const isSingle = now - this.#filledAt >= closeMs;
    let filled = 0;
    while (filled < this.#slots) {
      if (this.#cut === this.#segments) {
        if (isSingle && filled > 0) break;
        const length = this.#kernel.readInner(outboundBundleAddress, bundleRoom);
        if (length === 0) break;
        this.#segments = this.#dataplane.openOutboundBundle(length);
        this.#cut = 0;
      }
      const cut = this.#dataplane.takeSegments(this.#cut, this.#slots - filled, filled);
      this.#cut += cut;
      filled += cut;
    }
    if (filled > 0) this.#filledAt = now;
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
  }

  /** Hands everything queued to the kernel. Returns false where a socket is full: the rest stays queued. */
  #flush(now: Instant): boolean {
    const { sockets } = this.#kernel;
    let isAll = true;
    for (let index = 0; index < sockets.length; index++) {
      const socket = sockets[index];
      const end = this.#queued[index] ?? 0;
      const first = this.#taken[index] ?? 0;
      if (socket === undefined || end === 0) continue;
      const taken = socket.isFull ? first : this.#send(socket, first, end, now);
      if (taken === end) {
        this.#queued[index] = 0;
        this.#taken[index] = 0;
      } else {
        this.#taken[index] = taken;
        isAll = false;
      }
    }
    return isAll;
  }

  #send(socket: LoopSocket, first: number, end: number, now: Instant): number {
    const taken = socket.send(first, end);
    if (socket.firstTooLong >= 0) {
      this.#counters.pathShorter++;
      this.#pathMtus.refused(addressOf(socket.outgoing.peerAddress(socket.firstTooLong)), now);
    }
    return taken;
  }

  /** Tries again what a full socket has not taken. Returns whether all is gone, and there is room for more. */
  #sendRest(now: Instant): boolean {
    const before = this.#waiting;
    if (this.#flush(now)) {
      this.#fullSince = undefined;
      return true;
    }
    if (this.#waiting < before) this.#fullSince = now;
    else if (now - (this.#fullSince ?? now) >= patienceMs) this.#giveUpOne(now);
    return false;
  }

  /** Datagrams that full sockets have not taken. */
  get #waiting(): number {
    let waiting = 0;
    for (let index = 0; index < this.#queued.length; index++)
      waiting += (this.#queued[index] ?? 0) - (this.#taken[index] ?? 0);
    return waiting;
  }

  /** There may be no room for the first datagram ever, and there is for those behind it. */
  #giveUpOne(now: Instant): void {
    this.#fullSince = now;
    for (let index = 0; index < this.#queued.length; index++) {
      if ((this.#queued[index] ?? 0) === 0) continue;
      this.#taken[index] = (this.#taken[index] ?? 0) + 1;
      this.#counters.socketFull++;
      if (this.#taken[index] !== this.#queued[index]) continue;
      this.#queued[index] = 0;
      this.#taken[index] = 0;
    }
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
