/**
 * The echo peer (host/messages/echo-peer.ts): the server's own end of self-tests, a pure machine. To request processing it is a
 * router like any other: it is asked to ask, asks, gets policy, SAs and keys, says `installed`. It turns every echo request
 * that comes out of one of its SAs round, once, at the same length, and keeps nothing.
 *
 * What it holds is bounded whatever routers do: so many SAs in all, each for so many packets and seconds (self-test-policy.ts).
 */
import { turnRound } from '../../channel/echo-packet.ts';
import { innerAddress } from '../../channel/inner-address.ts';
import type { TableChange } from '../../dataplane/engine.ts';
import { wipeMessage } from '../../messages/codec.ts';
import { echoPeerName } from '../../messages/echo-peer.ts';
import type {
  Distribution,
  MessageId,
  RequestStartup,
  RouterMessage,
  ServerMessage,
} from '../../messages/message.ts';
import type { Endpoint } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import type { Spi } from '../../model/security-association.ts';
import { selfTestSeconds } from '../distribution-policies/self-test-policy.ts';
import { echoPair } from './echo-pair.ts';

export interface EchoPeerOptions {
  readonly random: (octets: number) => Uint8Array;
  readonly allocateSpi: () => Spi | undefined;
  readonly releaseSpi: (spi: Spi) => void;
  /** Where this server's end of the router's channel is: its self-test comes by the same socket. */
  readonly localOf: (router: string) => Endpoint | undefined;
  /** Self-tests at once, of all routers; 32 unless given. */
  readonly maximumTests?: number;
}

export type EchoAction =
  /** To request processing, as if a channel had brought it. */
  | { readonly kind: 'message'; readonly message: RouterMessage }
  | { readonly kind: 'change'; readonly change: TableChange }
  | { readonly kind: 'send-inner'; readonly spi: Spi; readonly packet: Uint8Array };

interface Test {
  readonly id: MessageId;
  /** Of the startup that it answers. */
  readonly startupId: MessageId;
  readonly router: string;
  readonly spi: Spi;
  readonly endsAt: Instant;
  isInstalled: boolean;
}

export interface EchoCounters {
  /** SAs set up so far, and packets turned round. */
  setUps: number;
  answered: number;
}

export class EchoPeer {
  readonly counters: EchoCounters = { setUps: 0, answered: 0 };
  readonly #options: EchoPeerOptions;
  /** In the order in which they end, since all live for the same time. */
  readonly #tests = new Map<MessageId, Test>();
  readonly #bySpi = new Map<Spi, Test>();
  readonly #byStartup = new Map<MessageId, Test>();

  constructor(options: EchoPeerOptions) {
    this.#options = options;
  }

  /** How many self-tests hold an SPI now. */
  get underWay(): number {
    return this.#tests.size;
  }

  /** When `deadline` has something to do. */
  nextDeadline(): Instant | undefined {
    const [first] = this.#tests.values();
    return first?.endsAt;
  }

  /** True for the SPI of one of its SAs. */
  owns(spi: Spi): boolean {
    return this.#bySpi.has(spi);
  }

  /** What request processing says to the peer. The keys of a distribution are wiped unless they go to the engine. */
  receive(message: ServerMessage, now: Instant): EchoAction[] {
    switch (message.type) {
      case 'request-startup':
        return this.#ask(message, now);
      case 'distribution':
        return this.#install(message);
      case 'withdraw':
        return this.#withdraw(message.ids, message);
      case 'refused':
      case 'no-response':
      case 'no-corresponding-entry':
      case 'contents-inconsistent':
        return this.#remove(message.id);
      case 'endpoint':
        return this.#move(message.peer, message.endpoint);
      default:
        return [];
    }
  }

  /** A packet that came out of one of its SAs. Borrows it. */
  inner(spi: Spi, packet: Uint8Array): EchoAction[] {
    const test = this.#bySpi.get(spi);
    if (test === undefined) return [];
    const reply = turnRound(packet, innerAddress(test.router), innerAddress(echoPeerName));
    if (reply === undefined) return [];
    this.counters.answered += 1;
    return [{ kind: 'send-inner', spi, packet: reply }];
  }

