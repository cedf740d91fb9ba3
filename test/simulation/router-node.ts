/**
 * A router in the simulated world: the shipped setting management and hello over an engine, with the glue that host/router
 * has in the shipped router. It can be killed between any two actions, and starts again knowing its settings alone.
 */
import type { Engine, EngineEvent, Outcome, TableChange } from '../../host/dataplane/engine.ts';
import { sharesOf } from '../../host/dataplane/shares.ts';
import { SpiAllocator, workerOfSpi } from '../../host/dataplane/spi-allocator.ts';
import type { RouterMessage, ServerMessage } from '../../host/messages/message.ts';
import { type Endpoint, formatEndpoint } from '../../host/model/address.ts';
import type { SpdEntry } from '../../host/model/policy.ts';
import { proposals } from '../../host/model/proposal.ts';
import { Secret } from '../../host/model/secret.ts';
import type { SecurityAssociation, Spi } from '../../host/model/security-association.ts';
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

/** Until a worker but the first has taken over what the control side tells it. */
const longestOrderMs = 2;

/**
 * One run of the router's process. Each of its workers has an engine: the first is the control side's own thread, the others
 * are told what to change, and take it over in order and a little later.
 */
export class Life {
  readonly machine: RouterMachine;
  #engines: readonly Engine[];
  /** What each engine has been told of the SPD. */
  #inForce: (readonly SpdEntry[])[] = [];
  /** When each worker has taken over all that it was told. */
  readonly #orderedUntil: number[];
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
    this.#engines = this.#makeEngines();
    this.#orderedUntil = this.#engines.map(() => 0);
    this.machine = world.plantRouter(
      new SettingManagement({
        name: node.name,
        entries: node.entries,
        random,
        refusal: () => undefined,
        spiAllocator: new SpiAllocator(
          world.scenario.saPairs,
          () => world.prng.uint32(),
          this.#engines.length,
        ),
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

  #makeEngines(): Engine[] {
    const { workers } = this.#world.scenario;
    return Array.from({ length: workers.get(this.#node.name) ?? 1 }, () => this.#world.makeEngine());
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
          this.#order(workerOfSpi(action.spi, this.#engines.length), (engine, worker) =>
            this.#outcome(worker, engine.dummy(action.spi, 40, this.#world.now)),
          );
          break;
        case 'send-keepalive':
          break;
        case 'release-held':
          for (const worker of this.#engines.keys()) {
            if (action.worker === undefined || action.worker === worker)
              this.#order(worker, (engine) => this.#release(worker, engine, action.entry));
          }
          break;
        case 'drop-held':
          for (const worker of this.#engines.keys()) {
            this.#order(worker, (engine) => {
              engine.dropHeld(action.entry);
            });
          }
          this.#world.noteFailure(this.#node, action.entry, action.failure);
          break;
        case 'log':
          break;
      }
      this.#collectEvents();
    }
  }

