/**
 * Version-up on the board that this process runs on: its slots, its state, its root of trust, its time. `sekisho router upgrade` works by
 * it beside a router that runs, and so does a router whose server names another version: whoever has opened the idle slot
 * keeps others out, and documents are written in turn, so the two never meet.
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { HostError } from '../model/host-error.ts';
import { buildUtcMs, softwareVersion } from '../model/software-version.ts';
import type { VersionUp, VersionUpStanding } from '../model/version-up.ts';
import { boardPartition } from '../platform/board-disk.ts';
import { bootId } from '../platform/boot-id.ts';
import { bundleFile } from '../platform/bundle-file.ts';
import { restartMachine } from '../platform/restart.ts';
import { scratchFolder } from '../platform/scratch-folder.ts';
import { updateServer } from '../platform/update-server.ts';
import type { UpdateSource } from '../release/update-source.ts';
import { type Machine, versionUp } from '../release/version-up.ts';
import { openBoard } from '../slots/opening.ts';
import { readVersionUpRecord, writeVersionUpRecord } from '../slots/version-up-record.ts';
import { routerForms } from './flash-document.ts';
import { readLastSeen } from './last-seen-time.ts';
import { stateOnFlash } from './state-opening.ts';

/** What `npm run image` writes. */
const boardFile = '/etc/board';
const rootFile = '/etc/sekisho/release-root.json';

/**
 * The board, ready for a version-up; undefined on a machine that is none.
 *
 * @param flash device of the config flash, where it is not the board's own partition
 * @throws HostError FLASH, PLATFORM where something of a board is missing
 */
export function openMachine(flash?: string): Machine | undefined {
  const board = openBoard();
  if (board === undefined) return undefined;
  const device = flash ?? boardPartition('config')?.path;
  if (device === undefined) throw new HostError('FLASH', "this board's disk has no partition config");
  const state = stateOnFlash(device);
  return {
    board: boardName(),
    version: softwareVersion(),
    bootId: bootId(),
    settingsSchema: routerForms.version,
    slots: board.slots,
    state,
    get builtInRoot() {
      // Only when it is needed: a router whose image trusts nobody runs all the same.
      return builtInRoot();
    },
    scratch: scratchFolder,
    // The router's worker, which keeps this time, is who warns of one that is none.
    nowUtcMs: () => Math.max(buildUtcMs(), readLastSeen(state, () => undefined) ?? 0, Date.now()),
    sleep: (milliseconds) => setTimeout(milliseconds),
  };
}

/** An address or a bundle. Throws HostError USAGE, Refusal. */
export function openSource(place: string): UpdateSource {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(place) ? updateServer(place) : bundleFile(place);
}

