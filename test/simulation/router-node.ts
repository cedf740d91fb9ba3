/**
 * A router in the simulated world: the shipped setting management and hello over an engine, with the glue that host/router
 * has in the shipped router. It can be killed between any two actions, and starts again knowing its settings alone.
 */
import type { Engine, EngineEvent, Outcome, TableChange } from '../../host/dataplane/engine.ts';
import { SpiAllocator } from '../../host/dataplane/spi-allocator.ts';
import type { RouterMessage, ServerMessage } from '../../host/messages/message.ts';
import { type Endpoint, formatEndpoint } from '../../host/model/address.ts';
import type { SpdEntry } from '../../host/model/policy.ts';
import { proposals } from '../../host/model/proposal.ts';
import type { Spi } from '../../host/model/security-association.ts';
import { HelloExchange } from '../../host/router/hello.ts';
import type { SettingAction, SettingEvent } from '../../host/router/setting-management/events.ts';
import { SettingManagement } from '../../host/router/setting-management/setting-management.ts';
import { defaultSettingTimers } from '../../host/router/setting-management/timers.ts';
import { mirrorPacket, packetNumber, selectorOf } from './inner-packet.ts';
import type { RouterMachine } from './plant.ts';
import type { World } from './world.ts';

export class RouterNode {
  readonly name: string;
  entries: readonly SpdEntry[];
  endpoint: Endpoint;
  /** Undefined while the router is down. */
  life: Life | undefined;
  /** Counted down with each action; the router dies when it is spent. */
  actionsToLive = Number.POSITIVE_INFINITY;
  /** When it was last cut off from the server, or was not there. */
  disturbedAt = 0;
  readonly #world: World;

  constructor(world: World, name: string, entries: readonly SpdEntry[], endpoint: Endpoint) {
    this.#world = world;
    this.name = name;
    this.entries = entries;
    this.endpoint = endpoint;
  }

