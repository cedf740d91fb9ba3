/**
 * Entry point of a router that has its settings from a YAML file: reads them, starts the router, serves the control socket, and
 * takes an edited SPD while it runs. A router with a config flash is flash-main.ts's.
 */
import { readFileSync, watchFile } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Logger } from 'pino';
import { type CredentialSources, holdsSecret } from '../model/credential-sources.ts';
import { HostError } from '../model/host-error.ts';
import { preSharedKeyIn } from '../model/pre-shared-key.ts';
import { refuseWithoutChannel, rekeyOrder } from '../model/rekey-order.ts';
import { softwareVersion } from '../model/software-version.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { type ControlRoutes, serveControl } from '../platform/control-socket.ts';
import { readCredential } from '../platform/files.ts';
import { startHeartbeat } from '../platform/heartbeat.ts';
import { openLog } from '../platform/log.ts';
import { boardVersionUp } from './board-upgrade.ts';
import { othersThanSpd } from './other-settings.ts';
import { RunningRouter } from './running-router.ts';
import { selfTestOrder } from './self-test.ts';
import { parseRouterFile, type RouterSettings } from './settings-file.ts';

export interface RouterCommand {
  readonly config: string;
  /** In place of the file's control socket. */
  readonly socket?: string;
  /** File that is written every five seconds while the router answers. */
  readonly heartbeat?: string;
  /** Workers that carry packets, 1 to 4; 1 unless given. */
  readonly workers?: number;
}

/** Runs a router until it is told to stop by SIGTERM or SIGINT. Throws HostError. */
export async function main(command: RouterCommand): Promise<void> {
  await runRouter(command, new URL('./worker.ts', import.meta.url));
}

/** As `main`, with the worker whose entry point is given. */
export async function runRouter(command: RouterCommand, entry: URL): Promise<void> {
  const startedAt = bootTimeMs();
  const settings = readSettings(command.config);
  const log = openLog(settings.name);
  const settingsFile = resolve(command.config);
  // The worker reads them for itself; what can be seen of a mistake should show before the machine is touched.
  tryCredentials(settings.credential, dirname(settingsFile));
  const versionUp = boardVersionUp({ url: () => settings.upgrade?.url, log });
  const router = await RunningRouter.start({
    ...{ settings, settingsFile, entry, startedAt, log },
    ...(versionUp === undefined ? {} : { versionUp }),
    ...(command.workers === undefined ? {} : { workers: command.workers }),
  });
  const live: SettingsInForce = { others: othersThanSpd(settings), problem: null };
  const routes = controlRoutes(() => router, live, command.config);
  const control = await serveControl(command.socket ?? settings.controlSocket, routes);
  log.info({ event: 'started', at: bootTimeMs() }, `router ${settings.name} ${softwareVersion()}`);

  // One after the other, so that the guard and the engine end with the same SPD.
  let reloading = Promise.resolve();
  const reload = (): void => {
    reloading = reloading.then(() => reloadSpd(command.config, router, live, log));
  };
  process.on('SIGHUP', reload);
  watchFile(command.config, { interval: 2000, persistent: false }, reload);
  // The worker answers between two rounds of the packet loop: both threads are at work.
  const stopHeartbeat = startHeartbeat(command.heartbeat, () => router.ask('status', null));
  try {
    await Promise.race([stopSignal(), router.failed]);
  } finally {
    stopHeartbeat();
    await router.stop();
    await control.close();
  }
  sayStopped(log);
  process.exit(0);
}

/** Resolves when the process is told to end. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}

/** The last line of a router's log. */
export function sayStopped(log: Logger): void {
  const line = 'the nftables table stays: nothing that wants IPsec leaves in clear';
  log.info({ event: 'stopped', at: bootTimeMs() }, line);
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

/** What of the settings file is in force. */
interface SettingsInForce {
  /** Everything but the SPD, as it was at the start. */
  readonly others: string;
  /** Why the file as it stands now is not in force; null when it is. */
  problem: string | null;
}

/**
 * Takes the SPD of an edited file; what else changed needs a restart. A file with a mistake, or with more than the engine has
 * room for, changes nothing.
 */
async function reloadSpd(
  file: string,
  router: RunningRouter,
  live: SettingsInForce,
  log: Logger,
): Promise<void> {
  try {
    const settings = readSettings(file);
    live.problem = `${file}: spd: the packet loop has not taken it yet`;
    await router.replaceSpd(settings.spd);
    const isWhole = othersThanSpd(settings) === live.others;
    live.problem = isWhole ? null : `${file}: spd is in force, what else changed needs a restart`;
  } catch (error) {
    live.problem = error instanceof Error ? error.message : String(error);
    if (error instanceof HostError && error.code === 'CAPACITY') live.problem = `${file}: ${live.problem}`;
  }
  if (live.problem !== null) log.warn({ event: 'settings refused' }, live.problem);
}

/** What can be asked of a router that runs, whatever it has its settings from. */
export function tableRoutes(router: () => RunningRouter): ControlRoutes {
  return {
    'GET /spd': () => router().ask('spd', null),
    'GET /sad': () => router().ask('sad', null),
    'GET /events': () => router().ask('events', null),
    'POST /self-test': (body) => router().selfTest(selfTestOrder(body)),
    'POST /renew': async (body) => ({ renewing: await router().ask('renew', entryOf(body) ?? null) }),
    'POST /rekey': async (body) => refuseWithoutChannel(await router().ask('rekey', rekeyOrder(body).what)),
  };
}

function controlRoutes(router: () => RunningRouter, live: SettingsInForce, file: string): ControlRoutes {
  const refuse = (): never => {
    throw new HostError(
      'USAGE',
      `this router has its settings from ${file}: edit that; an SPD is taken at once`,
    );
  };
  return {
    ...tableRoutes(router),
    'GET /status': () => router().ask('status', live.problem),
    'GET /config': refuse,
    'POST /config': refuse,
  };
}

/** `{entry: name}` of a renewal, or nothing for all entries. */
function entryOf(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  const entry: unknown = typeof body === 'object' ? Reflect.get(body, 'entry') : null;
  if (entry === undefined || typeof entry === 'string') return entry;
  throw new HostError('USAGE', 'expected {"entry": "name of an SPD entry"} or {}');
}
