/**
 * The packet loop's machine, in Linux: the TUN for inner packets, a UDP and perhaps a raw ESP and a raw AH socket for each of
 * our addresses, one wait for all of them. Implements `PacketInterface` of host/packet-loop by its shape; only this thread may
 * use it, but any thread may call `wake(wakeFd)`.
 * Packets travel in bundles wherever the kernel has them: TCP streams through the TUN, datagrams through the UDP socket.
 */
import type { Address } from '../model/address.ts';
import { HostError } from '../model/host-error.ts';
import type { Instant } from '../model/instant.ts';
import type { Encapsulation, SaProtocol } from '../model/security-association.ts';
import { bootTimeMs } from './clock.ts';
import type { DatagramSocket, DatagramSocketOptions } from './datagram-socket.ts';
import { type FrameMemory, frameMemory } from './frame-memory.ts';
import { BATCH_CAPACITY_MAX } from './message-storage.ts';
import { pathMtu } from './path-mtu.ts';
import { Poller, WakeEvent } from './poller.ts';
import { openRawAhSocket, openRawEspSocket } from './raw-socket.ts';
import { ReceiveBatch } from './receive-batch.ts';
import { SendBatch } from './send-batch.ts';
import { openTun, type Tun } from './tun.ts';
import { openUdpSocket } from './udp-socket.ts';

export interface LinuxPacketInterfaceOptions {
  /** The firmware's memory, which never grows. Offsets in all batches are offsets into it. */
  readonly memory: ArrayBufferLike;
  readonly tunName: string;
  readonly tunMtu: number;
  /** Our addresses on the unprotected side, at most one of each family; all zero octets: any. */
  readonly localAddresses: readonly Address[];
  readonly localPort: number;
  /** Mark of everything that our sockets send; undefined: none, for a program without privileges. */
  readonly mark?: number;
  /** Whether to open a raw ESP and a raw AH socket for each address too. */
  readonly raw: boolean;
  /** Octets wanted for the buffers of each socket; 8 MiB unless given (datagram-socket.ts). */
  readonly socketBufferOctets?: number;
}

/** Bundles received at a time, 64 KiB each at most. */
export const RECEIVE_CAPACITY = 16;

/** Until a kernel that had no memory for a datagram is asked again. */
const memoryPauseMs = 2;

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
    this.outgoing = new SendBatch(socket.family, frames, BATCH_CAPACITY_MAX);
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

/** Opens a socket of one kind on an address of ours. */
type OpenSocket = (address: Address, protocol: SaProtocol, encapsulation: Encapsulation) => DatagramSocket;

export class LinuxPacketInterface {
  readonly sockets: readonly BatchSocket[];
  readonly tun: Tun;
  readonly #wake: WakeEvent;
  readonly #poller = new Poller();
  readonly #wakeIndex: number;
  readonly #tunIndex: number;
  readonly #socketIndices: readonly number[];
  readonly #openSocket: OpenSocket;
  #tunIsReadable = false;

  constructor(tun: Tun, sockets: readonly BatchSocket[], wake: WakeEvent, openSocket: OpenSocket) {
    this.#openSocket = openSocket;
    this.tun = tun;
    this.sockets = sockets;
    this.#wake = wake;
    this.#wakeIndex = this.#poller.add(wake.fd);
    this.#tunIndex = this.#poller.add(tun.fd);
    this.#socketIndices = sockets.map(({ socket }) => this.#poller.add(socket.fd));
  }

