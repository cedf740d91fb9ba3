/** Entry point of a router that has its settings from a config flash: opens it, runs the router, serves the control socket. */
import { resolve } from 'node:path';
import type { ConfigFlash } from '../flash/config-flash.ts';
import type { KeyStorePlace } from '../flash/key-store.ts';
import { HostError } from '../model/host-error.ts';
import { softwareVersion } from '../model/software-version.ts';
import type { BoardStatus } from '../model/status.ts';
import { Alarm } from '../platform/alarm.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { type ControlRoutes, type ControlSocket, serveControl } from '../platform/control-socket.ts';
import { startHeartbeat } from '../platform/heartbeat.ts';
import { openLog } from '../platform/log.ts';
import { defaultBootTrialSeconds } from '../slots/boot-trial.ts';
import { type BoardOfRouter, openBoardStart } from './board-opening.ts';
import { boardVersionUp } from './board-upgrade.ts';
import { parseConfigCommand } from './config-command.ts';
import { routerSettings } from './flash-document.ts';
import { fileReaders, openFlash } from './flash-opening.ts';
import { FlashRouter } from './flash-router.ts';
import { sayStopped, stopSignal, tableRoutes } from './main.ts';
import { RunningRouter } from './running-router.ts';
import { defaultControlSocket } from './settings-file.ts';

export interface FlashRouterCommand {
  /** Partition or file. */
  readonly flash: string;
  /** Absent on a board that has none. */
  readonly keyStore?: KeyStorePlace;
  /** In place of the settings' control socket. */
  readonly socket?: string;
  /** Waits for settings where there are none yet. */
  readonly waitForSettings?: boolean;
  /** File that is written every five seconds while the router answers. */
  readonly heartbeat?: string;
  /** Workers that carry packets, 1 to 4; 1 unless given. */
  readonly workers?: number;
}

/** Runs a router until it is told to stop, or to forget its settings. Throws HostError. */
export async function main(command: FlashRouterCommand): Promise<void> {
  await runFlashRouter(command, new URL('./worker.ts', import.meta.url));
}

/** As `main`, with the worker whose entry point is given. */
export async function runFlashRouter(command: FlashRouterCommand, entry: URL): Promise<void> {
  const startedAt = bootTimeMs();
  const device = resolve(command.flash);
  const { keyStore } = command;
  const paths = { device, ...(keyStore === undefined ? {} : { keyStore }) };
  // Without slots no other version comes back.
  const { flash, close } = openFlash(paths, 'write', () => board?.start.isKept ?? true);
  const log = openLog('router');
  let upgradeUrl: string | undefined;
  const versionUp = boardVersionUp({ flash: device, url: () => upgradeUrl, log });
  const ended = Promise.withResolvers<void>();
  const alarm = new Alarm(bootTimeMs, () => router.deadline());
  const control = new MovingControl(command.socket);
  const board = openBoardStart(
    device,
    () => router.running,
    () => router.sealCredentials(),
    log,
  );
  const router: FlashRouter<RunningRouter> = new FlashRouter({
    flash,
    device,
    readers: fileReaders,
    now: bootTimeMs,
    wakeAt: (at) => alarm.set(at),
    log,
    start: async (settings, revision, withinMs) => {
      upgradeUrl = settings.upgrade?.url;
      const running = await RunningRouter.start({
        settings,
        settingsFile: device,
        flash: { ...paths, revision },
        entry,
        startedAt,
        ...(withinMs === undefined ? {} : { linkWaitMs: withinMs }),
        ...(command.workers === undefined ? {} : { workers: command.workers }),
        ...(versionUp === undefined ? {} : { versionUp }),
        log,
      });
      running.failed.catch((error) => {
        if (router.running === running) ended.reject(error);
      });
      try {
        await control.serve(settings.controlSocket, routes(router, board));
      } catch (error) {
        await running.stop();
        throw error;
      }
      return running;
    },
    waitsForSettings: command.waitForSettings === true,
    onEnd: (reason) => (reason === undefined ? ended.resolve() : ended.reject(reason)),
  });
  // There is no file to read anew, and a terminal that goes away is no reason to end.
  process.on('SIGHUP', () => {
    log.info(
      { event: 'SIGHUP', at: bootTimeMs() },
      'settings of a config flash change by `sekisho router config`',
    );
  });
  // A router that is being started with other settings misses a beat or two.
  const stopHeartbeat = startHeartbeat(command.heartbeat, async () => {
    // A board that nobody has given settings is well.
    if (command.waitForSettings === true && router.state().revision === null) return;
    if (router.running === undefined) throw new Error('not running');
    await router.running.ask('status', null);
  });
  try {
    board?.start.begin(trialSecondsOf(flash, device));
    await router.start();
    board?.start.isWell();
    for (const problem of router.state().problems)
      log.warn({ event: 'config flash', at: bootTimeMs() }, problem);
    const revision = router.state().revision;
    if (revision === null) await control.serve(defaultControlSocket, routes(router, board));
    else {
      const what = `router ${router.running?.settings.name} ${softwareVersion()}, revision ${revision} of ${device}`;
      log.info({ event: 'started', at: bootTimeMs() }, what);
    }
    await Promise.race([stopSignal(), ended.promise]);
  } finally {
    stopHeartbeat();
    await router.stop();
    await control.close();
    close();
  }
  sayStopped(log);
  process.exit(0);
}

function routes(router: FlashRouter<RunningRouter>, board: BoardOfRouter | undefined): ControlRoutes {
  const running = (): RunningRouter => {
    if (router.running !== undefined) return router.running;
    if (router.state().revision === null) {
      throw new HostError(
        'FLASH',
        'there are no settings yet: write them by `sekisho router config apply FILE`',
      );
    }
    throw new HostError('PLATFORM', 'the router is being started with other settings; ask again in a moment');
  };
  return {
    ...tableRoutes(running),
    'GET /status': async () => ({
      ...(await running().ask('status', null)),
      config: router.state(),
      ...(board === undefined ? {} : { board: boardStatus(board) }),
    }),
    'GET /config': () => ({ state: router.state(), settings: router.settings() }),
    'POST /config': (body) => router.command(parseConfigCommand(body)),
  };
}

/** How long a version on trial has, by the settings in force; the default where there are none that this version can read. */
function trialSecondsOf(flash: ConfigFlash, device: string): number {
  try {
    const { current } = flash;
    const upgrade = current && routerSettings(current.document, device).upgrade;
    return upgrade?.trialSeconds ?? defaultBootTrialSeconds;
  } catch {
    return defaultBootTrialSeconds; // Whoever starts the router says what is wrong with them.
  }
}

function boardStatus({ slot, start }: BoardOfRouter): BoardStatus {
  const { record } = start;
  return {
    slot,
    version: softwareVersion(),
    isOnTrial: start.isOnTrial,
    lastVersionUp: record === undefined ? null : { ...record },
  };
}

/** The control socket of a router whose settings may move it. */
class MovingControl {
  readonly #fixed: string | undefined;
  #path = '';
  #socket: ControlSocket | undefined;

  constructor(fixed: string | undefined) {
    this.#fixed = fixed;
  }

  async serve(path: string, served: ControlRoutes): Promise<void> {
    const next = this.#fixed ?? path;
    if (next === this.#path) return;
    const before = this.#socket;
    this.#socket = await serveControl(next, served);
    this.#path = next;
    await before?.close();
  }

  async close(): Promise<void> {
    await this.#socket?.close();
  }
}