  /** An authentic packet of one of its SAs came from elsewhere. */
  moved(spi: Spi, peer: Endpoint): EchoAction[] {
    return this.#bySpi.has(spi) ? [{ kind: 'change', change: { move: [{ spi, peer }] } }] : [];
  }

  /** Takes down what has lived its time. */
  deadline(now: Instant): EchoAction[] {
    const due = [...this.#tests.values()].filter(({ endsAt }) => endsAt <= now);
    return due.flatMap(({ id }) => this.#remove(id));
  }

  #ask(startup: RequestStartup, now: Instant): EchoAction[] {
    const { id: startupId, peer, kind, selectors } = startup;
    const known = this.#byStartup.get(startupId);
    const spi = known?.spi ?? this.#place();
    if (spi === undefined) {
      const report = { type: 'report', id: startupId, source: echoPeerName, peer, kind } as const;
      return [
        { kind: 'message', message: { ...report, what: 'no-spd-entry', spi: 0, from: null, count: 1 } },
      ];
    }
    const test = known ?? this.#add(startup, spi, now);
    const envelope = { type: 'request', id: test.id, source: echoPeerName, peer, kind } as const;
    const about = { spi, lane: startup.lane, selectors, packet: null, startupId };
    return [{ kind: 'message', message: { ...envelope, ...about } }];
  }

  #place(): Spi | undefined {
    return this.#tests.size < (this.#options.maximumTests ?? 32) ? this.#options.allocateSpi() : undefined;
  }

  #add({ id: startupId, peer }: RequestStartup, spi: Spi, now: Instant): Test {
    const id = Buffer.from(this.#options.random(8)).toString('hex');
    const endsAt = now + selfTestSeconds * 1000;
    const test: Test = { id, startupId, router: peer, spi, endsAt, isInstalled: false };
    this.#tests.set(id, test);
    this.#bySpi.set(spi, test);
    this.#byStartup.set(startupId, test);
    return test;
  }

  #install(distribution: Distribution): EchoAction[] {
    const test = this.#tests.get(distribution.id);
    const local = this.#options.localOf(distribution.peer);
    if (test === undefined || local === undefined || distribution.inbound.spi !== test.spi) {
      wipeMessage(distribution);
      return [];
    }
    const { id, peer, kind } = distribution;
    const installed = { type: 'installed', id, source: echoPeerName, peer, kind } as const;
    if (test.isInstalled) {
      wipeMessage(distribution);
      return [{ kind: 'message', message: installed }];
    }
    test.isInstalled = true;
    this.counters.setUps += 1;
    const pair = echoPair(distribution, local.address, local.port);
    return [
      { kind: 'change', change: { install: [{ pair, use: true }] } },
      { kind: 'message', message: installed },
    ];
  }

  #withdraw(
    ids: readonly MessageId[],
    { id, peer, kind }: Extract<ServerMessage, { type: 'withdraw' }>,
  ): EchoAction[] {
    const done = { type: 'withdrawn', id, source: echoPeerName, peer, kind } as const;
    return [...ids.flatMap((one) => this.#remove(one)), { kind: 'message', message: done }];
  }

  #remove(id: MessageId): EchoAction[] {
    const test = this.#tests.get(id);
    if (test === undefined) return [];
    this.#tests.delete(id);
    this.#bySpi.delete(test.spi);
    this.#byStartup.delete(test.startupId);
    this.#options.releaseSpi(test.spi);
    return test.isInstalled ? [{ kind: 'change', change: { remove: [test.spi] } }] : [];
  }

  #move(router: string, endpoint: Endpoint): EchoAction[] {
    // At most as many as there may be tests, and mostly none.
    const moved = [...this.#tests.values()].filter((test) => test.router === router && test.isInstalled);
    return moved.flatMap(({ spi }) => this.moved(spi, endpoint));
  }
}
