/** The server's UDP sockets, by Node: one for each address that it listens on, all of its channels and self-tests through them. Needs no privileges. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { addressOf, type Endpoint, formatAddress, formatEndpoint } from '../model/address.ts';
import { HostError } from '../model/host-error.ts';
import { PeerAddresses } from './peer-addresses.ts';

/** Octets that the kernel may keep of datagrams that wait: the burst of a fleet that comes back at once. */
const receiveBufferOctets = 4 * 1024 * 1024;

/** RFC 3948 section 2.3. */
const keepalive = Uint8Array.of(0xff);

interface BoundSocket {
  readonly socket: Socket;
  readonly endpoint: Endpoint;
}

export interface Arrivals {
  /** The octets are lent for the call. */
  readonly datagram: (bytes: Uint8Array, from: Endpoint, to: Endpoint) => void;
  readonly error: (message: string) => void;
}

export class ChannelSockets {
  readonly #bound: readonly BoundSocket[];
  readonly #peers = new PeerAddresses();

  /** Binds to these, or to port 4500 on every address of both families. Throws HostError PLATFORM. */
  static async open(listen: readonly Endpoint[]): Promise<ChannelSockets> {
    const anywhere: Endpoint[] = [4, 16].map((octets) => ({
      address: addressOf(new Uint8Array(octets)),
      port: 4500,
    }));
    return new ChannelSockets(await Promise.all((listen.length > 0 ? listen : anywhere).map(openSocket)));
  }

  private constructor(bound: readonly BoundSocket[]) {
    this.#bound = bound;
  }

  /** Hands over what arrives from now on. */
  receive({ datagram, error }: Arrivals): void {
    for (const { socket, endpoint } of this.#bound) {
      socket.on('message', (bytes: Buffer, sender: RemoteInfo) => {
        const address = this.#peers.addressOf(sender.address);
        if (address !== undefined) datagram(bytes, { address, port: sender.port }, endpoint);
      });
      socket.on('error', ({ message }) => error(message));
    }
  }

  send(datagram: Uint8Array, to: Endpoint): void {
    // One socket for each family is enough: routers answer to where they were configured to.
    const bound = this.#bound.find(({ endpoint }) => endpoint.address.family === to.address.family);
    bound?.socket.send(datagram, to.port, this.#peers.textOf(to.address));
  }

  /**
   * Sends a keepalive, which the server takes no notice of, from each socket to itself. After some hundreds V8 has compiled the way
   * through Node's socket, before the first datagram of a router takes it. Nothing is lost where there is no loopback.
   */
  rehearse(): void {
    for (const { socket, endpoint } of this.#bound) {
      const isAny = endpoint.address.octets.every((octet) => octet === 0);
      const loopback = endpoint.address.family === 4 ? '127.0.0.1' : '::1';
      socket.send(keepalive, endpoint.port, isAny ? loopback : formatAddress(endpoint.address), () => {});
    }
  }

  close(): void {
    for (const { socket } of this.#bound) socket.close();
  }
}

async function openSocket(endpoint: Endpoint): Promise<BoundSocket> {
  const socket = createSocket({
    type: endpoint.address.family === 4 ? 'udp4' : 'udp6',
    ...(endpoint.address.family === 6 ? { ipv6Only: true } : {}),
    recvBufferSize: receiveBufferOctets,
    // We send to addresses alone. Node's own look-up would find that out too, but send a turn of the event loop later.
    lookup: (address, _, answer) => answer(null, address, endpoint.address.family),
  });
  try {
    const listening = once(socket, 'listening'); // it may be at once
    socket.bind({ address: formatAddress(endpoint.address), port: endpoint.port });
    await listening;
    return { socket, endpoint };
  } catch (cause) {
    throw new HostError(
      'PLATFORM',
      `cannot listen on ${formatEndpoint(endpoint)}: ${cause instanceof Error ? cause.message : String(cause)}; check server.listen and what else uses the port`,
      { cause },
    );
  }
}
