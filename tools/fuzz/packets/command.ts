/** `npm run fuzz -- packets`: options, progress and report of a run; what is run and checked is `run-world.ts`'. */
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { reporter, whole } from '../progress.ts';
import { type FleetResult, runFleet } from './fleet.ts';
import { runWorld, WORLD_PACKETS } from './run-world.ts';
import { type Distribution, distribution } from './tally.ts';

interface Options {
  readonly count?: number;
  readonly seed?: number;
  readonly from: number;
  readonly minutes?: number;
  readonly jobs: number;
  readonly json?: string;
}

const DEFAULT_COUNT = 200_000;
const exitFailed = 1;

export function packetsCommand(): Command {
  return new Command('packets')
    .description(
      'Run hostile packets through the shipped packet engine, and check what must hold after every run.',
    )
    .option('--count <n>', `how many packets (${DEFAULT_COUNT}, or without end with --minutes)`, whole(1))
    .option('--seed <s>', 'the seed (drawn otherwise, and printed)', whole(0))
    .option('--from <k>', 'begin with the world that packet K is in', whole(0), 0)
    .option('--minutes <m>', 'end after so many minutes', whole(1))
    .option('--jobs <n>', 'threads', whole(1), availableParallelism())
    .option('--json <file>', 'write a report')
    .action(fuzzPackets);
}

async function fuzzPackets(options: Options): Promise<void> {
  const seed = options.seed ?? randomInt(2 ** 32);
  const count = options.count ?? (options.minutes === undefined ? DEFAULT_COUNT : Number.MAX_SAFE_INTEGER);
  const deadline = options.minutes === undefined ? Number.POSITIVE_INFINITY : options.minutes * 60_000;
  const startedAt = performance.now();
  console.log(`seed ${seed}`);
  const progress = reporter('packets', count, startedAt);
  const result = await runFleet({
    seed,
    firstWorld: Math.floor(options.from / WORLD_PACKETS),
    packets: count,
    jobs: options.jobs,
    deadline: startedAt + deadline,
    onProgress: ({ packets }) => progress(packets),
  });
  if (process.stderr.isTTY) process.stderr.write('\n');
  const seconds = (performance.now() - startedAt) / 1000;
  const found = distribution(result.tally);
  console.log(render(found).join('\n'));
  console.log(
    `${found.packets} packets in ${result.worlds} worlds, ${seconds.toFixed(1)} s, ` +
      `${Math.round(found.packets / seconds)} packets/s`,
  );
  const failure = describeFailure(result, seed);
  if (options.json !== undefined) {
    const report = {
      version: 1,
      ok: failure === undefined,
      seed,
      from: options.from,
      seconds,
      ...found,
      failure,
    };
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (failure === undefined) {
    console.log('nothing trapped, and all invariants held');
    return;
  }
  console.log(`FAILED: ${failure.message}\n  ${failure.packet}\n  again: ${failure.again}`);
  process.exitCode = exitFailed;
}

/** Runs the world that failed once more, packet by packet, so that the report names the packet. */
function describeFailure(result: FleetResult, seed: number) {
  if (result.failure === undefined) return undefined;
  const { world, message } = result.failure;
  const precise = runWorld(seed, world, WORLD_PACKETS, true).failure ?? result.failure;
  const number = world * WORLD_PACKETS + Math.min(precise.packet, WORLD_PACKETS - 1);
  const octets = precise.octets === undefined ? '' : `: ${precise.octets}`;
  return {
    message: precise.message === message ? message : `${message}; packet by packet: ${precise.message}`,
    packet: `packet ${number}${octets}`,
    again: `npm run fuzz -- packets --seed ${seed} --from ${number} --count ${WORLD_PACKETS}`,
  };
}

function render(found: Distribution): string[] {
  const share = (count: number): string => `${((100 * count) / Math.max(1, found.packets)).toFixed(2)} %`;
  const lines = (title: string, counts: Readonly<Record<string, number>>): string[] => [
    title,
    ...Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(
        ([name, count]) => `  ${name.padEnd(20)} ${String(count).padStart(12)} ${share(count).padStart(9)}`,
      ),
  ];
  return [
    ...lines('outbound', found.outbound),
    ...lines('inbound', found.inbound),
    ...lines('dropped, by reason', found.drops),
    `never reached: ${found.neverReached.join(', ') || 'none'}`,
  ];
}
