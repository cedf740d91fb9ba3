/**
 * Entry point of a router: reads the settings, guards the machine, starts the packet loop and the control side, and serves
 * the control socket. Everything that touches the machine is brought in here.
 *
 * The order on the way up is the point: the guard first (fail closed), then TUN and sockets, then routes into the TUN,
 * then the channel. On the way down the guard stays.
 */
import { readFileSync, watchFile } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { SpiAllocator } from '../dataplane/spi-allocator.ts';
import { type Address, type Endpoint, formatAddress, parseAddress } from '../model/address.ts';
import { EventLog } from '../model/event-log.ts';
import { HostError } from '../model/host-error.ts';
import { preSharedKeyIn } from '../model/pre-shared-key.ts';
import { proposals } from '../model/proposal.ts';
import { softwareVersion } from '../model/software-version.ts';
import { LoopClient, type LoopClientOptions } from '../packet-loop/loop-client.ts';
import type { LoopEvent } from '../packet-loop/protocol.ts';
import { Alarm } from '../platform/alarm.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { type ControlRoutes, serveControl } from '../platform/control-socket.ts';
import { randomOctets } from '../platform/entropy.ts';
import { readCredential } from '../platform/files.ts';
import { type NetworkPlan, networkPlan, protect, steer, stopSteering } from '../platform/network-setup.ts';
import { interfaceMtu } from '../platform/path-mtu.ts';
import { wake } from '../platform/poller.ts';
import { rehearseRouter } from './rehearsal.ts';
import { Router } from './router.ts';
import { parseRouterFile, type RouterSettings } from './settings-file.ts';
import { routerStatus } from './status.ts';

/** A link that has just come up has its address a moment later; at boot, DHCP may take longer. */
const linkWaitMs = 30_000;
const linkPollMs = 100;

export interface RouterCommand {
  readonly config: string;
  /** In place of the file's control socket. */
  readonly socket?: string;
}

/** The control thread's view of a packet loop. */
export type PacketLoop = Pick<LoopClient, 'post' | 'snapshot' | 'stop'>;

/** Runs a router until it is told to stop by SIGTERM or SIGINT. Throws HostError. */
export async function main(command: RouterCommand): Promise<void> {
  await runRouter(command, (options) => new LoopClient(options));
}

/** As `main`, with the packet loop that `startLoop` makes. */
export async function runRouter(
  command: RouterCommand,
  startLoop: (options: LoopClientOptions) => PacketLoop,
): Promise<void> {
  const startedAt = bootTimeMs();
  const settings = readSettings(command.config);
  const log = pino({ name: settings.name, timestamp: pino.stdTimeFunctions.isoTime });
  const keyFile = resolve(dirname(command.config), settings.preSharedKeyFile);
  const preSharedKey = preSharedKeyIn(readCredential(keyFile), keyFile);
  const plan = planOf(settings);
  protect(plan);
  const local = await localEndpoint(settings);

  rehearseRouter(randomOctets);
  const events = new EventLog(settings.name);
  const alarm = new Alarm(bootTimeMs, () => router.deadline());
  const software = softwareVersion();
  let loopIsReady: () => void = () => {};
  const ready = new Promise<void>((resolveReady) => {
    loopIsReady = resolveReady;
  });
  const stopped = Promise.withResolvers<void>();
  let isStarted = false;

  const loop = startLoop({
    settings: {
      tunName: settings.tunnel.interface,
      tunMtu: settings.tunnel.mtu,
      pathMtuOctets: interfaceMtu(settings.unprotected.interface),
      localAddress: local.address,
      localPort: local.port,
      mark: plan.ownMark,
      icmpSources: icmpSources(settings, local.address),
      saPairs: settings.capacity.saPairs,
      heldPackets: settings.held.packetsTotal,
      heldPacketsPerEntry: settings.held.packetsPerEntry,
    },
    wake,
    onEvent: (event: LoopEvent) => {
      if (event.kind === 'ready') {
        // After a trap the loop has a new TUN, and the old one took its routes along.
        if (isStarted) steer(plan);
        loopIsReady();
      }
      if (event.kind === 'fatal') stopped.reject(new HostError('PLATFORM', event.message));
      else if (isStarted) router.loopEvent(event);
    },
    onExit: (reason) => stopped.reject(new HostError('PLATFORM', reason)),
  });
  const router = new Router({
    name: settings.name,
    software,
    serverIdentity: settings.server.identity,
    server: { address: settings.server.address, port: settings.server.port },
    local,
    preSharedKey,
    entries: settings.spd,
    timers: settings.timers,
    proposals: [...proposals.keys()],
    spiAllocator: new SpiAllocator(settings.capacity.saPairs, randomUint32),
    events,
    ports: {
      post: (message) => loop.post(message),
      now: bootTimeMs,
      random: randomOctets,
      wakeAt: (at) => alarm.set(at),
      log: (level, what, detail) => log[level]({ event: what, at: bootTimeMs() }, detail),
    },
  });

  await Promise.race([ready, stopped.promise]);
  steer(plan);
  isStarted = true;
  router.start();
  const live: SettingsInForce = { others: othersThanSpd(settings), problem: null };
  const routes = controlRoutes(router, loop, settings, live, events, startedAt, software);
  const control = await serveControl(command.socket ?? settings.controlSocket, routes);
  log.info({ event: 'started', at: bootTimeMs() }, `router ${settings.name} ${software}`);

  const reload = (): void => reloadSpd(command.config, router, plan, live, log);
  process.on('SIGHUP', reload);
  watchFile(command.config, { interval: 2000, persistent: false }, reload);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve());
  try {
    await stopped.promise;
  } finally {
    alarm.set(undefined);
    stopSteering(plan);
    await control.close();
    await loop.stop();
    preSharedKey.wipe();
  }
  log.info(
    { event: 'stopped', at: bootTimeMs() },
    'the nftables table stays: nothing that wants IPsec leaves in clear',
  );
  process.exit(0);
}

