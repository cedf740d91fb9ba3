/**
 * The lab's setting server and routers, as separate processes of the `sekisho` command, or routers as guests of QEMU: starts
 * them, waits until their channels are up, kills them as the scenario wants, and fails the lab when one ends that nobody killed.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../host/model/host-error.ts';
import type { BoardGuest } from '../qemu-runner/board-guest.ts';
import type { BoardImage } from './board-image.ts';
import {
  type ConfigurationFiles,
  type ConfigurationSet,
  controlSocket,
  type PolicyForm,
  writeConfiguration,
} from './configuration.ts';
import { readRouterStatus, readServerStatus } from './control.ts';
import { cpuTimeMs } from './cpu-time.ts';
import { diskOf, type Running, startGuestRouter } from './guest-router.ts';
import { writeGuestSettings } from './guest-settings.ts';
import type { Place } from './place.ts';
import { describeEnd, lastLines, nodeCommand, type Processes } from './processes.ts';
import { type Site, server, type TopologyPlan } from './topology-plan.ts';

/** Time for all channels to come up, and more for each router: all of them start at once, on a machine that others may use. */
const upWithinMs = 10_000;
const moreForEachMs = 6_000;
/** For each guest: two cores without hardware virtualization boot three of them in a minute, and others may use the machine. */
const moreForEachGuestMs = 120_000;

/** Which routers are guests of QEMU, and of what image. */
export interface Guests {
  readonly image: BoardImage;
  readonly routers: ReadonlySet<string>;
  /** What starts them; by their kernel alone otherwise. */
  readonly by?: 'kernel' | 'firmware';
  /** Fields of their settings that a router in a namespace has no use for. */
  readonly settings?: object;
  /** More of QEMU's arguments. */
  readonly more?: readonly string[];
  /** How long each may take to have its channel; two minutes otherwise. */
  readonly upWithinMs?: number;
}

export interface FleetOptions extends PolicyForm {
  /** Of each router; 1 unless given. */
  readonly workers?: number;
  readonly guests?: Guests | undefined;
}

export class Fleet {
  readonly #place: Place;
  readonly #processes: Processes;
  readonly #plan: TopologyPlan;
  readonly #saveKeys: string | undefined;
  readonly #onUnexpectedEnd: (message: string) => void;
  readonly #running = new Map<string, Running>();
  readonly #expected = new Set<Running>();
  #crash: string | undefined;
  readonly #options: FleetOptions;
  #hasBeenLetGo = false;
  readonly #files = new Map<ConfigurationSet, ConfigurationFiles>();
  #set: ConfigurationSet = 'everyday';

  /**
   * @param plan the network without guests
   * @param options saveKeys: folder for the keys of all data SAs; undefined, as everywhere but here, saves none
   * @param onUnexpectedEnd called with a line for a person when a process ends by itself
   */
  constructor(
    place: Place,
    processes: Processes,
    plan: TopologyPlan,
    options: FleetOptions,
    onUnexpectedEnd: (message: string) => void,
  ) {
    this.#place = place;
    this.#processes = processes;
    this.#plan = plan;
    this.#saveKeys = options.saveKeys;
    this.#onUnexpectedEnd = onUnexpectedEnd;
    this.#options = options;
  }

