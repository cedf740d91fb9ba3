/** The start of the board that this process runs on (board-start.ts), over its real partitions; nothing on a PC. */
import type { Logger } from 'pino';
import { buildUtcMs, softwareVersion } from '../model/software-version.ts';
import { Alarm } from '../platform/alarm.ts';
import { bootId } from '../platform/boot-id.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { restartMachine } from '../platform/restart.ts';
import { openBoard } from '../slots/opening.ts';
import { BoardStart } from './board-start.ts';
import type { RunningRouter } from './running-router.ts';
import { stateOnFlash } from './state-opening.ts';

/** What a board with slots adds to a router. */
export interface BoardOfRouter {
  readonly start: BoardStart;
  readonly slot: 'a' | 'b';
}

/**
 * The board's part in its start; undefined on a machine without slots, or where they cannot be used, which is said in the log.
 *
 * @param flash device of the config flash
 * @param router the one that runs at the moment
 * @param onKept the version that was on trial is kept
 */
export function openBoardStart(
  flash: string,
  router: () => RunningRouter | undefined,
  onKept: () => void,
  log: Logger,
): BoardOfRouter | undefined {
  const board = slotsOfBoard(log);
  if (board === undefined) return undefined;
  const { running } = board.slots;
  const alarm = new Alarm(bootTimeMs, () => start.deadline());
  const start: BoardStart = new BoardStart({
    running,
    openBoot: board.openBoot,
    state: stateOnFlash(flash),
    version: softwareVersion(),
    bootId: bootId(),
    now: bootTimeMs,
    utcNow: () => Math.max(buildUtcMs(), Date.now()),
    wakeAt: (at) => alarm.set(at),
    selfTest: async () =>
      (await router()?.selfTest()) ?? {
        ok: false,
        reason: 'no router runs: it has no settings, or did not start',
      },
    onRecord: () => {
      router()
        ?.versionUpChanged()
        .catch((error) => log.warn({ event: 'version-up', at: bootTimeMs() }, String(error)));
    },
    onKept,
    restart: restartMachine,
    log,
  });
  return { start, slot: running };
}

/** A board whose disk is not as this software expects it runs all the same, without version-ups. */
function slotsOfBoard(log: Logger): ReturnType<typeof openBoard> {
  try {
    return openBoard();
  } catch (error) {
    log.warn({ event: 'slots', at: bootTimeMs() }, String(error));
    return undefined;
  }
}
