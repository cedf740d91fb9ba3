/**
 * The first packet with a setting server: tokyo is a slowed guest with a board's image, whose host pings hosts that no SA leads to yet.
 * Times are the guest's own, between two lines of its log.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../../host/model/host-error.ts';
import type { BoardImage } from '../../lab/board-image.ts';
import { smallPairs } from '../../lab/configuration.ts';
import { untilCalm } from '../../lab/cpu-time.ts';
import { Fleet } from '../../lab/fleet.ts';
import { ping } from '../../lab/traffic.ts';
import type { Stage } from '../stage.ts';
import { bootWithinMs, slowly } from './slow-machine.ts';

/** A hundred SPD entries lead to osaka; so many of them are used. */
const peers = 9;
const answerWithinSeconds = 60;
const logWithinMs = 120_000;

interface LogLine {
  readonly event: string;
  /** Milliseconds since the guest's start. */
  readonly at: number;
  readonly msg: string;
}

/**
 * Starts everything and measures.
 *
 * @returns for each first packet the milliseconds from when the router has it to when its SAs are in place and it goes out
 * @throws HostError
 */
export async function measureSettingServer(
  stage: Stage,
  image: BoardImage,
  progress: (line: string) => void,
): Promise<number[]> {
  const { place, processes, plan, sites } = stage;
  const [tokyo, osaka] = sites;
  const guests = { image, routers: new Set([tokyo.name]), more: slowly, upWithinMs: bootWithinMs };
  const options = { saveKeys: undefined, protocol: 'esp', guests } as const;
  const fleet = new Fleet(place, processes, plan, options, () => undefined);
  try {
    progress('setting server: the guest boots, which takes minutes');
    await fleet.startAll('many');
    progress('setting server: the guest rehearses');
    await untilCalm([fleet.pidOf(tokyo.name)], bootWithinMs);
    for (const [index, [source, destination]] of smallPairs(tokyo, osaka).slice(0, peers).entries()) {
      progress(`setting server: first packet ${index + 1} of ${peers}`);
      const { replies, output } = await ping(processes, tokyo, destination, {
        source,
        waitSeconds: answerWithinSeconds,
      });
      if (replies === 0) throw new HostError('PLATFORM', `no way to ${destination}: ${output.trim()}`);
      await untilCalm([fleet.pidOf(tokyo.name)], bootWithinMs);
    }
    return await readWaits(place.path(`${tokyo.name}.log`));
  } finally {
    fleet.letGo();
    await fleet.endGuests();
  }
}

/** The router writes its log when it has nothing else to do. */
async function readWaits(file: string): Promise<number[]> {
  const deadline = performance.now() + logWithinMs;
  for (;;) {
    const found = waits(readLog(file));
    if (found.length >= peers) return found;
    if (performance.now() > deadline)
      throw new HostError(
        'PLATFORM',
        `expected ${peers} first packets in the guest's log, found ${found.length}`,
      );
    await sleep(500);
  }
}

/** For each SPD entry the time from the request to the SAs. */
export function waits(lines: readonly LogLine[]): number[] {
  const entryOf = ({ msg }: LogLine): string => /^entry ([^,]+),/.exec(msg)?.[1] ?? '';
  return lines
    .filter(({ event }) => event === 'installed')
    .flatMap((installed) => {
      const asked = lines.find(
        (line) =>
          line.event === 'requested' && entryOf(line) === entryOf(installed) && line.at < installed.at,
      );
      return asked === undefined ? [] : [installed.at - asked.at];
    });
}

/** The router's lines on a board's console, which has others, too. */
function readLog(file: string): LogLine[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const start = line.indexOf('{"level"');
      if (start < 0) return [];
      try {
        return [JSON.parse(line.slice(start)) as LogLine];
      } catch {
        return []; // cut by another line
      }
    });
}
