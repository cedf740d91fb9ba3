/**
 * The sockets of a router's workers on one address, for as long as it is the router's, however often packet loops are opened anew. The
 * kernel numbers UDP sockets that share a port in the order in which they were bound, and gives the number of one that is closed to
 * the last: so they are opened once, in the order of the workers, and stay open here. What others get are further
 * descriptors of them (dup).
 */
import { type Address, equalAddresses } from '../model/address.ts';
import type { DatagramSocket } from './datagram-socket.ts';
import { check, libc } from './libc.ts';
import { F_DUPFD_CLOEXEC } from './linux-abi.ts';
import { type LoopSocketKind, type LoopSocketOptions, openLoopSocket } from './loop-socket.ts';

interface Shared extends LoopSocketKind {
  readonly sockets: readonly DatagramSocket[];
}

export class SharedSockets {
  readonly workers: number;
  readonly #options: LoopSocketOptions;
  #held: readonly Shared[] = [];

  constructor(workers: number, options: LoopSocketOptions) {
    this.workers = workers;
    this.#options = options;
  }

  /**
   * A descriptor of the socket of each worker, in their order; whoever asks closes them.
   *
   * @throws HostError PLATFORM where they cannot be opened; those of other addresses stay
   */
  take(kind: LoopSocketKind): readonly number[] {
    const fds: number[] = [];
    try {
      for (const { fd, description } of this.#of(kind))
        fds.push(check(libc.fcntl(fd, F_DUPFD_CLOEXEC, 0), `share the ${description}`));
    } catch (error) {
      for (const fd of fds) libc.close(fd);
      throw error;
    }
    return fds;
  }

  /** Closes those of other addresses of the same family: `address` is the router's in their place. */
  keepOnly(address: Address): void {
    const isLeft = (one: Shared): boolean =>
      one.address.family === address.family && !equalAddresses(one.address, address);
    for (const { sockets } of this.#held.filter(isLeft)) for (const socket of sockets) socket.close();
    this.#held = this.#held.filter((one) => !isLeft(one));
  }

  close(): void {
    for (const { sockets } of this.#held) for (const socket of sockets) socket.close();
    this.#held = [];
  }

  #of(kind: LoopSocketKind): readonly DatagramSocket[] {
    const held = this.#held.find(
      (one) =>
        equalAddresses(one.address, kind.address) &&
        one.protocol === kind.protocol &&
        one.encapsulation === kind.encapsulation,
    );
    if (held !== undefined) return held.sockets;
    const sockets: DatagramSocket[] = [];
    try {
      for (let worker = 0; worker < this.workers; worker++)
        sockets.push(openLoopSocket(kind, this.#options, { share: { worker, workers: this.workers } }));
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
    this.#held = [...this.#held, { ...kind, sockets }];
    return sockets;
  }
}
