/** `sekisho server rollout`: brings the routers of a running server to another version, stage by stage, and shows how far that is. */
import { setTimeout } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import { rolloutAnswerSchema, type rolloutSchema } from '../model/status.ts';
import { ask, serverSocket, tell } from './control-client.ts';
import { foundProblem, type OutputOptions, print } from './output.ts';
import { renderRollout, rolloutLine } from './render-rollout.ts';

type Rollout = z.output<typeof rolloutSchema>;
type Options = OutputOptions & { readonly socket?: string };

interface StartOptions extends Options {
  readonly stages: readonly number[];
  readonly maxFailures: number;
  readonly url?: string;
  readonly routers?: readonly string[];
  readonly deadline: number;
}

const watchMs = 2000;

export function addServerRolloutCommand(parent: Command): void {
  const rollout = parent
    .command('rollout')
    .summary('bring routers to another version, stage by stage')
    .description(
      'Tells the routers of the server that runs on this machine to bring themselves to a version, a few first and more once\n' +
        'those have confirmed it; stops by itself when too many fail. What a router may install is decided by the signatures of\n' +
        'the release alone. A roll-out goes on across restarts of the server, and routers that are away are told when they come.',
    );
  explained(
    rollout,
    'sekisho server rollout start 1.4.0 --stages 1%,10%,100% --max-failures 3',
    'sekisho server rollout status --watch',
    'sekisho server rollout resume --max-failures 10',
  );
  addStart(rollout);
  addStatus(rollout);
  for (const [name, what] of [
    ['pause', 'tell no further router; those that were told go on'],
    ['abort', 'end it; routers that were told go on, none is taken back'],
  ] as const) {
    explained(rollout.command(name), `sekisho server rollout ${name}`)
      .summary(what)
      .option('--json', 'print the roll-out')
      .action((_: unknown, command: Command) => order(command.optsWithGlobals(), { order: name }));
  }
  explained(rollout.command('resume'), 'sekisho server rollout resume --max-failures 10')
    .summary('go on after a pause or a stop; the open stage has its whole time again')
    .option('--max-failures <n>', 'stop when so many have failed, in place of the limit before', positive)
    .option('--json', 'print the roll-out')
    .action((_: unknown, command: Command) => {
      const options: Options & { maxFailures?: number } = command.optsWithGlobals();
      const { maxFailures } = options;
      return order(options, { order: 'resume', ...(maxFailures === undefined ? {} : { maxFailures }) });
    });
}

/** Examples and exit codes, which are the same for all. */
function explained(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText(
    'after',
    `
Examples:
${examples.map((example) => `  ${example}`).join('\n')}

Exit codes: 0 done, 1 refused, or the roll-out has stopped, 2 wrong command line, 3 no server answers`,
  );
}

function addStart(rollout: Command): void {
  explained(
    rollout.command('start'),
    'sekisho server rollout start 1.4.0 --stages 1%,10%,100% --max-failures 3',
    'sekisho server rollout start 1.4.0 --stages 100% --max-failures 1 --routers tokyo,osaka',
  )
    .summary('start one')
    .argument('<version>', 'the release, as in 1.4.0')
    .requiredOption(
      '--stages <percentages>',
      'rising, as in 1%,10%,100%: how many routers may be touched by the end of each stage, rounded up',
      percentages,
    )
    .requiredOption('--max-failures <n>', 'stop when so many routers have failed, 1 or more', positive)
    .option('--url <url>', "where the release is (default: where each router's settings say)")
    .option('--routers <names>', 'these alone, as in tokyo,osaka (default: every enrolled router)', names)
    .option(
      '--deadline <seconds>',
      'how long a stage waits for routers that are away, and for one that was told to confirm',
      positive,
      3600,
    )
    .option('--json', 'print the roll-out')
    .action((version: string, _: unknown, command: Command) => {
      const options: StartOptions = command.optsWithGlobals();
      const { stages, maxFailures, url, routers, deadline } = options;
      const plan = { version, stages, maxFailures, stageSeconds: deadline };
      const more = { ...(url === undefined ? {} : { url }), ...(routers === undefined ? {} : { routers }) };
      return order(options, { order: 'start', ...plan, ...more });
    });
}

function addStatus(rollout: Command): void {
  explained(
    rollout.command('status'),
    'sekisho server rollout status --watch',
    'sekisho server rollout status --json | jq .failures',
  )
    .summary('how far the last one is, who failed and why, whom it waits for')
    .option('--watch', 'print a line whenever something changes, until it is over')
    .option('--json', 'print the roll-out as JSON; null when there never was one')
    .action(async (_: unknown, command: Command) => {
      const options: Options & { watch?: boolean } = command.optsWithGlobals();
      const found = options.watch === true ? await watch(options) : await read(options);
      show(found, options);
    });
}

async function read({ socket }: Options): Promise<Rollout | null> {
  return (await ask(socket ?? serverSocket, '/rollout', rolloutAnswerSchema)).rollout;
}

/** Returns it as it is when it is over, or at once when nothing is under way. */
async function watch(options: Options): Promise<Rollout | null> {
  for (let before = ''; ; await setTimeout(watchMs)) {
    const found = await read(options);
    if (found === null || (found.state !== 'running' && found.state !== 'paused')) return found;
    const line = rolloutLine(found);
    if (line !== before) process.stderr.write(`${line}\n`);
    before = line;
  }
}

async function order(options: Options, body: object): Promise<void> {
  const { rollout } = await tell(options.socket ?? serverSocket, '/rollout', rolloutAnswerSchema, body);
  show(rollout, options);
}

function show(rollout: Rollout | null, options: Options): void {
  print(rollout, options, (found, width) =>
    found === null ? 'There never was a roll-out.' : renderRollout(found, width),
  );
  if (rollout?.state === 'stopped') foundProblem();
}

function percentages(text: string): number[] {
  return text.split(',').map((part) => {
    const [, digits] = /^(\d{1,3}(?:\.\d{1,3})?)%?$/.exec(part.trim()) ?? [];
    if (digits !== undefined) return Number(digits);
    throw new InvalidArgumentError('expected rising percentages as in 1%,10%,100%.');
  });
}

function names(text: string): string[] {
  const found = text.split(',').map((part) => part.trim());
  if (found.every((part) => part !== '')) return found;
  throw new InvalidArgumentError('expected names as in tokyo,osaka.');
}

function positive(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1) return value;
  throw new InvalidArgumentError('expected a whole number of 1 or more.');
}
