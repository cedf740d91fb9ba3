/**
 * A simulated world: routers, the setting server, the network between them, hosts that send. Everything that moves does so
 * on one agenda, from one seed. Troubles are trouble.ts's, the end is settlement.ts's, what must never be is witness.ts's.
 */
import type { Engine, Outcome } from '../../host/dataplane/engine.ts';
import { decodeRouterMessage, encodeMessage } from '../../host/messages/codec.ts';
import type { RouterMessage, ServerMessage } from '../../host/messages/message.ts';
import { type Endpoint, equalAddresses } from '../../host/model/address.ts';
import type { PacketSelector } from '../../host/model/selector.ts';
import { selectorMatches } from '../../host/model/selector.ts';
import type { SettingAction, SettingFailure } from '../../host/router/setting-management/events.ts';
import { kindOfPacket } from '../../host/server/distribution-policies/pair-setting.ts';
import { Agenda } from './agenda.ts';
import { buildPacket, mirrorPacket, type PacketKind, selectorOf, showsPlaintext } from './inner-packet.ts';
import { Network } from './network.ts';
import type { Plant, RouterMachine, ServerMachine } from './plant.ts';
import type { Prng } from './prng.ts';
import { RouterNode } from './router-node.ts';
import { hostOf, outerAddress, type Scenario } from './scenario.ts';
import { ServerNode } from './server-node.ts';
import { describeAction, describeMessage, formatLine } from './trace.ts';
import { firstMatch, Violation, Witness } from './witness.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly prng: Prng;
  readonly makeEngine: (prng: Prng, saPairs: number) => Engine;
  /** The engine encrypts: then no plaintext may be seen on the wire either. */
  readonly isEncrypting: boolean;
  /** Called after each change of a router's tables; throws a Violation. */
  readonly inspect?: ((engine: Engine) => void) | undefined;
  readonly plant?: Plant | undefined;
  readonly trace?: string[] | undefined;
}

interface Sent {
  readonly from: string;
  readonly to: string;
  readonly at: number;
  /** It must arrive, as long as there is no loss and no trouble. */
  readonly mustArrive: boolean;
}

/** Everything starts here, so that instants are not mistaken for durations. */
const startMs = 1_000_000;

/** Steps without an end: far more than any scenario needs. */
const maximumSteps = 600_000;
const maximumStepsAtOnce = 5_000;

