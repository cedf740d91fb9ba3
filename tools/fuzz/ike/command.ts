/** `npm run fuzz -- ike`: options, progress and report of a run; what is run and checked is `world.ts`'. */
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { refusalReasons } from '../../../host/ike/events.ts';
import { reporter, whole } from '../progress.ts';
import { add, emptyTally, messagesIn, type Tally } from './tally.ts';
import { runWorld, worldMessages } from './world.ts';

interface Options {
  readonly count?: number;
  readonly seed?: number;
  readonly from: number;
  readonly minutes?: number;
  readonly json?: string;
}

const defaultCount = 200_000;
const exitFailed = 1;

export function ikeCommand(): Command {
  return new Command('ike')
    .description(
      'Run IKEv2 conversations over a network that is an attacker’s, and check what must hold after every message.',
    )
    .option('--count <n>', `how many messages (${defaultCount}, or without end with --minutes)`, whole(1))
    .option('--seed <s>', 'the seed (drawn otherwise, and printed)', whole(0))
    .option('--from <w>', 'begin with world W', whole(0), 0)
    .option('--minutes <m>', 'end after so many minutes', whole(1))
    .option('--json <file>', 'write a report')
    .action(fuzzIke);
}

function fuzzIke(options: Options): void {
  const seed = options.seed ?? randomInt(2 ** 32);
  const count = options.count ?? (options.minutes === undefined ? defaultCount : Number.MAX_SAFE_INTEGER);
  const startedAt = performance.now();
  const deadline = startedAt + (options.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  console.log(`seed ${seed}`);
  const progress = reporter('messages', count, startedAt);
  const tally = emptyTally();
  let world = options.from;
  let failure: string | undefined;
  while (messagesIn(tally) < count && failure === undefined && performance.now() < deadline) {
    const result = runWorld(seed, world, Math.min(worldMessages, count - messagesIn(tally)));
    add(tally, result.tally);
    if (result.failure !== undefined) {
      failure = `${result.failure}\n  again: npm run fuzz -- ike --seed ${seed} --from ${world} --count ${worldMessages}`;
    }
    world += 1;
    progress(messagesIn(tally));
  }
  if (process.stderr.isTTY) process.stderr.write('\n');
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(render(tally).join('\n'));
  const messages = messagesIn(tally);
  console.log(
    `${messages} messages in ${world - options.from} worlds, ${seconds.toFixed(1)} s, ${Math.round(messages / seconds)} messages/s`,
  );
  if (options.json !== undefined) {
    const report = {
      version: 1,
      ok: failure === undefined,
      seed,
      from: options.from,
      seconds,
      ...tally,
      failure,
    };
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (failure === undefined) {
    console.log('nothing was thrown, and all invariants held');
    return;
  }
  console.log(`FAILED: ${failure}`);
  process.exitCode = exitFailed;
}

function render(tally: Tally): string[] {
  const lines = (title: string, counts: Readonly<Record<string, number>>): string[] => [
    title,
    ...Object.entries(counts)
      .filter(([, count]) => count > 0)
      .sort(([, one], [, other]) => other - one)
      .map(([name, count]) => `  ${name.padEnd(32)} ${String(count).padStart(10)}`),
  ];
  const { genuine, altered, sent } = tally;
  const never = refusalReasons.filter((reason) => tally.refusals[reason] === 0);
  return [
    ...lines('messages', {
      'as they were sent': genuine,
      'altered or made up': altered,
      'sent by the ends': sent,
    }),
    ...lines('outcomes', tally.actions),
    ...lines('refused, by reason', tally.refusals),
    `never reached: ${never.join(', ') || 'none'}`,
  ];
}
