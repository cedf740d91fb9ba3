/**
 * A router without a machine: the shipped control side and engine over one UDP socket on loopback, where the packet loop
 * with its TUN would be. Needs no privileges, and its data SAs must be UDP-encapsulated.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { Outcome } from '../../../host/dataplane/engine.ts';
import { SpiAllocator } from '../../../host/dataplane/spi-allocator.ts';
import { type Endpoint, formatAddress } from '../../../host/model/address.ts';
import { type Credentials, sharedKey } from '../../../host/model/credentials.ts';
import { EventLog } from '../../../host/model/event-log.ts';
import type { SpdEntry } from '../../../host/model/policy.ts';
import { proposals } from '../../../host/model/proposal.ts';
import { Secret } from '../../../host/model/secret.ts';
import type { LoopCommand } from '../../../host/packet-loop/protocol.ts';
import { Alarm } from '../../../host/platform/alarm.ts';
import { bootTimeMs } from '../../../host/platform/clock.ts';
import { randomOctets } from '../../../host/platform/entropy.ts';
import { Router } from '../../../host/router/router.ts';
import { defaultSettingTimers } from '../../../host/router/setting-management/timers.ts';
import { endpoint } from '../../simulation/end-to-end/network.ts';

const saPairs = 64;
const nonEspMarker = Uint8Array.of(0, 0, 0, 0);

export interface LoopbackRouterOptions {
  readonly name: string;
  /** A pre-shared key, or what a settings file says. */
  readonly key: string | Credentials;
  readonly learnTime?: (utcMs: number) => void;
  readonly server: Endpoint;
  readonly entries: readonly SpdEntry[];
}

/** Of a dummy that opens a NAT or tells the peer that it is heard. */
const dummyOctets = 40;

export class LoopbackRouter {
  readonly router: Router;
  readonly delivered: Uint8Array[] = [];
  /** Copies of every traffic key that this router was given. */
  readonly keys: Uint8Array[] = [];
  readonly #socket: Socket;
  readonly #local: Endpoint;
  readonly #dataplane = new Dataplane({ random: randomOctets, capacities: { saPairs } });
  readonly #alarm: Alarm;

  /** Binds a port of 127.0.0.1 and starts. */
  static async start(options: LoopbackRouterOptions): Promise<LoopbackRouter> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new LoopbackRouter(options, socket);
  }

  constructor(options: LoopbackRouterOptions, socket: Socket) {
    const { name, key, server, entries } = options;
    this.#socket = socket;
    this.#local = endpoint('127.0.0.1', socket.address().port);
    this.#alarm = new Alarm(bootTimeMs, () => this.router.deadline());
    this.router = new Router({
      name,
      software: 'test',
      serverIdentity: 'server',
      server,
      ...(options.learnTime === undefined ? {} : { learnTime: options.learnTime }),
      local: this.#local,
      utcAtLeast: () => Date.now(),
      credentials: typeof key === 'string' ? sharedKey(new Secret(new TextEncoder().encode(key))) : key,
      entries,
      timers: { ...defaultSettingTimers, requestIntervalMs: 500 },
      proposals: [...proposals.keys()],
      spiAllocator: new SpiAllocator(saPairs, () => Buffer.from(randomOctets(4)).readUInt32BE()),
      events: new EventLog(name),
      ports: {
        post: (command) => this.#obey(command),
        refusal: (change) => this.#dataplane.refusal(change),
        now: bootTimeMs,
        random: randomOctets,
        wakeAt: (at) => this.#alarm.set(at),
        log: () => {},
      },
    });
    socket.on('message', (datagram, sender) => this.#receive(datagram, sender));
    this.router.start();
  }

  get isUp(): boolean {
    return this.router.channel.state.state === 'up';
  }

  /** A packet of a host behind this router. */
  send(packet: Uint8Array): void {
    this.#carry(this.#dataplane.outbound(packet, bootTimeMs()));
    this.#report();
  }

  /** Vanishes without a word, as a crash would. */
  stop(): void {
    this.#alarm.set(undefined);
    this.#socket.close();
  }

  #receive(datagram: Uint8Array, sender: RemoteInfo): void {
    const from = endpoint(sender.address, sender.port);
    if (Buffer.compare(datagram.subarray(0, 4), nonEspMarker) === 0) {
      this.router.loopEvent({ kind: 'ike', bytes: datagram.subarray(4), from });
      return;
    }
    const to = this.#local.address;
    this.#carry(
      this.#dataplane.inbound({ esp: datagram, from, to, encapsulation: 'udp', tos: 0 }, bootTimeMs()),
    );
    this.#report();
  }

  #obey(command: LoopCommand): void {
    if (command.kind === 'change') {
      for (const { pair } of command.change.install ?? []) {
        for (const { keys } of [pair.inbound, pair.outbound]) {
          for (const secret of [keys.encryptionKey, keys.authenticationKey]) {
            // Of the pairs that the server made; the channel's keys come from IKE.
            if (pair.entry !== '' && secret.length > 0) this.keys.push(Uint8Array.from(secret.reveal()));
          }
        }
      }
      this.#dataplane.change(command.change, bootTimeMs());
    } else if (command.kind === 'release-held') {
      for (const outcome of this.#dataplane.releaseHeld(command.entry, bootTimeMs())) this.#carry(outcome);
    } else if (command.kind === 'send-ike') {
      this.#transmit(Buffer.concat([nonEspMarker, command.bytes]), command.to);
    } else if (command.kind === 'send-dummy') {
      this.#carry(this.#dataplane.dummy(command.spi, dummyOctets, bootTimeMs()));
    } else if (command.kind === 'send-inner') {
      this.#carry(this.#dataplane.outboundThrough(command.spi, command.packet, bootTimeMs()));
    }
    // Events wait for the next batch, as in the packet loop.
    setImmediate(() => this.#report());
  }

  #report(): void {
    const events = this.#dataplane.drainEvents();
    if (events.length > 0) this.router.loopEvent({ kind: 'engine', events, atMs: bootTimeMs() });
  }

  #carry(outcome: Outcome): void {
    if (outcome.kind === 'send' && outcome.encapsulation === 'udp') this.#transmit(outcome.esp, outcome.to);
    else if (outcome.kind === 'deliver' && outcome.to === 'network') this.delivered.push(outcome.packet);
    else if (outcome.kind === 'deliver') {
      this.router.loopEvent({ kind: 'inner', packet: outcome.packet, spi: outcome.spi });
    }
  }

  #transmit(bytes: Uint8Array, to: Endpoint): void {
    try {
      this.#socket.send(bytes, to.port, formatAddress(to.address), () => {});
    } catch {
      // The test has stopped this router; what was under way is lost, as in a crash.
    }
  }
}
