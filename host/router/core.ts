/**
 * A router without its machine: control side and packet loop in one thread, taking turns. A packet that wants SAs is seen
 * by setting management in the same round, without a thread in between that would have to wake up, and keys go from the
 * channel into the engine without a copy.
 *
 * When the firmware traps, that is a bug of ours: nothing passes, the packet loop is opened anew and every SA asked for anew.
 *
 * With several workers this is the first. The others follow it (followers.ts): each has a packet loop with an engine of its own, and is
 * told what to change there. A trap in one of them is a trap of all.
 */

import type { TableChange } from '../dataplane/engine.ts';
import { EngineLostError } from '../dataplane/instance.ts';
import { sharesOf } from '../dataplane/shares.ts';
import type { EngineSnapshot } from '../dataplane/snapshot.ts';
import { SpiAllocator, workerOfSpi } from '../dataplane/spi-allocator.ts';
import type { Endpoint } from '../model/address.ts';
import type { Credentials } from '../model/credentials.ts';
import { EventLog } from '../model/event-log.ts';
import { HostError } from '../model/host-error.ts';
import { earliest, type Instant } from '../model/instant.ts';
import { proposals } from '../model/proposal.ts';
import type { UtcMs } from '../model/trusted-time.ts';
import type { VersionUpStanding } from '../model/version-up.ts';
import type { Bundles } from '../packet-loop/packet-interface.ts';
import type { PacketLoop } from '../packet-loop/packet-loop.ts';
import type { LoopCommand } from '../packet-loop/protocol.ts';
import { wipeKeys } from './change-keys.ts';
import type { Followers } from './followers.ts';
import { Router } from './router.ts';
import type { RouterPorts } from './router-options.ts';
import type { RouterSettings } from './settings-file.ts';

/** An idle loop looks at the clock so often, for held packets and lifetimes in the firmware. */
const idleWaitMs = 1000;

/** A deadline that is kept later than this counts as late: a fifth of the shortest interval at which the setting protocol repeats itself. */
const lateMs = 50;

/** More traps than this in the life of a process are no accident: better to stop and be seen. */
const maximumTraps = 8;

export interface CoreOptions {
  readonly settings: RouterSettings;
  readonly software: string;
  readonly local: Endpoint;
  readonly credentials: Credentials;
  /** Takes the time that the server said; nobody wants it when absent. */
  readonly learnTime?: (utcMs: UtcMs) => void;
  /** What time it is at least, by which certificates end. */
  readonly utcAtLeast: (now: Instant) => UtcMs;
  readonly random: RouterPorts['random'];
  readonly now: RouterPorts['now'];
  readonly log: RouterPorts['log'];
  readonly versionUp?: VersionUpStanding;
  /** The server wants this version here. */
  readonly upgrade?: (version: string, url: string) => void;
  /** Opens the packet loop at our address: at the start, and again after a trap. Throws HostError. */
  readonly openLoop: (local: Endpoint) => PacketLoop;
  /** The packet loop was opened anew: its TUN is a new one. */
  readonly onReopened: () => void;
  /** The other workers; absent where there is one. */
  readonly followers?: Followers;
}

export class RouterCore {
  readonly router: Router;
  readonly events: EventLog;
  readonly #options: CoreOptions;
  readonly #workers: number;
  #loop: PacketLoop;
  #wakeAt: Instant | undefined;
  #lost: EngineLostError | undefined;
  #traps = 0;
  #lateDeadlines = 0;
  #local: Endpoint;

  /** Opens the packet loop. Throws HostError. */
  constructor(options: CoreOptions) {
    const { settings, random, now, log } = options;
    this.#options = options;
    this.#workers = options.followers?.workers ?? 1;
    this.events = new EventLog(settings.name);
    this.#local = options.local;
    this.#loop = options.openLoop(options.local);
    options.followers?.open(options.local.address);
    this.router = new Router({
      name: settings.name,
      software: options.software,
      ...(options.versionUp === undefined ? {} : { versionUp: options.versionUp }),
      serverIdentity: settings.server.identity,
      server: settings.server,
      local: options.local,
      credentials: options.credentials,
      channel: settings.channel,
      ...(options.learnTime === undefined ? {} : { learnTime: options.learnTime }),
      utcAtLeast: options.utcAtLeast,
      entries: settings.spd,
      timers: settings.timers,
      proposals: [...proposals.keys()],
      spiAllocator: new SpiAllocator(
        settings.capacity.saPairs,
        () => new DataView(random(4).buffer).getUint32(0),
        this.#workers,
      ),
      events: this.events,
      ports: {
        post: (command) => this.#obey(command),
        refusal: (change) => this.#refusal(change),
        now,
        random,
        wakeAt: (at) => {
          this.#wakeAt = at;
        },
        log,
        ...(options.upgrade === undefined ? {} : { upgrade: options.upgrade }),
      },
    });
  }

  /** Gives the engine its SPD and sets the channel up. */
  start(): void {
    this.router.start();
  }