function readSettings(file: string): RouterSettings {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new HostError('CONFIG_INVALID', `${file}: cannot be read: ${String(cause)}`, { cause });
  }
  return parseRouterFile(text, file);
}

function planOf(settings: RouterSettings): NetworkPlan {
  return networkPlan({
    entries: settings.spd,
    tunName: settings.tunnel.interface,
    protectedInterfaces: settings.protectedInterfaces,
    unmatched: 'discard',
  });
}

/** What of the settings file is in force. */
interface SettingsInForce {
  /** Everything but the SPD, as it was at the start. */
  readonly others: string;
  /** Why the file as it stands now is not in force; null when it is. */
  problem: string | null;
}

/** The settings that need a restart, in a form that can be compared. */
function othersThanSpd({ spd: _, ...others }: RouterSettings): string {
  return JSON.stringify(others);
}

/** Takes the SPD of an edited file; what else changed needs a restart. A file with a mistake changes nothing. */
function reloadSpd(
  file: string,
  router: Router,
  plan: NetworkPlan,
  live: SettingsInForce,
  log: pino.Logger,
): void {
  try {
    const settings = readSettings(file);
    protect({ ...plan, entries: settings.spd });
    router.replaceSpd(settings.spd);
    const isWhole = othersThanSpd(settings) === live.others;
    live.problem = isWhole ? null : `${file}: spd is in force, what else changed needs a restart`;
  } catch (error) {
    live.problem = error instanceof Error ? error.message : String(error);
  }
  if (live.problem !== null) log.warn({ event: 'settings refused' }, live.problem);
}

/** Where ESP and IKE are sent from: the address typed, or the first one of the interface in the server's family. */
async function localEndpoint(settings: RouterSettings): Promise<Endpoint> {
  const { unprotected, server } = settings;
  if (unprotected.address !== 'auto') return { address: unprotected.address, port: unprotected.port };
  for (let waitedMs = 0; waitedMs <= linkWaitMs; waitedMs += linkPollMs) {
    const found = addressesOf(unprotected.interface).find(({ family }) => family === server.address.family);
    if (found !== undefined) return { address: found, port: unprotected.port };
    await setTimeout(linkPollMs);
  }
  throw new HostError(
    'CONFIG_INVALID',
    `unprotected.interface: ${unprotected.interface} has no IPv${server.address.family} address after ${linkWaitMs / 1000} s; bring it up first, or set unprotected.address`,
  );
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

function randomUint32(): number {
  return new DataView(randomOctets(4).buffer).getUint32(0);
}

function controlRoutes(
  router: Router,
  loop: PacketLoop,
  settings: RouterSettings,
  live: SettingsInForce,
  events: EventLog,
  startedAt: number,
  software: string,
): ControlRoutes {
  return {
    'GET /status': async () =>
      routerStatus({
        router,
        name: settings.name,
        software,
        serverIdentity: settings.server.identity,
        serverEndpoint: settings.server,
        startedAt,
        problem: live.problem,
        now: bootTimeMs(),
        snapshot: await loop.snapshot(),
      }),
    'GET /spd': async () => (await loop.snapshot()).spd,
    'GET /sad': async () => (await loop.snapshot()).sad,
    'GET /events': () => events.rows(),
    'POST /renew': (body) => ({ renewing: router.renew(entryOf(body)) }),
  };
}

/** `{entry: name}` of a renewal, or nothing for all entries. */
function entryOf(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  const entry: unknown = typeof body === 'object' ? Reflect.get(body, 'entry') : null;
  if (entry === undefined || typeof entry === 'string') return entry;
  throw new HostError('USAGE', 'expected {"entry": "name of an SPD entry"} or {}');
}
