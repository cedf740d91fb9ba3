/**
 * The packet loop: sockets to TUN, TUN to sockets, a batch each a round. It owns the engine; nobody else touches its memory. The
 * control side gives commands between two rounds and is told what happened only then, so a table change always falls
 * between two batches.
 */
import { VNET_HEADER } from '../../firmware/abi/bundle.ts';
import { Dataplane, type DataplaneOptions } from '../dataplane/dataplane.ts';
import type { Outcome, TableChange } from '../dataplane/engine.ts';
import type { EngineSnapshot } from '../dataplane/snapshot.ts';
import type { Address, Endpoint } from '../model/address.ts';
import { earliest, type Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';
import { DummyTraffic, shortestDummyOctets } from './dummy-traffic.ts';
import { InboundPass } from './inbound-pass.ts';
import { Liveness } from './liveness.ts';
import { type LoopCounters, zeroLoopCounters } from './loop-counters.ts';
import { OutboundPass } from './outbound-pass.ts';
import type { Bundles, LoopSocket, PacketInterface } from './packet-interface.ts';
import { PairsInUse } from './pairs-in-use.ts';
import { PathMtus } from './path-mtus.ts';
import type { LoopCommand, LoopEvent } from './protocol.ts';
import { Refusals } from './refusals.ts';

export interface PacketLoopOptions {
  readonly engine: DataplaneOptions;
  /** Sources of ICMP errors, one for each family that this router has an address of. */
  readonly icmpSources: readonly Address[];
  /** Seconds for which an SA may send and hear nothing before it is taken for dead; 0 is for ever. */
  readonly unansweredSeconds: number;
  /** Opens the machine's interface over the memory of the first engine. */
  readonly openInterface: (memory: ArrayBuffer) => PacketInterface;
}

/** RFC 3948 section 2.2 and 2.3. */
const nonEspMarkerOctets = 4;
const keepalive = Uint8Array.of(0xff);

export class PacketLoop {
  readonly #kernel: PacketInterface;
  readonly #dataplane: Dataplane;
  readonly #outbound: OutboundPass;
  readonly #inbound: InboundPass;
  readonly #refusals: Refusals;
  readonly #pathMtus: PathMtus;
  readonly #pairsInUse = new PairsInUse();
  readonly #dummies: DummyTraffic;
  readonly #liveness: Liveness;
  readonly #activityOf = (spi: Spi) => this.#dataplane.activity(spi);
  readonly #counters: LoopCounters = zeroLoopCounters();
  #events: LoopEvent[] = [];

  /** Starts the engine and opens the interface. Throws HostError. */
  constructor(options: PacketLoopOptions) {
    this.#dataplane = new Dataplane(options.engine);
    this.#dummies = new DummyTraffic(options.engine.random);
    this.#liveness = new Liveness(options.unansweredSeconds);
    this.#kernel = options.openInterface(this.#dataplane.buffer);
    this.#refusals = new Refusals(this.#kernel, this.#dataplane.batch, options.icmpSources, this.#counters);
    this.#pathMtus = new PathMtus((peer) => this.#kernel.pathMtu(peer), this.#dataplane);
    this.#outbound = new OutboundPass(
      this.#kernel,
      this.#dataplane,
      this.#refusals,
      this.#pathMtus,
      this.#counters,
    );
    this.#inbound = new InboundPass(this.#kernel, this.#dataplane, this.#counters, (event) =>
      this.#events.push(event),
    );
  }

  /**
   * One round over what `wait` saw: at most a batch of each socket and of the TUN. Returns how many packets there were. All of it
   * happens at `now`: to look at the clock is a system call's worth.
   *
   * @throws EngineLostError when the firmware trapped, now or earlier: nothing passes any more
   */
  run(now = this.#kernel.now()): number {
    let done = 0;
    for (const socket of this.#kernel.sockets) done += this.#inbound.run(socket, now);
    done += this.#outbound.run(now);
    done += this.#sendDummies(now);
    done += this.#checkLiveness(now);
    done += this.#pathMtus.look(now);
    if (done > 0) this.#collect(now);
    return done;
  }

  /** What happened since the last call, in order. */
  takeEvents(): readonly LoopEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /**
   * Sees what there is for the next round, and sleeps until there is something to read, to send or to take over, another
   * thread calls, or the time is over. To be called before each round. Returns whether another thread called.
   */
  wait(timeoutMs: number, now = this.#kernel.now()): boolean {
    const dueAt = earliest(earliest(this.#dummies.dueAt, this.#liveness.dueAt), this.#pathMtus.dueAt);
    const dueMs = dueAt === undefined ? timeoutMs : dueAt - now;
    const isMore = this.#events.length > 0 || this.#outbound.hasMore;
    return this.#kernel.wait(isMore ? 0 : Math.max(0, Math.min(timeoutMs, dueMs)));
  }

  #noteUse(change: TableChange, now: Instant): void {
    const { ended, began } = this.#pairsInUse.take(change);
    for (const spi of ended) {
      this.#dummies.stop(spi);
      this.#liveness.stop(spi);
    }
    for (const pair of began) {
      this.#dummies.start(pair, now);
      this.#liveness.start(pair, this.#activityOf(pair.spi), now);
    }
  }

  #sendDummies(now: Instant): number {
    let done = 0;
    for (let due = this.#dummies.takeDue(now); due !== undefined; due = this.#dummies.takeDue(now)) {
      const outcome = this.#dataplane.dummy(due.spi, due.octets, now);
      if (this.#carryOut(outcome)) this.#countDummy(due.spi);
      // A path too short for this one takes another; a pair that is gone takes none.
      else if (outcome.kind === 'dropped' && outcome.reason !== 'packet-too-big') this.#dummies.stop(due.spi);
      done++;
    }
    return done;
  }

  #countDummy(spi: Spi): void {
    this.#counters.dummies++;
    this.#liveness.sentDummy(spi);
  }

  #checkLiveness(now: Instant): number {
    const findings = this.#liveness.look(now, this.#activityOf);
    for (const { kind, spi } of findings) {
      if (kind === 'unanswered') this.#events.push({ kind, spi });
      else this.#sendDummy(spi, now);
    }
    return findings.length;
  }

  #sendDummy(spi: Spi, now: Instant): void {
    if (this.#carryOut(this.#dataplane.dummy(spi, shortestDummyOctets, now))) this.#countDummy(spi);
  }

  /** Takes over what the engine noticed. */
  #collect(now: Instant): void {
    if (this.#dataplane.hasEvents) {
      this.#events.push({ kind: 'engine', events: this.#dataplane.drainEvents(), atMs: now });
    }
  }

  /** Why the engine would refuse `change` now, or undefined. */
  refusal(change: TableChange): string | undefined {
    return this.#dataplane.refusal(change);
  }

  /** Carries a command out. Not to be called while `run` is. Throws EngineLostError as `run` does. */
  obey(command: LoopCommand): void {
    const now = this.#kernel.now();
    switch (command.kind) {
      case 'change':
        this.#dataplane.change(command.change, now);
        this.#noteUse(command.change, now);
        break;
      case 'release-held': {
        const outcomes = this.#dataplane.releaseHeld(command.entry, now);
        const sent = outcomes.filter((outcome) => this.#carryOut(outcome)).length;
        if (sent > 0) {
          this.#events.push({ kind: 'trace', atMs: this.#kernel.now(), what: `held packets out: ${sent}` });
        }
        break;
      }
      case 'drop-held':
        for (const packet of this.#dataplane.dropHeld(command.entry)) {
          if (command.icmp) this.#refusals.abandoned(packet, now);
        }
        break;
      case 'send-ike': {
        const datagram = new Uint8Array(nonEspMarkerOctets + command.bytes.length);
        datagram.set(command.bytes, nonEspMarkerOctets);
        this.#sendDatagram(datagram, command.to, 'udp', 0);
        break;
      }
      case 'send-keepalive':
        this.#sendDatagram(keepalive, command.to, 'udp', 0);
        break;
      case 'send-dummy':
        this.#sendDummy(command.spi, now);
        break;
      case 'send-inner':
        this.#carryOut(this.#dataplane.outboundThrough(command.spi, command.packet, now));
        break;
    }
    this.#collect(now);
  }

  /** Sends or delivers a packet that was not part of a batch. Returns whether it went anywhere. */
  #carryOut(outcome: Outcome): boolean {
    if (outcome.kind === 'send') {
      this.#sendDatagram(outcome.esp, outcome.to, outcome.encapsulation, outcome.tos, outcome.protocol);
      return true;
    }
    if (outcome.kind !== 'deliver') return false;
    if (outcome.to === 'host') {
      this.#events.push({ kind: 'inner', packet: outcome.packet, spi: outcome.spi });
      return true;
    }
    const at = this.#dataplane.batch.withoutOffload(this.#stage(outcome.packet));
    const length = VNET_HEADER + outcome.packet.length;
    this.#kernel.writeInner(Uint32Array.of(at), Uint32Array.of(length), 0, 1);
    return true;
  }

  #sendDatagram(
    bytes: Uint8Array,
    to: Endpoint,
    encapsulation: LoopSocket['encapsulation'],
    tos: number,
    protocol: LoopSocket['protocol'] = 'esp',
  ): void {
    const socket = this.#kernel.sockets.find(
      (one) =>
        one.family === to.address.family && one.encapsulation === encapsulation && one.protocol === protocol,
    );
    if (socket === undefined) {
      this.#counters.noSocket++;
      return;
    }
    if (bytes.length > this.#dataplane.batch.packetRoom) {
      this.#counters.tooLong++;
      return;
    }
    const { outgoing } = socket;
    // The last place: those before it may have a batch that waits for room.
    const at = outgoing.capacity - 1;
    outgoing.offsets[at] = this.#stage(bytes);
    outgoing.lengths[at] = bytes.length;
    outgoing.tos[at] = tos;
    outgoing.ttl[at] = 0;
    outgoing.dontFragment[at] = 0;
    outgoing.setPeer(at, to.address.octets, 0, to.port);
    if (socket.isFull || socket.send(at, at + 1) === at) this.#counters.socketFull++;
  }

  /** Copies octets, at most a slot of them, into the last packet slot, which no batch uses while a command is obeyed. */
  #stage(bytes: Uint8Array): number {
    const { batch: packets } = this.#dataplane;
    const at = packets.packetAddress(packets.packetSlots - 1);
    packets.memory.set(bytes, at);
    return at;
  }

  /**
   * Goes the ways of packets through the machine without one: a keepalive to ourselves (`local`), which the next round sees and takes no
   * notice of, and the TUN. After some hundreds V8 has compiled them, before the first packet takes them. In place of `wait`, and does
   * not sleep. Returns as it does.
   */
  rehearse(local: Endpoint): boolean {
    this.#sendDatagram(keepalive, local, 'udp', 0);
    const isCalled = this.#kernel.wait(0);
    this.#kernel.rehearse();
    return isCalled;
  }

  /** Sends from, and receives at, `to` in place of `from` from now on. Throws HostError, and changes nothing, where it is none of ours. */
  rebind(from: Address, to: Address): void {
    this.#kernel.rebind(to);
    this.#refusals.move(from, to);
  }

  /** Where packets travel in bundles now. */
  get bundles(): Bundles {
    return this.#kernel.bundles;
  }

  /** The tables, and what the engine and the loop counted. */
  snapshot(): EngineSnapshot {
    const snapshot = this.#dataplane.snapshot(this.#kernel.now());
    const counters: Record<string, bigint> = { ...snapshot.counters };
    for (const [name, count] of Object.entries(this.#counters)) counters[`loop ${name}`] = BigInt(count);
    return { ...snapshot, counters };
  }

  /** Closes sockets and TUN. */
  close(): void {
    this.#kernel.close();
  }
}
