/**
 * A router at work: guard, worker with packets and control side, routes. Where its settings come from, and who may change them,
 * is not known here; main.ts and flash-main.ts do.
 *
 * The order on the way up is the point: the guard first (fail closed), then TUN and sockets, then routes into the TUN, then
 * the channel. On the way down the guard stays.
 */
import { networkInterfaces } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import {
  type Address,
  type Endpoint,
  equalAddresses,
  formatAddress,
  parseAddress,
} from '../model/address.ts';
import { holdsSecret, withoutSecrets } from '../model/credential-sources.ts';
import { HostError } from '../model/host-error.ts';
import type { SpdEntry } from '../model/policy.ts';
import { softwareVersion } from '../model/software-version.ts';
import type { VersionUp } from '../model/version-up.ts';
import { applyNetwork } from '../platform/board-network.ts';
import { LinkWatch } from '../platform/link-watch.ts';
import { type NetworkPlan, networkPlan, protect, steer, stopSteering } from '../platform/network-setup.ts';
import { interfaceMtu } from '../platform/path-mtu.ts';
import { wake } from '../platform/poller.ts';
import { type SelfTestResult, selfTest, selfTestWithinMs } from './self-test.ts';
import type { RouterSettings } from './settings-file.ts';
import { answerWithinMs, WorkerClient } from './worker-client.ts';
import type { FlashPlace, Question, Questions } from './worker-protocol.ts';

/** A link that has just come up has its address a moment later; at boot, DHCP may take longer. */
const linkWaitMs = 30_000;
const linkPollMs = 100;
/** How long a stage of a version-up under way is not noticed. */
const versionUpPollMs = 5000;
/** How long a new address is not noticed. */
const addressPollMs = 1000;

export interface RunningRouterOptions {
  readonly settings: RouterSettings;
  /** Absolute path; files of credentials are named from its folder. */
  readonly settingsFile: string;
  /** In place of the settings file. */
  readonly flash?: FlashPlace;
  /** The workers' entry point. */
  readonly entry: URL;
  /** How many workers carry packets, 1 to 4; 1 unless given. */
  readonly workers?: number;
  /** Of the process, on the boot-time clock. */
  readonly startedAt: number;
  /** How long to wait for an address of the unprotected interface; 30 s unless given. */
  readonly linkWaitMs?: number;
  readonly log: Logger;
  /** How the server may bring this router to another version; a machine without slots has none. */
  readonly versionUp?: VersionUp;
}

export class RunningRouter {
  readonly settings: RouterSettings;
  /** Rejects when the worker ends by itself: no packet is carried any more. */
  readonly failed: Promise<never>;
  readonly #worker: WorkerClient;
  readonly #plan: NetworkPlan;
  readonly #following: NodeJS.Timeout | undefined;
  readonly #stopFollowingTun: () => void;
  readonly #versionUp: VersionUp | undefined;
  #spd: readonly SpdEntry[];

