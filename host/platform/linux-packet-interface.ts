/**
 * The packet loop's machine, in Linux: the TUN for inner packets, a UDP and perhaps a raw ESP and a raw AH socket for each of
 * our addresses, one wait for all of them. Implements `PacketInterface` of host/packet-loop by its shape; only this thread may
 * use it, but any thread may call `wake(wakeFd)`.
 * Packets travel in bundles wherever the kernel has them: TCP streams through the TUN, datagrams through the UDP socket.
 */
import type { Address } from '../model/address.ts';
import { HostError } from '../model/host-error.ts';
import type { Instant } from '../model/instant.ts';
import { BatchSocket } from './batch-socket.ts';
import { bootTimeMs } from './clock.ts';
import type { DatagramSocket } from './datagram-socket.ts';
import { frameMemory } from './frame-memory.ts';
import { libc } from './libc.ts';
import { type LoopSocketKind, type LoopSocketOptions, openLoopSocket } from './loop-socket.ts';
import { pathMtu } from './path-mtu.ts';
import { Poller, WakeEvent } from './poller.ts';
import type { SharedSockets } from './shared-sockets.ts';
import { openTun, type Tun } from './tun.ts';

export interface LinuxPacketInterfaceOptions extends LoopSocketOptions {
  /** The firmware's memory, which never grows. Offsets in all batches are offsets into it. */
  readonly memory: ArrayBufferLike;
  readonly tunName: string;
  readonly tunMtu: number;
  /** Our addresses on the unprotected side, at most one of each family; all zero octets: any. */
  readonly localAddresses: readonly Address[];
  /** Whether to open a raw ESP and a raw AH socket for each address too. */
  readonly raw: boolean;
  /** Where several threads each have a queue of the TUN and a socket of each kind: this is the first, and hands out those of the others. */
  readonly shared?: SharedSockets;
}

/** A descriptor of a socket that the first worker opened for another one, which has it from then on. */
export interface HandedSocket extends LoopSocketKind {
  readonly fd: number;
}

export interface FurtherPacketInterfaceOptions
  extends Omit<LinuxPacketInterfaceOptions, 'localAddresses' | 'raw' | 'shared'> {
  /** Counted from 0; the first has opened the TUN. */
  readonly worker: number;
  readonly sockets: readonly HandedSocket[];
}

/** Until a kernel that had no memory for a datagram is asked again. */
const memoryPauseMs = 2;

/** Where the sockets of an address of ours come from. */
interface SocketSource {
  /** The socket of one kind, and descriptors of those of the other workers. Throws HostError PLATFORM. */
  readonly open: (kind: LoopSocketKind) => Opened;
  /** All were opened on `address`, in place of those that there were for its family. */
  readonly keepOnly?: (address: Address) => void;
}

interface Opened {
  readonly own: DatagramSocket;
  readonly others: readonly number[];
}

export class LinuxPacketInterface {
  readonly sockets: readonly BatchSocket[];
  readonly tun: Tun;
  readonly #wake: WakeEvent;
  readonly #poller = new Poller();
  readonly #wakeIndex: number;
  readonly #tunIndex: number;
  readonly #socketIndices: readonly number[];
  readonly #source: SocketSource;
  /** What was opened for the other workers, and not handed over yet. */
  #handed: readonly (readonly HandedSocket[])[] = [];
  #tunIsReadable = false;