  start(): void {
    this.life = new Life(this.#world, this);
    this.#world.trace(this.name, 'starts');
    this.life.begin();
  }

  die(): void {
    if (this.life === undefined) return;
    this.#world.trace(this.name, 'dies');
    this.life = undefined;
    this.actionsToLive = Number.POSITIVE_INFINITY;
    this.#world.witness.forgets(this.name);
    this.#world.loseChannel(this, 'the router died');
  }
}

/** One run of the router's process. */
export class Life {
  readonly machine: RouterMachine;
  engine: Engine;
  readonly #world: World;
  readonly #node: RouterNode;
  readonly #hello: HelloExchange;
  readonly #peers = new Map<string, string>();
  #installed = new Map<Spi, string>();
  isWelcome = false;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(world: World, node: RouterNode) {
    this.#world = world;
    this.#node = node;
    const random = (octets: number) => world.prng.octets(octets);
    this.engine = world.makeEngine();
    this.machine = world.plantRouter(
      new SettingManagement({
        name: node.name,
        entries: node.entries,
        random,
        refusal: () => undefined,
        spiAllocator: new SpiAllocator(world.scenario.saPairs, () => world.prng.uint32()),
        timers: defaultSettingTimers,
        localEndpoint: () => node.endpoint,
        proposals: new Set(proposals.keys()),
      }),
    );
    this.#hello = new HelloExchange({
      name: node.name,
      proposals: [...proposals.keys()],
      software: 'simulation',
      random,
    });
  }

  get #isAlive(): boolean {
    return this.#node.life === this;
  }

  begin(): void {
    this.#learnPeers();
    this.#carryOut(this.machine.start());
    this.#plan();
  }

  #learnPeers(): void {
    for (const { name, requestPeer } of this.#node.entries) {
      if (requestPeer !== undefined) this.#peers.set(name, requestPeer);
    }
  }

  tell(event: SettingEvent): void {
    if (!this.#isAlive) return;
    this.#carryOut(this.machine.handle(event, this.#world.now));
    if (!this.#isAlive) return;
    this.#world.witness.asks(this.#node.name, this.machine.requests());
    this.#plan();
  }

  channelUp(): void {
    this.isWelcome = false;
    this.#send(this.#hello.begin(this.#world.now));
    this.#plan();
  }

  channelDown(): void {
    this.isWelcome = false;
    this.#hello.stop();
    this.tell({ kind: 'channel-down' });
  }

  receive(message: ServerMessage): void {
    if (message.type === 'welcome') {
      if (!this.#hello.accept(message)) return;
      this.isWelcome = true;
      this.tell({ kind: 'channel-up', behindNat: false });
    } else {
      this.tell({ kind: 'message', message });
      if (message.type === 'distribution' && this.#isAlive) this.#world.witness.messageUsed(message);
    }
  }

  #send(message: RouterMessage): void {
    this.#world.toServer(this.#node, message);
  }

  #carryOut(actions: readonly SettingAction[]): void {
    for (const action of actions) {
      if (!this.#isAlive) return;
      this.#node.actionsToLive -= 1;
      if (this.#node.actionsToLive <= 0) {
        this.#world.killRouter(this.#node);
        return;
      }
      this.#world.traceAction(this.#node.name, action);
      switch (action.kind) {
        case 'send':
          if (this.isWelcome) this.#send(action.message);
          break;
        case 'change':
          this.#change(action.change);
          break;
        case 'send-dummy':
          this.#outcome(this.engine.dummy(action.spi, 40, this.#world.now));
          break;
        case 'send-keepalive':
          break;
        case 'release-held':
          for (const outcome of this.engine.releaseHeld(action.entry, this.#world.now))
            this.#outcome(outcome);
          break;
        case 'drop-held':
          this.engine.dropHeld(action.entry);
          this.#world.noteFailure(this.#node, action.entry, action.failure);
          break;
        case 'log':
          break;
      }
      this.#collectEvents();
    }
  }

  #change(change: TableChange): void {
    const { witness } = this.#world;
    for (const { pair } of change.install ?? []) {
      const peer = this.#peers.get(pair.entry) ?? '';
      witness.installs(this.#node.name, peer, pair);
      this.#installed.set(pair.inbound.spi, pair.entry);
      this.#world.noteInstalled(this.#node.name, peer, pair.inbound.hard.seconds);
    }
    this.engine.change(change, this.#world.now);
    for (const spi of change.remove ?? []) this.#removed(spi);
    if (change.spd !== undefined) {
      const names = new Set(change.spd.map(({ name }) => name));
      for (const [spi, entry] of this.#installed) if (!names.has(entry)) this.#removed(spi);
    }
    this.#world.afterChange(this.#node, this.engine);
  }

  #removed(spi: Spi): void {
    this.#installed.delete(spi);
    this.#world.witness.removes(this.#node.name, spi);
  }

  /** The SPD is edited, as in the settings file. */
  edit(entries: readonly SpdEntry[]): void {
    this.#node.entries = entries;
    this.#learnPeers();
    this.tell({ kind: 'spd', entries });
  }

  loseEngine(): void {
    this.#world.trace(this.#node.name, 'loses its engine');
    this.#world.witness.forgets(this.#node.name);
    this.#installed = new Map();
    this.engine = this.#world.makeEngine();
    this.tell({ kind: 'engine-lost' });
  }

  /** A packet of a host behind this router. */
  fromHost(packet: Uint8Array): Outcome {
    const outcome = this.engine.outbound(packet, this.#world.now);
    this.#world.witness.outbound(this.#node.name, this.#node.entries, selectorOf(packet), outcome);
    this.#outcome(outcome);
    this.#collectEvents();
    return outcome;
  }

  fromInternet(esp: Uint8Array, from: Endpoint, encapsulation: 'udp' | 'raw'): void {
    const arrival = { esp, from, to: this.#node.endpoint.address, encapsulation, tos: 0 };
    this.#outcome(this.engine.inbound(arrival, this.#world.now));
    this.#collectEvents();
  }

  #outcome(outcome: Outcome): void {
    const { witness } = this.#world;
    switch (outcome.kind) {
      case 'send':
        witness.sendsEsp(this.#node.name, outcome.spi, outcome.esp);
        this.#world.toPeer(this.#node, outcome);
        break;
      case 'deliver':
        this.#deliver(outcome.packet);
        break;
      case 'bypass':
        witness.outbound(this.#node.name, this.#node.entries, selectorOf(outcome.packet), outcome);
        break;
      case 'dropped':
        this.#world.noteDrop(this.#node.name, outcome.reason);
        break;
      case 'held':
        break;
    }
  }

  #deliver(packet: Uint8Array): void {
    const number = packetNumber(packet);
    if (number === undefined) throw new Error('a packet came out that nobody sent');
    const to = this.#world.destinationOf(number);
    const selector = mirrorPacket(selectorOf(packet));
    this.#world.witness.delivers(this.#node.name, this.#node.entries, number, selector, to);
  }

  /** Events reach the control side a little later, as from a worker thread. */
  #collectEvents(): void {
    for (const event of this.engine.drainEvents()) {
      const { engine } = this;
      this.#world.agenda.after(this.#world.prng.below(4), () => this.#engineEvent(engine, event));
    }
  }

  #engineEvent(engine: Engine, event: EngineEvent): void {
    if (!this.#isAlive || engine !== this.engine) return;
    if (this.#world.isTracing) this.#world.trace(this.#node.name, describeEvent(event));
    this.tell(event);
  }

  #plan(): void {
    const next = Math.min(
      this.machine.nextDeadline() ?? Number.POSITIVE_INFINITY,
      this.#hello.nextDeadline() ?? Number.POSITIVE_INFINITY,
    );
    if (next === Number.POSITIVE_INFINITY || next >= this.#wakeAt) return;
    this.#wakeAt = next;
    this.#world.agenda.at(next, () => this.#wake());
  }

  #wake(): void {
    if (!this.#isAlive) return;
    if (this.#world.now < this.#wakeAt) return;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const hello = this.#hello.deadline(this.#world.now);
    if (hello !== undefined) this.#send(hello);
    const next = this.machine.nextDeadline();
    if (next !== undefined && next <= this.#world.now) this.tell({ kind: 'deadline' });
    else this.#plan();
  }
}

function describeEvent(event: EngineEvent): string {
  switch (event.kind) {
    case 'acquire':
      return `engine: acquire for ${event.entry}`;
    case 'unknown-spi':
      return `engine: unknown SPI ${event.spi.toString(16)} from ${formatEndpoint(event.from)}`;
    default:
      return `engine: ${event.kind} of SPI ${event.spi.toString(16)}`;
  }
}