  /**
   * Binds the sockets of the address's family to it, in place of the address that they had.
   *
   * @throws HostError PLATFORM when it is not ours (yet); everything is then as before
   */
  rebind(address: Address): void {
    const opened = new Map<number, DatagramSocket>();
    try {
      for (const [index, { family, protocol, encapsulation }] of this.sockets.entries()) {
        if (family === address.family) opened.set(index, this.#openSocket(address, protocol, encapsulation));
      }
    } catch (error) {
      for (const socket of opened.values()) socket.close();
      throw error;
    }
    for (const [index, socket] of opened) {
      this.sockets[index]?.replaceSocket(socket);
      this.#poller.replace(this.#socketIndices[index] ?? 0, socket.fd);
    }
  }

  /** Where packets travel in bundles: as the TUN was opened, and as the UDP sockets are now. */
  get bundles() {
    const udp = this.sockets.filter(({ encapsulation }) => encapsulation === 'udp');
    return {
      tcpFromHosts: this.tun.offloads.tcp,
      udpFromHosts: this.tun.offloads.udp,
      // A kernel that hands bundles of UDP over takes them too: both came with Linux 6.2.
      udpToHosts: this.tun.offloads.udp,
      severalFromHosts: this.tun.readsAhead,
      toPeers: udp.every(({ socket }) => socket.sendsBundles),
      fromPeers: udp.every(({ socket }) => socket.receivesBundles),
    };
  }

  /** For `wake` in any other thread. */
  get wakeFd(): number {
    return this.#wake.fd;
  }

  /**
   * Reads one bundle that the kernel routes to IPsec, its virtio_net_hdr first. Returns its octets; 0 if none is waiting, or was at
   * the last `wait`.
   */
  readInner(offset: number, room: number): number {
    if (!this.#tunIsReadable) return 0;
    const length = this.tun.read(offset, room);
    this.#tunIsReadable = length > 0;
    return length;
  }

  /** Hands a bundle of `count` pieces to the kernel as if it had arrived on the TUN; the first begins with a virtio_net_hdr. */
  writeInner(offsets: Uint32Array, lengths: Uint32Array, first: number, count: number): void {
    this.tun.write(offsets, lengths, first, count);
  }

  /**
   * Sees what there is to read, and sleeps until there is something, another thread calls `wake`, or the time is over (0: does
   * not sleep; -1: never). What is read next is what was seen here: to ask each socket in vain costs a system call each. Where a
   * socket is full, its room is waited for, and not the TUN. Returns whether another thread called.
   */
  wait(timeoutMs: number): boolean {
    const longestMs = this.#watch();
    this.#poller.wait(longestMs < 0 || (timeoutMs >= 0 && timeoutMs < longestMs) ? timeoutMs : longestMs);
    this.#tunIsReadable = this.tun.hasPackets || this.#poller.isReadable(this.#tunIndex);
    for (let index = 0; index < this.sockets.length; index++) {
      const socket = this.sockets[index];
      if (socket === undefined) continue;
      const at = this.#socketIndices[index] ?? 0;
      socket.isReadable = this.#poller.isReadable(at);
      if (socket.isFull) socket.isFull = !socket.socket.isShortOfMemory && !this.#poller.isWritable(at);
    }
    return this.#poller.isReadable(this.#wakeIndex) && this.#wake.drain();
  }

  /** Says to the poller what to look out for. Returns how long it may wait at most; -1: for ever. */
  #watch(): number {
    let isAnyFull = false;
    let longestMs = -1;
    for (let index = 0; index < this.sockets.length; index++) {
      const socket = this.sockets[index];
      if (socket === undefined) continue;
      const awaitsRoom = socket.isFull && !socket.socket.isShortOfMemory;
      this.#poller.watchWritable(this.#socketIndices[index] ?? 0, awaitsRoom);
      if (!socket.isFull) continue;
      isAnyFull = true;
      if (!awaitsRoom) longestMs = memoryPauseMs;
    }
    this.#poller.watchReadable(this.#tunIndex, !isAnyFull);
    return this.tun.hasPackets && !isAnyFull ? 0 : longestMs;
  }

  /** What the kernel knows of the path MTU to `peer`; undefined where there is no route. */
  pathMtu(peer: Address): number | undefined {
    try {
      return pathMtu(peer);
    } catch (error) {
      if (error instanceof HostError) return undefined;
      throw error;
    }
  }

  /** Takes the ways to and from the TUN once without a packet, so that V8 has compiled them when the first comes. */
  rehearse(): void {
    this.tun.rehearseWrite();
    this.#tunIsReadable = true;
  }

  now(): Instant {
    return bootTimeMs();
  }

  /** Closes everything; the TUN and its routes are gone. */
  close(): void {
    for (const { socket } of this.sockets) socket.close();
    this.tun.close();
    this.#wake.close();
  }
}

/**
 * Opens the TUN, the sockets and the eventfd. What was opened is closed again when something fails.
 *
 * @throws HostError PLATFORM saying what is missing and what to do; CONFIG_INVALID for a bad interface name
 */
export function openLinuxPacketInterface(options: LinuxPacketInterfaceOptions): LinuxPacketInterface {
  const frames = frameMemory(options.memory);
  const opened: { close(): void }[] = [];
  const keep = <Resource extends { close(): void }>(resource: Resource): Resource => {
    opened.push(resource);
    return resource;
  };
  try {
    const openSocket: OpenSocket = (address, protocol, encapsulation) => {
      const socketOptions: DatagramSocketOptions = {
        address,
        receivesBundles: true,
        ...(options.mark === undefined ? {} : { mark: options.mark }),
        ...(options.socketBufferOctets === undefined ? {} : { bufferOctets: options.socketBufferOctets }),
      };
      if (encapsulation === 'udp') return openUdpSocket(options.localPort, socketOptions);
      return protocol === 'ah' ? openRawAhSocket(socketOptions) : openRawEspSocket(socketOptions);
    };
    const kinds = [
      ['esp', 'udp'],
      ...(options.raw
        ? ([
            ['esp', 'raw'],
            ['ah', 'raw'],
          ] as const)
        : []),
    ] as const;
    const sockets = options.localAddresses.flatMap((address) =>
      kinds.map(([protocol, encapsulation]) => {
        const socket = keep(openSocket(address, protocol, encapsulation));
        return new BatchSocket(socket, protocol, encapsulation, frames);
      }),
    );
    const wake = keep(new WakeEvent());
    const tun = keep(openTun({ name: options.tunName, mtu: options.tunMtu, frames }));
    return new LinuxPacketInterface(tun, sockets, wake, openSocket);
  } catch (error) {
    for (const resource of opened) resource.close();
    throw error;
  }
}