  /** Brings a router up. Throws HostError; the guard stays then, and nothing else. */
  static async start(options: RunningRouterOptions): Promise<RunningRouter> {
    const { settings, log } = options;
    const plan = planOf(settings);
    protect(plan);
    if (settings.network !== undefined) applyNetwork(settings.network);
    const local = await localEndpoint(settings, Math.min(linkWaitMs, options.linkWaitMs ?? linkWaitMs));
    const ready = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => {}); // whoever waits for it hears of it
    let isStarted = false;
    const worker = new WorkerClient({
      entry: options.entry,
      workers: options.workers ?? 1,
      settings: {
        settings: withoutKeys(settings),
        software: softwareVersion(),
        startedAt: options.startedAt,
        settingsFile: options.settingsFile,
        holdsSecret: holdsSecret(settings.credential),
        ...(options.flash === undefined ? {} : { flash: options.flash }),
        ...(options.versionUp === undefined ? {} : { versionUp: options.versionUp.standing() }),
        local,
        mark: plan.ownMark,
        pathMtuOctets: interfaceMtu(settings.unprotected.interface),
        icmpSources: icmpSources(settings, local.address),
      },
      wake,
      onReady: () => {
        // After a trap there is a new TUN, and the old one took its routes along.
        if (isStarted) steer(plan);
        ready.resolve();
      },
      onLog: ({ level, what, detail, at }) => log[level]({ event: what, at }, detail),
      onUpgrade: (version, url) => void bringUp(options, worker, version, url),
      onExit: (reason) => failed.reject(reason),
    });
    try {
      await Promise.race([ready.promise, failed.promise]);
      steer(plan);
      isStarted = true;
      worker.start();
    } catch (error) {
      await worker.stop();
      throw error;
    }
    return new RunningRouter(
      options,
      worker,
      plan,
      failed.promise,
      followAddress(settings, local, worker, log),
      followTun(plan, log),
    );
  }

  private constructor(
    { settings, versionUp }: RunningRouterOptions,
    worker: WorkerClient,
    plan: NetworkPlan,
    failed: Promise<never>,
    following: NodeJS.Timeout | undefined,
    stopFollowingTun: () => void,
  ) {
    this.settings = settings;
    this.#versionUp = versionUp;
    this.#spd = settings.spd;
    this.#worker = worker;
    this.#plan = plan;
    this.failed = failed;
    this.#following = following;
    this.#stopFollowingTun = stopFollowingTun;
  }

  /** Asks the router. Rejects with HostError PLATFORM after 2 s without an answer; a self-test has its own time besides. */
  ask<Name extends Question>(
    question: Name,
    ask: Questions[Name]['ask'],
  ): Promise<Questions[Name]['answer']> {
    if (question === 'self-test' && typeof ask === 'number')
      return this.#worker.ask(question, ask, ask + answerWithinMs);
    return this.#worker.ask(question, ask);
  }

  /** Does a packet go to the server and come back? Never rejects (self-test.ts). */
  selfTest(withinMs = selfTestWithinMs): Promise<SelfTestResult> {
    return selfTest(this, withinMs);
  }

  /**
   * Puts another SPD in force, without a packet lost on the entries that stay.
   *
   * @throws HostError CAPACITY when the engine has no room for it, PLATFORM when the worker does not answer a first question; then
   *   nothing has changed
   */
  async replaceSpd(entries: readonly SpdEntry[]): Promise<void> {
    const refusal = await this.ask('spd-refusal', entries);
    if (refusal !== null) throw new HostError('CAPACITY', `spd: ${refusal}`);
    // First the guard: what the new SPD protects does not leave in the clear while the two differ.
    protect({ ...this.#plan, entries });
    // However late: a guard for one SPD over an engine with another must not stay.
    const lateRefusal = await Promise.race([this.#worker.ask('replace-spd', entries, Infinity), this.failed]);
    if (lateRefusal !== null) {
      protect({ ...this.#plan, entries: this.#spd });
      throw new HostError('CAPACITY', `spd: ${lateRefusal}`);
    }
    this.#spd = entries;
  }

  /** Asks the server for a sign of life; the last one that there was. */
  heard(): Promise<Questions['heard']['answer']> {
    return this.ask('heard', null);
  }

  /** The board's record of version-ups says something else: the server is told, as soon as there is a channel. */
  async versionUpChanged(): Promise<void> {
    if (this.#versionUp !== undefined) await this.ask('version-up', this.#versionUp.standing());
  }

  /** Ends the router; the guard stays. */
  async stop(): Promise<void> {
    clearInterval(this.#following);
    this.#stopFollowingTun();
    stopSteering(this.#plan);
    await this.#worker.stop();
  }
}

/** Lets the host fetch the version that the server named, and tells the server how far it is. */
async function bringUp(
  { versionUp, log }: RunningRouterOptions,
  worker: WorkerClient,
  version: string,
  url: string,
): Promise<void> {
  if (versionUp === undefined) {
    log.warn(
      { event: 'version-up' },
      `version ${version} is not fetched: this machine is no board with slots`,
    );
    return;
  }
  let told = '';
  const tell = async (): Promise<void> => {
    const standing = versionUp.standing();
    if (told === JSON.stringify(standing)) return;
    told = JSON.stringify(standing);
    await worker
      .ask('version-up', standing)
      .catch((error) => log.warn({ event: 'version-up' }, String(error)));
  };
  const polling = setInterval(() => void tell(), versionUpPollMs);
  try {
    await versionUp.upgrade(version, url);
  } catch (error) {
    log.warn({ event: 'version-up' }, String(error));
  } finally {
    clearInterval(polling);
    await tell();
  }
}

/** What the worker is given. */
function withoutKeys(settings: RouterSettings): RouterSettings {
  return { ...settings, credential: withoutSecrets(settings.credential) };
}

function planOf(settings: RouterSettings): NetworkPlan {
  return networkPlan({
    entries: settings.spd,
    tunName: settings.tunnel.interface,
    protectedInterfaces: settings.protectedInterfaces,
    unmatched: 'discard',
  });
}

/** Where ESP and IKE are sent from: the address typed, or the first one of the interface in the server's family. */
async function localEndpoint(settings: RouterSettings, waitMs: number): Promise<Endpoint> {
  const { unprotected, server } = settings;
  if (unprotected.address !== 'auto') return { address: unprotected.address, port: unprotected.port };
  for (let waitedMs = 0; waitedMs <= waitMs; waitedMs += linkPollMs) {
    const found = addressesOf(unprotected.interface).find(({ family }) => family === server.address.family);
    if (found !== undefined) return { address: found, port: unprotected.port };
    await setTimeout(linkPollMs);
  }
  throw new HostError(
    'CONFIG_INVALID',
    `unprotected.interface: ${unprotected.interface} has no IPv${server.address.family} address after ${waitMs / 1000} s; bring it up first, or set unprotected.address`,
  );
}

/**
 * DHCP or another uplink may give the interface another address: the router moves there. The kernel would tell over
 * netlink; a look each second costs next to nothing, and cannot miss anything.
 */
function followAddress(
  { unprotected, server }: RouterSettings,
  local: Endpoint,
  worker: WorkerClient,
  log: Logger,
): NodeJS.Timeout | undefined {
  if (unprotected.address !== 'auto') return undefined;
  let current = local.address;
  let isMoving = false;
  let problem: string | null = null;
  /** Said once, however often it is tried again. */
  const warn = (next: string): void => {
    if (next !== problem) log.warn({ event: 'cannot move' }, next);
    problem = next;
  };
  const look = async (): Promise<void> => {
    const found = addressesOf(unprotected.interface).filter(({ family }) => family === server.address.family);
    const [first] = found;
    if (isMoving || first === undefined || found.some((one) => equalAddresses(one, current))) return;
    isMoving = true;
    try {
      const answer = await worker.ask('move', { address: first, port: unprotected.port });
      if (answer === null) {
        current = first;
        problem = null;
      } else warn(answer);
    } catch (error) {
      warn(String(error));
    } finally {
      isMoving = false;
    }
  };
  return setInterval(() => void look(), addressPollMs).unref();
}

/** A TUN that somebody set down and up again has lost its routes, and packets that want IPsec end at the guard. Returns what ends this. */
function followTun(plan: NetworkPlan, log: Logger): () => void {
  const watch = new LinkWatch(plan.tunName);
  const look = (): void => {
    try {
      if (!watch.takeUps()) return;
      steer(plan);
      log.warn({ event: 'interface up' }, `${plan.tunName} was set up anew: its routes are there again`);
    } catch (error) {
      // Down again meanwhile, or deleted, which ends the packet loop.
      log.warn({ event: 'interface up' }, String(error));
    }
  };
  const looking = setInterval(look, addressPollMs).unref();
  return () => {
    clearInterval(looking);
    watch.close();
  };
}

/** One address for each family, of the protected side where there is one: that is where refused hosts are. */
function icmpSources(settings: RouterSettings, local: Address): Address[] {
  const candidates = [...settings.protectedInterfaces.flatMap(addressesOf), local];
  return ([4, 6] as const).flatMap((family) => {
    const found = candidates.find((address) => address.family === family);
    return found === undefined ? [] : [found];
  });
}

/** Global addresses of an interface. */
function addressesOf(name: string): Address[] {
  return (networkInterfaces()[name] ?? []).flatMap(({ address }) => {
    const parsed = parseAddress(address);
    return parsed.ok && !formatAddress(parsed.value).startsWith('fe80:') ? [parsed.value] : [];
  });
}