  /** One round: packets that `wait` saw, what they led to, what is due. Returns how much there was. Throws HostError. */
  run(): number {
    let done = 0;
    const now = this.#options.now();
    try {
      done += this.#loop.run(now);
    } catch (error) {
      if (!(error instanceof EngineLostError)) throw error;
      this.#lost = error;
    }
    done += this.#hearFollowers();
    // What is done about an event may make others.
    for (let events = this.#loop.takeEvents(); events.length > 0; events = this.#loop.takeEvents()) {
      for (const event of events) this.router.loopEvent(event);
      done += events.length;
    }
    if (this.#wakeAt !== undefined && this.#wakeAt <= now) {
      if (now - this.#wakeAt > lateMs) this.#lateDeadlines++;
      this.#wakeAt = undefined;
      this.router.deadline();
      done++;
    }
    if (this.#lost !== undefined) {
      this.#reopen(this.#lost);
      done++;
    }
    return done;
  }

  #hearFollowers(): number {
    const { followers } = this.#options;
    if (followers === undefined) return 0;
    const news = followers.takeNews();
    for (const one of news) {
      if (one.kind === 'lost') this.#lost ??= new EngineLostError(`worker ${one.worker}: ${one.reason}`);
      else for (const event of one.events) this.router.loopEvent(event, one.worker);
    }
    return news.length;
  }

  /** Our address is another one now. Returns why it cannot be used, with everything as before, or null. */
  move(local: Endpoint): string | null {
    try {
      this.#loop.rebind(this.#local.address, local.address);
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      return error.message;
    }
    this.#options.followers?.rebind(this.#local.address, local.address);
    this.#local = local;
    this.router.move(local);
    return null;
  }

  /**
   * Sees which packets there are, and sleeps until there is one, something is due, `until` at the latest, or another thread
   * calls. To be called before each round. Returns whether another thread called.
   */
  wait(until?: Instant): boolean {
    const now = this.#options.now();
    const next = this.#lost === undefined ? earliest(this.#wakeAt, until) : 0;
    const due = next === undefined ? idleWaitMs : next - now;
    return this.#loop.wait(Math.max(0, Math.min(idleWaitMs, due)), now);
  }

  /** Where packets travel in bundles now. */
  get bundles(): Bundles {
    return this.#loop.bundles;
  }

  /**
   * The tables of all workers, and what the engines and loops counted, in the order of the workers. `done` is called once, at once
   * where there is one worker; never where an engine is lost meanwhile. Throws HostError.
   */
  askSnapshots(done: (snapshots: readonly [EngineSnapshot, ...EngineSnapshot[]]) => void): void {
    const own = this.snapshot();
    const { followers } = this.#options;
    if (followers === undefined) done([own]);
    else followers.askSnapshots((others) => done([own, ...others]));
  }

  /** The first worker's. Throws HostError. */
  snapshot(): EngineSnapshot {
    const snapshot = this.#loopSnapshot();
    const counters = { ...snapshot.counters, 'control lateDeadlines': BigInt(this.#lateDeadlines) };
    return { ...snapshot, counters };
  }

  #loopSnapshot(): EngineSnapshot {
    try {
      return this.#loop.snapshot();
    } catch (error) {
      if (!(error instanceof EngineLostError)) throw error;
      this.#reopen(error);
      return this.#loop.snapshot();
    }
  }

  /** As `wait`, without sleeping: goes the ways of packets through the machine, and the next round sees what comes of it. */
  rehearse(): boolean {
    return this.#loop.rehearse(this.#local);
  }

  /** Closes sockets and TUN. */
  close(): void {
    this.#loop.close();
  }

  #refusal(change: TableChange): string | undefined {
    for (const [worker, share] of sharesOf(change, this.#workers).entries()) {
      if (share === undefined) continue;
      const refusal =
        worker === 0 ? this.#loop.refusal(share) : this.#options.followers?.refusal(worker, share);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** Lets the workers that it concerns carry a command out. */
  #route(command: LoopCommand): void {
    const { followers } = this.#options;
    if (followers === undefined) {
      this.#loop.obey(command);
      return;
    }
    const order = (worker: number, one: LoopCommand): void => {
      if (worker === 0) this.#loop.obey(one);
      else followers.order(worker, one);
    };
    switch (command.kind) {
      case 'change':
        for (const [worker, change] of sharesOf(command.change, this.#workers).entries())
          if (change !== undefined) order(worker, { kind: 'change', change });
        break;
      case 'release-held':
      case 'drop-held':
        for (let worker = 0; worker < this.#workers; worker++) {
          const isMeant = command.kind === 'drop-held' || (command.worker ?? worker) === worker;
          if (isMeant) order(worker, command);
        }
        break;
      case 'send-dummy':
        order(workerOfSpi(command.spi, this.#workers), command);
        break;
      default:
        // IKE, keepalives and the channel are the first worker's.
        this.#loop.obey(command);
    }
  }

  #obey(command: LoopCommand): void {
    try {
      if (this.#lost === undefined) this.#route(command);
    } catch (error) {
      if (!(error instanceof EngineLostError)) throw error;
      this.#lost = error;
    } finally {
      if (command.kind === 'change') wipeKeys(command.change);
    }
  }

  #reopen(error: EngineLostError): void {
    this.#loop.close();
    if (++this.#traps === maximumTraps) {
      throw new HostError(
        'PLATFORM',
        `the firmware trapped ${maximumTraps} times: no packet is carried any more`,
        {
          cause: error,
        },
      );
    }
    this.#options.log('warn', 'firmware trap', String(error.cause ?? error.stack));
    this.#loop = this.#options.openLoop(this.#local);
    this.#options.followers?.open(this.#local.address);
    this.#lost = undefined;
    this.#options.onReopened();
    this.router.loopEvent({ kind: 'engine-lost', reason: `the firmware trapped (${this.#traps})` });
  }
}