export interface BoardVersionUpOptions {
  /** Device of the config flash, where it is not the board's own partition. */
  readonly flash?: string;
  /** As the settings have it now. */
  readonly url: () => string | undefined;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** In which the server still hears that the board is about to try a version. */
const lastWordsMs = 3000;

/**
 * How a router's server brings this board to another version; undefined on a machine without slots, or where they cannot be used,
 * which is said in the log and stops no router.
 */
export function boardVersionUp({ flash, url, log }: BoardVersionUpOptions): VersionUp | undefined {
  const restart = (): void => {
    void setTimeout(lastWordsMs).then(restartMachine);
  };
  try {
    const machine = openMachine(flash);
    return machine && versionUpOf(machine, { url, log, open: openSource, restart });
  } catch (error) {
    log.warn({ event: 'version-up' }, `versions cannot be installed here: ${String(error)}`);
    return undefined;
  }
}

interface VersionUpShell extends Omit<BoardVersionUpOptions, 'flash'> {
  readonly open: (place: string) => UpdateSource;
  readonly restart: () => void;
}

/** As `boardVersionUp`, over any machine. */
export function versionUpOf(machine: Machine, { url, log, open, restart }: VersionUpShell): VersionUp {
  let isUnderWay = false;
  const bringUp = async (version: string, place: string, begunAt: number): Promise<void> => {
    const source = open(placeOf(place, url()));
    try {
      log.info({ event: 'version-up' }, `fetching ${version} from ${source.name}`);
      const outcome = await versionUp(machine, { source, version }, () => undefined);
      if (!outcome.ok) return refused(machine, version, `${outcome.code}: ${outcome.message}`, begunAt, log);
      log.info(
        { event: 'version-up' },
        `${version} is in slot ${outcome.value.slot} and on trial; restarting`,
      );
    } finally {
      source.close();
    }
    restart();
  };
  return {
    standing: () => {
      try {
        return standingOf(machine);
      } catch (error) {
        // A flash that cannot be read stops no router.
        log.warn(
          { event: 'version-up' },
          `what became of the last version-up is not known: ${String(error)}`,
        );
        return { board: machine.board, slot: machine.slots.running, ...none };
      }
    },
    upgrade: async (version, place) => {
      if (isUnderWay) return;
      isUnderWay = true;
      let begunAt = Number.POSITIVE_INFINITY; // no record is this attempt's
      try {
        begunAt = machine.nowUtcMs();
        await bringUp(version, place, begunAt);
      } catch (error) {
        refused(machine, version, error instanceof Error ? error.message : String(error), begunAt, log);
      } finally {
        isUnderWay = false;
      }
    },
  };
}

/**
 * What the board's record says. Of writing that a restart of the machine interrupted it says nothing: so the server orders it again, and it
 * goes on where it was.
 */
export function standingOf({ board, bootId, slots, state }: Machine): VersionUpStanding {
  const record = readVersionUpRecord(state);
  const isInterrupted = record?.stage === 'writing' && record.bootId !== bootId;
  const { version, stage, reason, at } = record === undefined || isInterrupted ? none : record;
  return { board, slot: slots.running, version, stage, reason, at };
}

const none = { version: '', stage: 'none', reason: '', at: 0 } as const;

/**
 * Whoever ordered it hears of it, also where the version-up itself had nothing to write down. An attempt that ends as the one before
 * has a time of its own: by that the server tells them apart.
 */
function refused(
  machine: Machine,
  version: string,
  reason: string,
  begunAt: number,
  log: BoardVersionUpOptions['log'],
): void {
  log.warn({ event: 'version-up' }, `${version} is not installed: ${reason}`);
  const { slots, state } = machine;
  try {
    const record = readVersionUpRecord(state);
    const isWritten = record?.stage === 'refused' && record.reason === reason && record.at >= begunAt;
    // A trial that is under way is decided by the trial.
    if (record?.stage === 'trial' || isWritten) return;
    writeVersionUpRecord(state, {
      version,
      slot: slots.idle,
      stage: 'refused',
      reason,
      at: machine.nowUtcMs(),
    });
  } catch (error) {
    log.warn({ event: 'version-up' }, String(error));
  }
}

/** Trust comes from signatures alone, so the server may name any place; without one it is that of the settings. */
function placeOf(place: string, configured: string | undefined): string {
  if (place === '' && configured === undefined) {
    throw new HostError(
      'CONFIG_INVALID',
      'upgrade.url: the settings have none, and the server named no address',
    );
  }
  try {
    return place === '' ? (configured ?? '') : new URL(place, configured).href;
  } catch (cause) {
    throw new HostError('USAGE', `${place}: expected http://HOST/PATH/`, { cause });
  }
}

/** Throws HostError PLATFORM. */
function boardName(): string {
  const [, name] = /^BOARD_NAME='([^']*)'$/m.exec(readText(boardFile)) ?? [];
  if (name !== undefined) return name;
  throw new HostError('PLATFORM', `${boardFile} does not say which board this is: expected BOARD_NAME='…'`);
}

/** Throws HostError PLATFORM for an image that trusts nobody. */
function builtInRoot(): Uint8Array {
  const text = readText(rootFile);
  if (text !== '') return new TextEncoder().encode(text);
  throw new HostError(
    'PLATFORM',
    `this image was built without --release-root, so it takes no releases: ${rootFile} is not there`,
  );
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // The caller says what is missing.
  }
}
