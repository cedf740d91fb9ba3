/**
 * Entry point of a router: reads the settings, guards the machine, starts the worker, in which packets and the control side
 * are, and serves the control socket.
 *
 * The order on the way up is the point: the guard first (fail closed), then TUN and sockets, then routes into the TUN,
 * then the channel. On the way down the guard stays.
 */
import { readFileSync, watchFile } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import {
  type Address,
  type Endpoint,
  equalAddresses,
  formatAddress,
  parseAddress,
} from '../model/address.ts';
import { type CredentialSources, holdsSecret, withoutSecrets } from '../model/credential-sources.ts';
import { HostError } from '../model/host-error.ts';
import type { SpdEntry } from '../model/policy.ts';
import { preSharedKeyIn } from '../model/pre-shared-key.ts';
import { refuseWithoutChannel, rekeyOrder } from '../model/rekey-order.ts';
import { softwareVersion } from '../model/software-version.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { type ControlRoutes, serveControl } from '../platform/control-socket.ts';
import { readCredential } from '../platform/files.ts';
import { type NetworkPlan, networkPlan, protect, steer, stopSteering } from '../platform/network-setup.ts';
import { interfaceMtu } from '../platform/path-mtu.ts';
import { wake } from '../platform/poller.ts';
import { parseRouterFile, type RouterSettings } from './settings-file.ts';
import { WorkerClient } from './worker-client.ts';

/** A link that has just come up has its address a moment later; at boot, DHCP may take longer. */
const linkWaitMs = 30_000;
const linkPollMs = 100;
/** How long a new address is not noticed. */
const addressPollMs = 1000;

export interface RouterCommand {
  readonly config: string;
  /** In place of the file's control socket. */
  readonly socket?: string;
}

/** Runs a router until it is told to stop by SIGTERM or SIGINT. Throws HostError. */
export async function main(command: RouterCommand): Promise<void> {
  await runRouter(command, new URL('./worker.ts', import.meta.url));
}

/** As `main`, with the worker whose entry point is given. */
export async function runRouter(command: RouterCommand, entry: URL): Promise<void> {
  const startedAt = bootTimeMs();
  const settings = readSettings(command.config);
  const log = pino({ name: settings.name, timestamp: pino.stdTimeFunctions.isoTime });
  const settingsFile = resolve(command.config);
  // The worker reads them for itself; what can be seen of a mistake should show before the machine is touched.
  tryCredentials(settings.credential, dirname(settingsFile));
  const plan = planOf(settings);
  protect(plan);
  const local = await localEndpoint(settings);
  const software = softwareVersion();

  const ready = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  let isStarted = false;
  const worker = new WorkerClient({
    entry,
    settings: {
      settings: withoutKeys(settings),
      software,
      startedAt,
      settingsFile,
      holdsSecret: holdsSecret(settings.credential),
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
    onExit: (reason) => stopped.reject(reason),
  });

  await Promise.race([ready.promise, stopped.promise]);
  steer(plan);
  isStarted = true;
  worker.start();
  const live: SettingsInForce = {
    spd: settings.spd,
    others: othersThanSpd(settings),
    problem: null,
  };
  const control = await serveControl(command.socket ?? settings.controlSocket, controlRoutes(worker, live));
  log.info({ event: 'started', at: bootTimeMs() }, `router ${settings.name} ${software}`);

  // One after the other, so that the guard and the engine end with the same SPD.
  let reloading = Promise.resolve();
  const reload = (): void => {
    reloading = reloading.then(() => reloadSpd(command.config, worker, plan, live, log));
  };
  process.on('SIGHUP', reload);
  watchFile(command.config, { interval: 2000, persistent: false }, reload);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve());
  const following = followAddress(settings, local, worker, log);
  try {
    await stopped.promise;
  } finally {
    clearInterval(following);
    stopSteering(plan);
    await control.close();
    await worker.stop();
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
  const settings = parseRouterFile(text, file);
  // A file with a key in it is a credential.
  if (holdsSecret(settings.credential)) readCredential(file).fill(0);
  return settings;
}

/** Opens the files with secrets. Throws HostError CREDENTIAL_*. */
function tryCredentials({ preSharedKey, privateKey, ppk }: CredentialSources, folder: string): void {
  if (ppk !== undefined) {
    const path = resolve(folder, ppk.file);
    preSharedKeyIn(readCredential(path), path).wipe();
  }
  if (preSharedKey?.kind === 'file') {
    const path = resolve(folder, preSharedKey.path);
    preSharedKeyIn(readCredential(path), path).wipe();
  }
  if (privateKey?.kind === 'file') readCredential(resolve(folder, privateKey.path)).fill(0);
}

/** What the worker is given, and what is compared with. */
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

/** What of the settings file is in force. */
interface SettingsInForce {
  spd: readonly SpdEntry[];
  /** Everything but the SPD, as it was at the start. */
  readonly others: string;
  /** Why the file as it stands now is not in force; null when it is. */
  problem: string | null;
}

/** The settings that need a restart, in a form that can be compared. */
function othersThanSpd({ spd: _, ...others }: RouterSettings): string {
  return JSON.stringify({ ...others, credential: withoutSecrets(others.credential) });
}

/**
 * Takes the SPD of an edited file; what else changed needs a restart. A file with a mistake, or with more than the engine has
 * room for, changes nothing.
 */
async function reloadSpd(
  file: string,
  worker: WorkerClient,
  plan: NetworkPlan,
  live: SettingsInForce,
  log: pino.Logger,
): Promise<void> {
  try {
    const settings = readSettings(file);
    const refusal = await worker.ask('spd-refusal', settings.spd);
    if (refusal !== null) throw new HostError('CAPACITY', `${file}: spd: ${refusal}`);
    // First the guard: what the new SPD protects does not leave in the clear while the two differ.
    protect({ ...plan, entries: settings.spd });
    const lateRefusal = await worker.ask('replace-spd', settings.spd);
    if (lateRefusal !== null) {
      protect({ ...plan, entries: live.spd });
      throw new HostError('CAPACITY', `${file}: spd: ${lateRefusal}`);
    }
    live.spd = settings.spd;
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

/**
 * DHCP or another uplink may give the interface another address: the router moves there. The kernel would tell over
 * netlink; a look each second costs next to nothing, and cannot miss anything.
 */
function followAddress(
  { unprotected, server }: RouterSettings,
  local: Endpoint,
  worker: WorkerClient,
  log: pino.Logger,
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

function controlRoutes(worker: WorkerClient, live: SettingsInForce): ControlRoutes {
  return {
    'GET /status': () => worker.ask('status', live.problem),
    'GET /spd': () => worker.ask('spd', null),
    'GET /sad': () => worker.ask('sad', null),
    'GET /events': () => worker.ask('events', null),
    'POST /renew': async (body) => ({ renewing: await worker.ask('renew', entryOf(body) ?? null) }),
    'POST /rekey': async (body) => refuseWithoutChannel(await worker.ask('rekey', rekeyOrder(body).what)),
  };
}

/** `{entry: name}` of a renewal, or nothing for all entries. */
function entryOf(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  const entry: unknown = typeof body === 'object' ? Reflect.get(body, 'entry') : null;
  if (entry === undefined || typeof entry === 'string') return entry;
  throw new HostError('USAGE', 'expected {"entry": "name of an SPD entry"} or {}');
}