  /** Lets a worker do something with its engine: the first at once, another when it has done what it was told before. */
  #order(worker: number, act: (engine: Engine, worker: number) => void): void {
    const engine = this.#engineOf(worker);
    if (worker === 0) {
      act(engine, worker);
      return;
    }
    const { now, prng, agenda } = this.#world;
    const at = Math.max(now + prng.below(longestOrderMs + 1), this.#orderedUntil[worker] ?? 0);
    this.#orderedUntil[worker] = at;
    agenda.at(at, () => {
      if (!this.#isAlive || this.#engines[worker] !== engine) return;
      act(engine, worker);
      this.#collectEvents();
    });
  }

  #release(worker: number, engine: Engine, entry: string): void {
    for (const outcome of engine.releaseHeld(entry, this.#world.now)) this.#outcome(worker, outcome);
  }

  #change(change: TableChange): void {
    for (const [worker, share] of sharesOf(change, this.#engines.length).entries()) {
      if (share === undefined) continue;
      const own = worker === 0 ? share : withOwnKeys(share);
      this.#order(worker, (engine) => this.#changeOne(worker, engine, own));
    }
  }

  #changeOne(worker: number, engine: Engine, change: TableChange): void {
    const { witness } = this.#world;
    for (const { pair } of change.install ?? []) {
      const peer = this.#peers.get(pair.entry) ?? '';
      witness.installs(this.#node.name, peer, pair);
      this.#installed.set(pair.inbound.spi, pair.entry);
      this.#world.noteInstalled(this.#node.name, peer, pair.inbound.hard.seconds);
    }
    engine.change(change, this.#world.now);
    for (const spi of change.remove ?? []) this.#removed(spi);
    if (change.spd !== undefined) {
      this.#inForce[worker] = change.spd;
      const names = new Set(change.spd.map(({ name }) => name));
      for (const [spi, entry] of this.#installed) {
        const isOwn = workerOfSpi(spi, this.#engines.length) === worker;
        if (isOwn && !names.has(entry)) this.#removed(spi);
      }
    }
    this.#world.afterChange(this.#node, engine);
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
    this.#engines = this.#makeEngines();
    this.#inForce = [];
    this.tell({ kind: 'engine-lost' });
  }

  /** A packet of a host behind this router: the kernel gives all of a flow to one worker. */
  fromHost(packet: Uint8Array): Outcome {
    const worker = flowHash(packet) % this.#engines.length;
    const outcome = this.#engineOf(worker).outbound(packet, this.#world.now);
    this.#world.witness.outbound(this.#node.name, this.#spdOf(worker), selectorOf(packet), outcome);
    this.#outcome(worker, outcome);
    this.#collectEvents();
    return outcome;
  }

  fromInternet(esp: Uint8Array, from: Endpoint, encapsulation: 'udp' | 'raw'): void {
    const arrival = { esp, from, to: this.#node.endpoint.address, encapsulation, tos: 0 };
    const spi = new DataView(esp.buffer, esp.byteOffset).getUint32(0);
    const worker = workerOfSpi(spi, this.#engines.length);
    this.#outcome(worker, this.#engineOf(worker).inbound(arrival, this.#world.now));
    this.#collectEvents();
  }

  #engineOf(worker: number): Engine {
    const engine = this.#engines[worker];
    if (engine === undefined) throw new Error(`there is no worker ${worker}`);
    return engine;
  }

  /** The first worker's is the edited SPD itself: what is late there is an error. */
  #spdOf(worker: number): readonly SpdEntry[] {
    return worker === 0 ? this.#node.entries : (this.#inForce[worker] ?? []);
  }

  #outcome(worker: number, outcome: Outcome): void {
    const { witness } = this.#world;
    switch (outcome.kind) {
      case 'send':
        witness.sendsEsp(this.#node.name, outcome.spi, outcome.esp);
        this.#world.toPeer(this.#node, outcome);
        break;
      case 'deliver':
        this.#deliver(worker, outcome.packet);
        break;
      case 'bypass':
        witness.outbound(this.#node.name, this.#spdOf(worker), selectorOf(outcome.packet), outcome);
        break;
      case 'dropped':
        this.#world.noteDrop(this.#node.name, outcome.reason);
        break;
      case 'held':
        break;
    }
  }

  #deliver(worker: number, packet: Uint8Array): void {
    const number = packetNumber(packet);
    if (number === undefined) throw new Error('a packet came out that nobody sent');
    const to = this.#world.destinationOf(number);
    const selector = mirrorPacket(selectorOf(packet));
    this.#world.witness.delivers(this.#node.name, this.#spdOf(worker), number, selector, to);
  }

  /** Events reach the control side a little later, as from a worker thread. */
  #collectEvents(): void {
    for (const [worker, engine] of this.#engines.entries()) {
      for (const event of engine.drainEvents())
        this.#world.agenda.after(this.#world.prng.below(4), () => this.#engineEvent(worker, engine, event));
    }
  }

  #engineEvent(worker: number, engine: Engine, event: EngineEvent): void {
    if (!this.#isAlive || engine !== this.#engines[worker]) return;
    if (this.#world.isTracing) this.#world.trace(this.#node.name, describeEvent(event));
    this.tell(event.kind === 'acquire' ? { ...event, worker } : event);
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

/** Keys go over to another thread: there is a copy there, and none is left here. */
function withOwnKeys(change: TableChange): TableChange {
  if (change.install === undefined) return change;
  return {
    ...change,
    install: change.install.map(({ pair, use }) => ({
      use,
      pair: { ...pair, inbound: withKeysMoved(pair.inbound), outbound: withKeysMoved(pair.outbound) },
    })),
  };
}

function withKeysMoved(sa: SecurityAssociation): SecurityAssociation {
  const move = (secret: Secret): Secret => {
    const moved = new Secret(secret.reveal().slice());
    secret.wipe();
    return moved;
  };
  const { encryptionKey, authenticationKey, salt } = sa.keys;
  return {
    ...sa,
    keys: {
      encryptionKey: move(encryptionKey),
      authenticationKey: move(authenticationKey),
      salt: move(salt),
    },
  };
}

/** FNV-1a over addresses, protocol and ports. */
function flowHash(packet: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const octet of [...packet.subarray(9, 10), ...packet.subarray(12, 24)])
    hash = Math.imul(hash ^ octet, 0x01000193);
  return hash >>> 0;
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
