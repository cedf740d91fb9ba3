/** `npm run interop -- PEER`: a stranger and ours as each other's peers, in every combination of its matrix. */
import { HostError } from '../../host/model/host-error.ts';
import { endOnSignal, interruptedStatus } from '../lab/end-on-signal.ts';
import { writeReport } from '../lab/report-file.ts';
import { Interrupted } from './interrupted.ts';
import { type InteropOptions, type PeerName, readOptions, usage } from './options.ts';
import type { Peer } from './peer.ts';
import { agreeing, verdictLine } from './verdict.ts';

const peers: Readonly<Record<PeerName, () => Promise<{ readonly peer: Peer }>>> = {
  strongswan: () => import('./strongswan/peer.ts'),
  'linux-kernel': () => import('./linux-kernel/peer.ts'),
};

/** Runs the command line; the result is the exit status. */
async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    console.log(usage);
    return 0;
  }
  const { peer } = await peers[options.peer]();
  const isChosen = (name: string) => name.toLowerCase().includes(options.only);
  const chosen = peer.names.filter(isChosen);
  if (options.list) {
    console.log(chosen.join('\n'));
    return 0;
  }
  if (chosen.length === 0)
    throw new HostError('USAGE', `--only: no combination has "${options.only}" in its name`);
  return play(peer, isChosen, options);
}

async function play(
  peer: Peer,
  isChosen: (name: string) => boolean,
  { jobs, name, json }: InteropOptions,
): Promise<number> {
  // With the results on standard output, people read standard error.
  const out = json === '-' ? process.stderr : process.stdout;
  const print = (text: string) => void out.write(`${text}\n`);
  const interruption = new AbortController();
  void endOnSignal().then(() => interruption.abort());
  const played = await peer.play({ isChosen, jobs, name, print, signal: interruption.signal });
  if (json !== undefined) writeReport(json, played.report);
  print(`\n${played.matrix}\n`);
  if (played.problems !== '') print(`${played.problems}\n`);
  print(verdictLine(played.outcomes));
  return agreeing(played.outcomes) === played.outcomes.length ? 0 : 1;
}

function statusOf(error: unknown): number {
  if (error instanceof Interrupted) return interruptedStatus;
  return error instanceof HostError && error.code === 'USAGE' ? 2 : 1;
}

// A reader that has seen enough, or a terminal that is gone, must not keep the run from clearing up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const message =
    error instanceof HostError
      ? `${error.message} (${error.code})`
      : error instanceof Interrupted
        ? error.message
        : error;
  console.error('interop:', message);
  process.exitCode = statusOf(error);
}
process.exit();
