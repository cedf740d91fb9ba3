/**
 * Simulates many worlds of routers and a setting server, each from one seed, and shows the first that breaks an invariant as
 * a time sequence. `npm run simulate -- --help`.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Command, InvalidArgumentError } from 'commander';
import { inspectShippedEngine, makeShippedEngine } from './engine-shipped.ts';
import { runSeed, type SeedOptions, type SeedResult } from './run-seed.ts';

interface Range {
  readonly first: number;
  readonly end: number;
  readonly step: number;
  readonly routers: number | undefined;
  readonly loss: number | undefined;
  readonly wasm: boolean;
}

interface Options {
  readonly seeds: number;
  readonly seed: number;
  readonly routers?: number;
  readonly loss?: number;
  readonly wasm?: boolean;
  readonly jobs: number;
  readonly json?: string;
  readonly trace?: boolean;
}

/** Exit codes: 0 all invariants held, 1 one broke, 2 wrong usage. */
const exitBroken = 1;
const exitUsage = 2;

function seedOptions(range: Range): SeedOptions {
  return {
    routers: range.routers,
    loss: range.loss,
    wasm: range.wasm ? { makeEngine: makeShippedEngine, inspect: inspectShippedEngine } : undefined,
  };
}

function number(minimum: number, maximum: number, isWhole: boolean) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && value >= minimum && value <= maximum && (!isWhole || Number.isInteger(value))) {
      return value;
    }
    throw new InvalidArgumentError(
      `expected a ${isWhole ? 'whole ' : ''}number from ${minimum} to ${maximum}`,
    );
  };
}

function parse(): Options {
  const whole = (maximum: number, minimum = 1) => number(minimum, maximum, true);
  const command = new Command('simulate')
    .description('Run the shipped machines in virtual time, and check the invariants after every step.')
    .option('--seeds <n>', 'how many worlds', whole(1e9), 1000)
    .option('--seed <s>', 'the first seed', whole(Number.MAX_SAFE_INTEGER, 0), 1)
    .option('--routers <n>', 'routers in each world (drawn from 2 to 4 otherwise)', whole(40, 2))
    .option(
      '--loss <p>',
      'share of datagrams lost in the worlds with loss (drawn otherwise)',
      number(0, 0.9, false),
    )
    .option('--wasm', 'the shipped engine instead of its model')
    .option('--jobs <n>', 'threads', whole(64), availableParallelism())
    .option('--json <file>', 'write a report')
    .option('--trace', 'show the first seed as a time sequence, whatever becomes of it')
    .exitOverride();
  try {
    return command.parse().opts<Options>();
  } catch (error) {
    const isHelp = error instanceof Error && 'exitCode' in error && error.exitCode === 0;
    process.exit(isHelp ? 0 : exitUsage);
  }
}

interface Tally {
  seeds: number;
  steps: number;
  packets: number;
  delivered: number;
  readonly profiles: Record<string, number>;
}

/** Runs the seeds over several threads; resolves with the lowest seed that failed, if any. */
function runAll(options: Options, tally: Tally): Promise<SeedResult | undefined> {
  const { seed, seeds, routers, loss, wasm = false } = options;
  const jobs = Math.min(options.jobs, seeds);
  const end = seed + seeds;
  let running = jobs;
  let failed: SeedResult | undefined;
  return new Promise((resolve, reject) => {
    for (let job = 0; job < jobs; job += 1) {
      const range: Range = { first: seed + job, end, step: jobs, routers, loss, wasm };
      const worker = new Worker(new URL(import.meta.url), { workerData: range });
      worker.on('message', (result: SeedResult) => {
        add(tally, result);
        if (result.violation !== undefined && (failed === undefined || result.seed < failed.seed))
          failed = result;
      });
      worker.on('error', reject);
      worker.on('exit', () => {
        running -= 1;
        if (running === 0) resolve(failed);
      });
    }
  });
}

function add(tally: Tally, result: SeedResult): void {
  tally.seeds += 1;
  tally.steps += result.steps;
  tally.packets += result.packets;
  tally.delivered += result.delivered;
  tally.profiles[result.profile] = (tally.profiles[result.profile] ?? 0) + 1;
}

async function main(): Promise<void> {
  const options = parse();
  const tally: Tally = { seeds: 0, steps: 0, packets: 0, delivered: 0, profiles: {} };
  const startedAt = performance.now();
  const progress = setInterval(() => {
    if (!process.stderr.isTTY) return;
    const perSecond = Math.round(tally.seeds / ((performance.now() - startedAt) / 1000));
    process.stderr.write(`\r${tally.seeds} of ${options.seeds} worlds, ${perSecond} a second `);
  }, 500);
  const failed = await runAll(options, tally);
  clearInterval(progress);
  const seconds = (performance.now() - startedAt) / 1000;
  if (process.stderr.isTTY) process.stderr.write('\r');
  if (options.trace) showTrace(options.seed, options);
  if (failed !== undefined) showFailure(failed, options);
  const verdict = failed === undefined ? 'all invariants held' : `broken in seed ${failed.seed}`;
  console.log(
    `${tally.seeds} worlds in ${seconds.toFixed(1)} s: ${tally.steps} steps, ${tally.packets} packets sent, ` +
      `${tally.delivered} delivered; ${verdict}`,
  );
  if (options.json !== undefined) {
    const report = {
      version: 1,
      ok: failed === undefined,
      options,
      seconds,
      ...tally,
      failed:
        failed === undefined ? null : { seed: failed.seed, profile: failed.profile, ...failed.violation },
    };
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (failed !== undefined) process.exitCode = exitBroken;
}

/** The time sequence of the seed, whole; the same seed always gives the same one. */
function showTrace(seed: number, options: Options): void {
  const trace: string[] = [];
  const { routers, loss, wasm = false } = options;
  runSeed(seed, { ...seedOptions({ first: 0, end: 0, step: 1, routers, loss, wasm }), trace });
  console.log(trace.join('\n'));
}

function showFailure(failed: SeedResult, options: Options): void {
  const { routers, loss, wasm = false } = options;
  if (!options.trace || failed.seed !== options.seed) showTrace(failed.seed, options);
  if (failed.violation?.invariant === 'exception') console.log(failed.violation.stack);
  const flags = [
    routers === undefined ? '' : ` --routers ${routers}`,
    loss === undefined ? '' : ` --loss ${loss}`,
    wasm ? ' --wasm' : '',
  ].join('');
  console.log(`\nseed ${failed.seed} (${failed.profile}): ${failed.violation?.message ?? ''}`);
  console.log(`again: npm run simulate -- --seeds 1 --seed ${failed.seed}${flags}`);
}

/** A thread: every `step`th seed of the range, until one fails. */
function work(range: Range): void {
  const options = seedOptions(range);
  for (let seed = range.first; seed < range.end; seed += range.step) {
    const result = runSeed(seed, options);
    parentPort?.postMessage(result);
    if (result.violation !== undefined) return;
  }
}

if (isMainThread) await main();
else work(workerData as Range); // what runAll passed
