/** Whether a router is there for people and for its own timers while it carries what it can. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readRouterStatus } from '../../lab/control.ts';

export interface ControlSide {
  /** The longest that a question for the status waited for its answer. */
  readonly statusMs: number;
  /** Deadlines of the control side that were kept more than 50 ms too late. */
  readonly lateDeadlines: number;
}

const everyMs = 250;

/** Asks the routers behind `sockets` for their status all the time until `work` is done. */
export async function whileAsking(
  sockets: readonly string[],
  work: () => Promise<void>,
): Promise<ControlSide | null> {
  if (sockets.length === 0) {
    await work();
    return null;
  }
  const before = await lateDeadlines(sockets);
  let isOver = false;
  let statusMs = 0;
  const asking = (async () => {
    while (!isOver) {
      for (const socket of sockets) {
        const begun = performance.now();
        await readRouterStatus(socket);
        statusMs = Math.max(statusMs, performance.now() - begun);
      }
      await sleep(everyMs);
    }
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await asking;
  }
  return { statusMs, lateDeadlines: (await lateDeadlines(sockets)) - before };
}

async function lateDeadlines(sockets: readonly string[]): Promise<number> {
  const all = await Promise.all(sockets.map(readRouterStatus));
  return all.reduce((sum, { counters }) => sum + Number(counters['control lateDeadlines'] ?? 0), 0);
}