export class World {
  readonly scenario: Scenario;
  readonly prng: Prng;
  readonly agenda = new Agenda(startMs);
  readonly witness = new Witness(() => this.agenda.now);
  /** Carries setting messages. */
  readonly network: Network;
  /** Carries packets between routers. */
  readonly internet: Network;
  readonly server: ServerNode;
  readonly routers: ReadonlyMap<string, RouterNode>;
  readonly sent = new Map<number, Sent>();
  /** When SA pairs of two routers ended, by `a b`: packets at that very time may be lost. */
  readonly hardEnds = new Map<string, number[]>();
  readonly failures: { readonly router: string; readonly entry: string; readonly failure: SettingFailure }[] =
    [];
  readonly drops: Record<string, number> = {};
  /** Routers that the server took SAs back from. */
  readonly withdrawnAt = new Set<string>();
  readonly isTracing: boolean;
  readonly #options: WorldOptions;
  readonly #channels = new Map<string, number>();
  readonly #welcomeAt = new Map<string, number>();
  #channelNumber = 0;
  #packetNumber = 0;
  #stepsAtOnce = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.scenario = options.scenario;
    this.prng = options.prng;
    this.isTracing = options.trace !== undefined;
    this.network = new Network(this.agenda, this.prng.fork(), options.scenario.weather);
    this.internet = new Network(this.agenda, this.prng.fork(), options.scenario.packetWeather);
    this.server = new ServerNode(this, options.scenario.policies);
    this.routers = new Map(
      options.scenario.names.map((name) => {
        const entries = options.scenario.entries.get(name) ?? [];
        return [name, new RouterNode(this, name, entries, { address: outerAddress(name), port: 4500 })];
      }),
    );
  }

  get now(): number {
    return this.agenda.now;
  }

  begin(): void {
    this.server.start();
    for (const node of this.routers.values()) {
      this.agenda.after(this.prng.between(0, 2_000), () => this.startRouter(node));
    }
  }

  /** Lets time pass until `end`. */
  runUntil(end: number): void {
    for (;;) {
      const before = this.now;
      if (!this.agenda.step(end)) return;
      this.#stepsAtOnce = this.now === before ? this.#stepsAtOnce + 1 : 0;
      if (this.#stepsAtOnce > maximumStepsAtOnce)
        throw new Violation('no-rest', `time stands still at ${this.now} ms`);
      if (this.agenda.steps > maximumSteps)
        throw new Violation('no-rest', `${maximumSteps} steps are not enough`);
    }
  }

  trace(where: string, what: string): void {
    this.#options.trace?.push(formatLine(this.now - startMs, where, what));
  }

  traceAction(where: string, action: SettingAction): void {
    if (!this.isTracing) return;
    const line = describeAction(action);
    if (line !== undefined) this.trace(where, line);
  }

  makeEngine(): Engine {
    const engine = this.#options.makeEngine(this.prng, this.scenario.saPairs);
    return this.#options.plant?.engine?.(engine) ?? engine;
  }

  plantRouter(machine: RouterMachine): RouterMachine {
    return this.#options.plant?.router?.(machine) ?? machine;
  }

  plantServer(machine: ServerMachine): ServerMachine {
    return this.#options.plant?.server?.(machine) ?? machine;
  }

  afterChange(_node: RouterNode, engine: Engine): void {
    this.#options.inspect?.(engine);
  }

  // Routers and channels.

  startRouter(node: RouterNode): void {
    if (node.life !== undefined) return;
    node.start();
    this.#connect(node);
  }

  killRouter(node: RouterNode): void {
    if (node.life === undefined) return;
    node.die();
    this.agenda.after(this.prng.between(100, 15_000), () => this.startRouter(node));
  }

  killServer(): void {
    if (this.server.machine === undefined) return;
    this.server.die();
    for (const node of this.routers.values()) {
      const channel = this.#channels.get(node.name);
      // The server's notice, or the router's own question whether it is there.
      this.agenda.after(this.prng.between(50, 12_000), () => {
        if (channel !== undefined && this.#channels.get(node.name) === channel) {
          this.loseChannel(node, 'the server is gone');
        }
      });
    }
    this.agenda.after(this.prng.between(100, 15_000), () => this.startServer());
  }

  startServer(): void {
    if (this.server.machine === undefined) this.server.start();
  }

  /** The router notices that its channel is gone, and sets another up. */
  loseChannel(node: RouterNode, why: string): void {
    this.#welcomeAt.delete(node.name);
    if (!this.#channels.delete(node.name)) return;
    this.trace(node.name, `channel down: ${why}`);
    if (node.life === undefined) return;
    node.life.channelDown();
    this.agenda.after(this.prng.between(100, 3_000), () => this.#connect(node));
  }

  /** Two round trips of IKE, retransmissions included: it works in the end if both are there. */
  #connect(node: RouterNode): void {
    const { life } = node;
    if (life === undefined || this.#channels.has(node.name)) return;
    this.#channelNumber += 1;
    const channel = this.#channelNumber;
    this.agenda.after(this.network.delayMs() + this.network.delayMs(), () => {
      if (node.life !== life || this.#channels.has(node.name)) return;
      if (this.server.machine === undefined) {
        this.agenda.after(this.prng.between(500, 3_000), () => this.#connect(node));
        return;
      }
      this.server.channels.set(node.name, channel);
      this.tellPlace(node);
      this.agenda.after(this.network.delayMs(), () => {
        if (node.life !== life || this.#channels.has(node.name)) return;
        // Another attempt, or another life of the server, was in between.
        if (this.server.channels.get(node.name) !== channel) {
          this.agenda.after(this.prng.between(500, 3_000), () => this.#connect(node));
          return;
        }
        this.#channels.set(node.name, channel);
        this.trace(node.name, `channel ${channel} up`);
        life.channelUp();
      });
    });
  }

  /** The server sees where the router is. */
  tellPlace(node: RouterNode): void {
    if (!this.server.channels.has(node.name)) return;
    this.server.tell({ kind: 'channel-up', router: node.name, endpoint: node.endpoint, behindNat: false });
  }

  isConnected(node: RouterNode): boolean {
    return (
      this.#channels.has(node.name) && this.#channels.get(node.name) === this.server.channels.get(node.name)
    );
  }

  /** Since when the router has been there and able to talk to the server; now, when it is not. */
  undisturbedSince(name: string): number {
    const welcomeAt = this.#welcomeAt.get(name);
    const node = this.routers.get(name);
    if (node?.life === undefined || welcomeAt === undefined || !this.isConnected(node)) return this.now;
    return Math.max(welcomeAt, this.server.startedAt);
  }

  toServer(node: RouterNode, message: RouterMessage): void {
    const channel = this.#channels.get(node.name);
    if (channel === undefined) return;
    const datagram = this.scenario.usesCodec ? encodeMessage(message) : undefined;
    const copies = this.network.carry(() => {
      if (this.server.channels.get(node.name) !== channel) return;
      this.server.receive(node.name, datagram === undefined ? message : decoded(datagram));
    });
    if (this.isTracing) this.trace(node.name, `-> server ${describeMessage(message)}${fate(copies)}`);
  }

  toRouter(router: string, channel: number, copy: () => ServerMessage, message: ServerMessage): void {
    const node = this.routers.get(router);
    if (node === undefined) return;
    const copies = this.network.carry(() => {
      if (this.#channels.get(router) !== channel || node.life === undefined) return;
      const received = copy();
      if (received.type === 'withdraw') this.withdrawnAt.add(router);
      if (this.isTracing) this.trace(router, `<- server ${describeMessage(received)}`);
      node.life.receive(received);
      if (received.type === 'welcome' && node.life?.isWelcome === true) this.#welcomeAt.set(router, this.now);
    });
    if (this.isTracing) this.trace('server', `-> ${router} ${describeMessage(message)}${fate(copies)}`);
  }

  // Packets.

  toPeer(node: RouterNode, sent: Extract<Outcome, { kind: 'send' }>): void {
    const { esp, to, encapsulation } = sent;
    if (this.#options.isEncrypting && showsPlaintext(esp)) {
      throw new Violation('plaintext', `${node.name} sent a packet that can be read on the wire`);
    }
    const from = node.endpoint;
    const copies = this.internet.carry(() => {
      for (const peer of this.routers.values()) {
        const isThere =
          equalAddresses(peer.endpoint.address, to.address) &&
          (encapsulation === 'raw' || peer.endpoint.port === to.port);
        if (isThere) peer.life?.fromInternet(esp.slice(), from, encapsulation);
      }
    });
    if (this.isTracing) this.trace(node.name, `ESP through ${sent.spi.toString(16)}${fate(copies)}`);
  }

  /** A host behind `from` sends one packet to a host behind `to`; returns its number. */
  sendPacket(from: string, to: string, kind: PacketKind, host: number): number {
    this.#packetNumber += 1;
    const number = this.#packetNumber;
    const packet = buildPacket(number, hostOf(from, host), hostOf(to, host), kind);
    const node = this.routers.get(from);
    const mustArrive = this.isWanted(from, to, selectorOf(packet));
    this.sent.set(number, { from, to, at: this.now, mustArrive });
    const outcome = node?.life?.fromHost(packet);
    if (this.isTracing) {
      const what = outcome === undefined ? 'lost, the router is down' : describeOutcome(outcome);
      this.trace(from, `packet ${number} to ${to} protocol ${kind.protocol}: ${what}`);
    }
    return number;
  }

  /** True when the settings of both ends and of the server want the packet to go through IPsec. */
  isWanted(from: string, to: string, packet: PacketSelector): boolean {
    const own = firstMatch(this.routers.get(from)?.entries ?? [], packet);
    if (own?.action !== 'PROTECT' || own.requestPeer !== to) return false;
    const mirrored = mirrorPacket(packet);
    const isWelcome = (this.routers.get(to)?.entries ?? []).some(
      ({ action, requestPeer, selectors }) =>
        action === 'PROTECT' &&
        requestPeer === from &&
        selectors.some((one) => selectorMatches(one, mirrored)),
    );
    return isWelcome && kindOfPacket(this.server.policies, from, to, packet) !== undefined;
  }

  destinationOf(number: number): string {
    return this.sent.get(number)?.to ?? '';
  }

  noteDrop(_router: string, reason: string): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }

  noteFailure(node: RouterNode, entry: string, failure: SettingFailure): void {
    this.failures.push({ router: node.name, entry, failure });
  }

  noteInstalled(a: string, b: string, hardSeconds: number): void {
    const key = [a, b].sort().join(' ');
    const ends = this.hardEnds.get(key);
    if (ends === undefined) this.hardEnds.set(key, [this.now + hardSeconds * 1000]);
    else ends.push(this.now + hardSeconds * 1000);
  }
}

export type { Endpoint };

function decoded(datagram: Uint8Array): RouterMessage {
  const message = decodeRouterMessage(Uint8Array.from(datagram));
  if (!message.ok) throw new Error(`a router's message does not decode: ${message.message}`);
  return message.value;
}

function fate(copies: number): string {
  return copies === 1 ? '' : copies === 0 ? ' (lost)' : ' (doubled)';
}

function describeOutcome(outcome: Outcome): string {
  return outcome.kind === 'dropped' ? `dropped, ${outcome.reason}` : outcome.kind;
}