  get serverSocket(): string {
    return controlSocket(this.#place, server);
  }

  routerSocket(site: Site): string {
    return controlSocket(this.#place, site.name);
  }

  /** Control sockets of those routers that are processes. */
  reachable(sites: readonly Site[]): string[] {
    return sites.filter(({ name }) => !this.guests.has(name)).map((site) => this.routerSocket(site));
  }

  /** Names of the routers that are guests: their control sockets are out of reach. */
  get guests(): ReadonlySet<string> {
    return this.#options.guests?.routers ?? new Set();
  }

  /** Process id of the server or of a router that runs. Throws RangeError for others. */
  pidOf(name: string): number {
    const running = this.#running.get(name);
    if (running === undefined) throw new RangeError(`expected ${name} to run`);
    return running.pid;
  }

  /** The machine of a guest that runs. Throws RangeError for others. */
  guestOf(name: string): BoardGuest {
    const guest = this.#running.get(name)?.guest;
    if (guest === undefined) throw new RangeError(`expected ${name} to be a guest that runs`);
    return guest;
  }

  /** A guest that does not run begins anew with its image, at its next start. */
  forgetDisk(name: string): void {
    rmSync(diskOf(this.#guestSettings(name)), { force: true });
  }

  #guestSettings(name: string): string {
    return this.#place.path(`${this.#set}/${name}-board`);
  }

  /** Path of a configuration file in use. */
  configurationFile(name: string): string {
    let files = this.#files.get(this.#set);
    if (files === undefined) {
      files = writeConfiguration(this.#place, this.#plan, this.#set, this.#options);
      this.#files.set(this.#set, files);
    }
    return name === server ? files.server : (files.routers[name] ?? '');
  }

  /** Milliseconds of processor time that the server or a router has used; 0 where it does not run. */
  processorMs(name: string): number {
    const pid = this.#running.get(name)?.pid;
    return pid === undefined ? 0 : cpuTimeMs(pid);
  }

  /** Starts everything with one set of files, server first, and returns when every channel is up. */
  async startAll(set: ConfigurationSet): Promise<void> {
    this.#set = set;
    await this.startServer();
    await Promise.all(this.#plan.sites.map((site) => this.startRouter(site)));
    await this.waitUntilUp();
  }

  async startServer(): Promise<void> {
    await this.#start(server, server, [
      'host/cli/main.ts',
      'server',
      '--config',
      this.configurationFile(server),
    ]);
  }

  async startRouter(site: Site): Promise<void> {
    const file = this.configurationFile(site.name);
    if (this.guests.has(site.name)) {
      await this.#startGuest(site, file);
      return;
    }
    const program =
      this.#saveKeys === undefined
        ? ['host/cli/main.ts', 'router', '--config', file, '--workers', String(this.#options.workers ?? 1)]
        : ['tools/lab/router-with-saved-keys.ts', file, this.#saveKeys];
    await this.#start(site.name, site.name, program);
  }

  /** Ends processes with `kill -9`, as a crash would, and returns when they are gone. */
  async kill(...names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const running = this.#running.get(name);
        if (running === undefined) return;
        this.#expected.add(running);
        running.signal('SIGKILL');
        await running.ended;
        this.#running.delete(name);
      }),
    );
  }

  /**
   * Gives the threads of the server and the routers that run their programs real-time priority, or takes it from them, so
   * that what else this machine does is not in a measurement of milliseconds. V8's own threads, which compile, stay behind.
   *
   * @returns false where this user may not, or a guest's threads are more than a program's
   */
  preferOverOthers(isPreferred: boolean): boolean {
    if (this.guests.size > 0) return false;
    const policy = isPreferred ? ['--rr', '--pid', '1'] : ['--other', '--pid', '0'];
    return [...this.#running.values()]
      .flatMap(({ pid }) => programThreads(pid))
      .every((thread) => spawnSync('chrt', [...policy, String(thread)]).status === 0);
  }

  /** From now on nobody minds when a process ends: the lab is torn down. */
  letGo(): void {
    this.#hasBeenLetGo = true;
    for (const running of this.#running.values()) this.#expected.add(running);
  }

  /** Cuts the power of every guest. */
  async endGuests(): Promise<void> {
    await this.kill(...this.guests);
  }

  /** Ends everything as an operator would, with SIGTERM. */
  async stopAll(): Promise<void> {
    await Promise.all(
      [...this.#running].map(async ([name, running]) => {
        this.#expected.add(running);
        running.signal('SIGTERM');
        const ended = await Promise.race([running.ended, sleep(5000, undefined, { ref: false })]);
        if (ended === undefined) throw new HostError('PLATFORM', `${name} does not end on SIGTERM`);
        this.#running.delete(name);
      }),
    );
  }

  /**
   * Returns when the server sees every running router and each router its server.
   *
   * @throws HostError PLATFORM with who is missing, or who crashed, and the end of its log
   */
  async waitUntilUp(): Promise<void> {
    const withinMs =
      upWithinMs +
      moreForEachMs * this.#plan.sites.length +
      (this.#options.guests?.upWithinMs ?? moreForEachGuestMs) * this.guests.size;
    const deadline = performance.now() + withinMs;
    for (;;) {
      this.refuseAfterCrash();
      const down = await this.#channelsDown();
      if (down.length === 0) return;
      if (performance.now() > deadline) {
        const logs = down.map((name) => lastLines(this.#place.path(`${name}.log`), 8)).join('\n');
        throw new HostError('PLATFORM', `no channel after ${withinMs / 1000} s: ${down.join(', ')}\n${logs}`);
      }
      await sleep(50);
    }
  }

  /** @throws HostError PLATFORM when a process has ended that nobody ended */
  refuseAfterCrash(): void {
    if (this.#crash !== undefined) throw new HostError('PLATFORM', this.#crash);
  }

  async #channelsDown(): Promise<string[]> {
    const routers = this.#plan.sites.filter((site) => this.#running.has(site.name));
    const states = await Promise.all(
      routers.map(async (site) => {
        // A guest is believed when the server does.
        if (this.guests.has(site.name)) return { name: site.name, isUp: true };
        const status = await readRouterStatus(this.routerSocket(site)).catch(() => undefined);
        return { name: site.name, isUp: status?.channel.state === 'up' };
      }),
    );
    const seen = await readServerStatus(this.serverSocket).catch(() => undefined);
    const known = new Set(seen?.routers.filter((one) => one.channel === 'up').map((one) => one.name));
    const down = states.filter(({ name, isUp }) => !isUp || !known.has(name)).map(({ name }) => name);
    return seen === undefined ? [server, ...down] : down;
  }

  async #start(namespace: string, name: string, program: readonly string[]): Promise<void> {
    this.#watch(name, await this.#processes.start(namespace, name, [nodeCommand, ...program]));
  }

  async #startGuest(site: Site, file: string): Promise<void> {
    const image = this.#options.guests?.image;
    if (image === undefined || this.#hasBeenLetGo) return;
    const settings = this.#guestSettings(site.name);
    writeGuestSettings(settings, this.#plan, site.name, file, this.#options.guests?.settings);
    const number = this.#plan.sites.indexOf(site) + 1;
    const started = await startGuestRouter({
      ...{ place: this.#place, image, name: site.name, number, settings },
      by: this.#options.guests?.by ?? 'kernel',
      more: this.#options.guests?.more ?? [],
    });
    this.#watch(site.name, started);
  }

  #watch(name: string, started: Running): void {
    this.#running.set(name, started);
    void started.ended.then((status) => {
      if (this.#running.get(name) === started) this.#running.delete(name);
      if (this.#expected.has(started)) return;
      this.#crash = describeEnd(started, status);
      this.#onUnexpectedEnd(this.#crash);
    });
  }
}

/** Thread ids of Node's main thread and its workers, by the names that Node gives them. */
function programThreads(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .filter((thread) => /^(?:MainThread|WorkerThread|node)$/.test(threadName(pid, thread)))
    .map(Number);
}

function threadName(pid: number, thread: string): string {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
  } catch {
    return ''; // it has just ended
  }
}
