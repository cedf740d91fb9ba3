/** A socket of the packet loop with its two batches, as `LoopSocket` of host/packet-loop wants it. The socket may be exchanged under them. */
import type { Encapsulation, SaProtocol } from '../model/security-association.ts';
import type { DatagramSocket } from './datagram-socket.ts';
import type { FrameMemory } from './frame-memory.ts';
import { BATCH_CAPACITY_MAX } from './message-storage.ts';
import { ReceiveBatch } from './receive-batch.ts';
import { SendBatch } from './send-batch.ts';

/** Bundles received at a time, 64 KiB each at most. */
export const RECEIVE_CAPACITY = 16;

/** One of the sockets, with its two batches. */
export class BatchSocket {
  readonly family: 4 | 6;
  readonly protocol: SaProtocol;
  readonly encapsulation: Encapsulation;
  /** True when what is received starts with its IP header (raw IPv4). */
  readonly receivesIpHeader: boolean;
  readonly received: ReceiveBatch;
  readonly outgoing: SendBatch;
  /** Whether the kernel said at the last `wait` that there is something to receive; until it says so again, nobody asks. */
  isReadable = false;
  /** It had no room for a datagram, and has not been seen to have any since. */
  isFull = false;
  #socket: DatagramSocket;

  constructor(
    socket: DatagramSocket,
    protocol: SaProtocol,
    encapsulation: Encapsulation,
    frames: FrameMemory,
  ) {
    this.#socket = socket;
    this.protocol = protocol;
    this.family = socket.family;
    this.encapsulation = encapsulation;
    this.receivesIpHeader = socket.receivesIpHeader;
    this.received = new ReceiveBatch(socket.family, frames, RECEIVE_CAPACITY);
    this.outgoing = new SendBatch(socket.family, frames, BATCH_CAPACITY_MAX, encapsulation === 'udp');
  }

  /** Fills `received` with what was waiting at the last `wait`, at most a batch; returns how many. */
  receive(): number {
    if (!this.isReadable) return 0;
    this.isReadable = false;
    return this.#socket.receive(this.received);
  }

  /** Sends datagrams `first` to `end - 1` of `outgoing`. Returns the first that was not dealt with; the socket is full before `end`. */
  send(first: number, end: number): number {
    const next = this.#socket.send(this.outgoing, first, end);
    this.isFull = next < end;
    return next;
  }

  /** Of the last `send`: the first datagram that is too long for its path; -1: none. */
  get firstTooLong(): number {
    return this.#socket.firstTooLong;
  }

  get socket(): DatagramSocket {
    return this.#socket;
  }

  /** Goes on with another socket of the same kind, and closes the one before. The batches stay. */
  replaceSocket(socket: DatagramSocket): void {
    this.#socket.close();
    this.#socket = socket;
    this.isFull = false;
  }
}