  constructor(
    tun: Tun,
    sockets: readonly BatchSocket[],
    wake: WakeEvent,
    source: SocketSource,
    handed: readonly (readonly HandedSocket[])[] = [],
  ) {
    this.#source = source;
    this.#handed = handed;
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
    const opened = new Map<number, Opened>();
    try {
      for (const [index, { family, protocol, encapsulation }] of this.sockets.entries()) {
        if (family === address.family)
          opened.set(index, this.#source.open({ address, protocol, encapsulation }));
      }
    } catch (error) {
      for (const { own, others } of opened.values()) {
        own.close();
        closeAll(others);
      }
      throw error;
    }
    const handed: HandedSocket[][] = [];
    for (const [index, { own, others }] of opened) {
      const socket = this.sockets[index];
      if (socket === undefined) continue;
      socket.replaceSocket(own);
      this.#poller.replace(this.#socketIndices[index] ?? 0, own.fd);
      handOver(handed, others, { address, protocol: socket.protocol, encapsulation: socket.encapsulation });
    }
    this.#handed = handed;
    this.#source.keepOnly?.(address);
  }

  /** The sockets that were opened for another worker at the start, or in the last `rebind`: whoever asks has them from now on. */
  handOver(worker: number): readonly HandedSocket[] {
    return this.#handed[worker - 1] ?? [];
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
  const { shared } = options;
  return openAll((keep) => {
    const frames = frameMemory(options.memory);
    const open: SocketSource['open'] = (kind) => {
      const [fd, ...others] = shared?.take(kind) ?? [];
      try {
        return { own: openLoopSocket(kind, options, fd === undefined ? {} : { fd }), others };
      } catch (error) {
        closeAll(others);
        throw error;
      }
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
    const handed: HandedSocket[][] = [];
    const sockets = options.localAddresses.flatMap((address) =>
      kinds.map(([protocol, encapsulation]) => {
        const kind = { address, protocol, encapsulation };
        const { own, others } = open(kind);
        keep(own);
        keep({ close: () => closeAll(others) });
        handOver(handed, others, kind);
        return new BatchSocket(own, protocol, encapsulation, frames);
      }),
    );
    const wake = keep(new WakeEvent());
    const queue = shared === undefined ? {} : { queue: 'first' as const };
    const tun = keep(openTun({ name: options.tunName, mtu: options.tunMtu, frames, ...queue }));
    const keepOnly = (address: Address): void => shared?.keepOnly(address);
    return new LinuxPacketInterface(tun, sockets, wake, { open, keepOnly }, handed);
  });
}

/**
 * Opens the interface of a worker that is not the first: another queue of the TUN, and the sockets that the first opened for it.
 * To follow a `rebind` of the first, it is given `offer` the sockets that were opened there, and then told to do the same.
 *
 * @throws HostError PLATFORM as `openLinuxPacketInterface`
 */
export function openFurtherPacketInterface(options: FurtherPacketInterfaceOptions): {
  readonly opened: LinuxPacketInterface;
  readonly offer: (sockets: readonly HandedSocket[]) => void;
} {
  let offered: readonly HandedSocket[] = options.sockets;
  const adopt = (one: HandedSocket): DatagramSocket => openLoopSocket(one, options, { fd: one.fd });
  const takeOffered: SocketSource['open'] = ({ address, protocol, encapsulation }) => {
    const found = offered.find(
      (one) =>
        one.address.family === address.family &&
        one.protocol === protocol &&
        one.encapsulation === encapsulation,
    );
    if (found === undefined)
      throw new HostError('PLATFORM', `worker ${options.worker} was given no ${encapsulation} socket`);
    return { own: adopt(found), others: [] };
  };
  const opened = openAll((keep) => {
    const frames = frameMemory(options.memory);
    const sockets = options.sockets.map((one) => {
      const { protocol, encapsulation } = one;
      return new BatchSocket(keep(adopt(one)), protocol, encapsulation, frames);
    });
    const wake = keep(new WakeEvent());
    const tun = keep(openTun({ name: options.tunName, mtu: options.tunMtu, frames, queue: 'further' }));
    return new LinuxPacketInterface(tun, sockets, wake, { open: takeOffered });
  });
  return {
    opened,
    offer: (sockets) => {
      offered = sockets;
    },
  };
}

/** Runs `open`, and closes all that it kept when it fails. */
function openAll<Result>(open: (keep: <One extends { close(): void }>(one: One) => One) => Result): Result {
  const opened: { close(): void }[] = [];
  try {
    return open((resource) => {
      opened.push(resource);
      return resource;
    });
  } catch (error) {
    for (const resource of opened) resource.close();
    throw error;
  }
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) libc.close(fd);
}

/** Adds the sockets of one kind, in the order of the workers from the second on, to what each is given. */
function handOver(handed: HandedSocket[][], fds: readonly number[], kind: LoopSocketKind): void {
  for (const [index, fd] of fds.entries()) {
    const ofWorker = handed[index] ?? [];
    handed[index] = ofWorker;
    ofWorker.push({ fd, ...kind });
  }
}
