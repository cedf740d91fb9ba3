/**
 * The packet loop: sockets to TUN, TUN to sockets, commands of the control thread in between, and sleep only when there was
 * nothing to do. It owns the engine; nobody else touches its memory, so a table change always falls between two batches.
 */

import { Dataplane, type DataplaneOptions } from '../dataplane/dataplane.ts';
import type { Outcome } from '../dataplane/engine.ts';
import { EngineLostError } from '../dataplane/instance.ts';
import type { Endpoint } from '../model/address.ts';
import type { Instant } from '../model/instant.ts';
import { type PackedChange, unpackChange } from './change-transfer.ts';
import { InboundPass } from './inbound-pass.ts';
import { type LoopCounters, zeroLoopCounters } from './loop-counters.ts';
import { OutboundPass } from './outbound-pass.ts';
import type { LoopSocket, PacketInterface } from './packet-interface.ts';
import type { LoopCommand, LoopEvent, LoopSettings } from './protocol.ts';
import { Refusals } from './refusals.ts';

/** A command as it arrives: secrets as bare octets. */
export type ArrivedCommand =
  | Exclude<LoopCommand, { kind: 'change' }>
  | { readonly kind: 'change'; readonly change: PackedChange };

export interface PacketLoopOptions {
  readonly settings: LoopSettings;
  readonly engine: DataplaneOptions;
  /** Opens the machine's interface over the memory of the first engine. */
  readonly openInterface: (memory: ArrayBuffer) => PacketInterface;
  readonly post: (event: LoopEvent) => void;
  /** The next command that waits, if any. */
  readonly receive: () => ArrivedCommand | undefined;
}

/** An idle loop looks at the clock so often, for held packets and lifetimes in the firmware. */
const idleWaitMs = 1000;

/** RFC 3948 section 2.2 and 2.3. */
const nonEspMarkerOctets = 4;
const keepalive = Uint8Array.of(0xff);

export class PacketLoop {
  readonly #options: PacketLoopOptions;
  readonly #kernel: PacketInterface;
  readonly #dataplane: Dataplane;
  readonly #outbound: OutboundPass;
  readonly #inbound: InboundPass;
  readonly #refusals: Refusals;
  readonly #counters: LoopCounters = zeroLoopCounters();
  #isStopped = false;

  /** Starts the engine and opens the interface. Throws HostError. */
  constructor(options: PacketLoopOptions) {
    this.#options = options;
    this.#dataplane = new Dataplane(options.engine);
    this.#kernel = options.openInterface(this.#dataplane.buffer);
    this.#refusals = new Refusals(
      this.#kernel,
      this.#dataplane.batch,
      options.settings.icmpSources,
      this.#counters,
    );
    this.#outbound = new OutboundPass(this.#kernel, this.#dataplane, this.#refusals, this.#counters);
    this.#inbound = new InboundPass(this.#kernel, this.#dataplane, this.#counters, options.post);
  }

  /** Runs until `stop`. Throws EngineLostError when the firmware trapped: nothing passes then. */
  run(): void {
    while (!this.#isStopped) if (this.runOnce() === 0) this.#kernel.wait(idleWaitMs);
  }

  /** One round over everything. Returns how much there was to do. */
  runOnce(): number {
    const now = this.#kernel.now();
    let done = 0;
    for (const socket of this.#kernel.sockets) done += this.#inbound.run(socket, now);
    done += this.#outbound.run(now);
    if (done > 0) this.#report(now);
    for (let command = this.#options.receive(); command !== undefined; command = this.#options.receive()) {
      this.#obey(command, this.#kernel.now());
      done++;
    }
    return done;
  }

  /** Hands the engine's events to the control thread. */
  #report(now: Instant): void {
    if (!this.#dataplane.hasEvents) return;
    const events = this.#dataplane.drainEvents();
    this.#options.post({ kind: 'engine', events, atMs: now });
  }

  #obey(command: ArrivedCommand, now: Instant): void {
    switch (command.kind) {
      case 'change':
        this.#dataplane.change(unpackChange(command.change), now);
        break;
      case 'release-held': {
        const outcomes = this.#dataplane.releaseHeld(command.entry, now);
        const sent = outcomes.filter((outcome) => this.#carryOut(outcome)).length;
        if (sent > 0) {
          this.#options.post({ kind: 'trace', atMs: this.#kernel.now(), what: `held packets out: ${sent}` });
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
      case 'send-inner':
        this.#carryOut(this.#dataplane.outboundThrough(command.spi, command.packet, now));
        break;
      case 'snapshot':
        this.#snapshot(command.id, now);
        break;
      case 'stop':
        this.#isStopped = true;
        break;
    }
    this.#report(now);
  }

  /** Sends or delivers a packet that was not part of a batch. Returns whether it went anywhere. */
  #carryOut(outcome: Outcome): boolean {
    if (outcome.kind === 'send') {
      this.#sendDatagram(outcome.esp, outcome.to, outcome.encapsulation, outcome.tos);
      return true;
    }
    if (outcome.kind !== 'deliver') return false;
    if (outcome.to === 'host') {
      this.#options.post({ kind: 'inner', packet: outcome.packet, spi: outcome.spi });
      return true;
    }
    const at = this.#stage(outcome.packet);
    this.#kernel.writeInner(Uint32Array.of(at), Uint32Array.of(outcome.packet.length), 1);
    return true;
  }

  #sendDatagram(
    bytes: Uint8Array,
    to: Endpoint,
    encapsulation: LoopSocket['encapsulation'],
    tos: number,
  ): void {
    const socket = this.#kernel.sockets.find(
      (one) => one.family === to.address.family && one.encapsulation === encapsulation,
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
    outgoing.offsets[0] = this.#stage(bytes);
    outgoing.lengths[0] = bytes.length;
    outgoing.tos[0] = tos;
    outgoing.ttl[0] = 0;
    outgoing.dontFragment[0] = 0;
    outgoing.setPeer(0, to.address.octets, 0, to.port);
    if (socket.send(1) !== 1) this.#counters.socketFull++;
  }

  /** Copies octets, at most a slot of them, into the last packet slot, which no batch uses while a command is obeyed. */
  #stage(bytes: Uint8Array): number {
    const { batch: packets } = this.#dataplane;
    const at = packets.packetAddress(packets.packetSlots - 1);
    packets.memory.set(bytes, at);
    return at;
  }

  #snapshot(id: number, now: Instant): void {
    const snapshot = this.#dataplane.snapshot(now);
    const counters: Record<string, bigint> = { ...snapshot.counters };
    for (const [name, count] of Object.entries(this.#counters)) counters[`loop ${name}`] = BigInt(count);
    this.#options.post({ kind: 'snapshot', id, snapshot: { ...snapshot, counters } });
  }

  /** Closes sockets and TUN. */
  close(): void {
    this.#kernel.close();
  }

  static isLost(error: unknown): error is EngineLostError {
    return error instanceof EngineLostError;
  }
}
