/**
 * `npm run interop -- strongswan`: strongSwan and ours as each other's peers, in every combination of the matrix. Leaves
 * nothing behind but the logs of conversations that failed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostError } from '../../host/model/host-error.ts';
import { Place } from '../lab/place.ts';
import { obtainPrivileges } from '../lab/privileges.ts';
import { Processes, repository } from '../lab/processes.ts';
import { type InteropOptions, readOptions, usage } from './options.ts';
import { nameOf } from './strongswan/combination.ts';
import { combinations } from './strongswan/combinations.ts';
import { progressLine, renderMatrix, renderProblems, reportOf, verdictLine } from './strongswan/report.ts';
import { runCombinations } from './strongswan/run.ts';

/** Runs the command line; the result is the exit status. */
async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const chosen = combinations.filter((one) => nameOf(one).toLowerCase().includes(options.only));
  if (options.list) {
    console.log(chosen.map(nameOf).join('\n'));
    return 0;
  }
  if (chosen.length === 0)
    throw new HostError('USAGE', `--only: no combination has "${options.only}" in its name`);
  obtainPrivileges();
  return playAll(options, chosen);
}

async function playAll(options: InteropOptions, chosen: typeof combinations): Promise<number> {
  // With the results on standard output, people read standard error.
  const out = options.json === '-' ? process.stderr : process.stdout;
  const print = (text: string) => void out.write(`${text}\n`);
  const place = Place.take(options.name, print);
  const processes = new Processes(place);
  const leave = async () => {
    await processes.stopAll();
    place.leave();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void leave().finally(() => process.exit(130)));
  }
  try {
    const results = await runCombinations({
      ...{ place, processes, combinations: chosen, jobs: options.jobs },
      logs: join(repository, 'build/interop'),
      onResult: (result, done) => print(progressLine(result, done, chosen.length)),
    });
    if (options.json !== undefined) writeReport(options.json, reportOf(results));
    const problems = renderProblems(results);
    print(`\n${renderMatrix(results)}\n${problems === '' ? '' : `\n${problems}\n`}`);
    print(verdictLine(results));
    return results.every(({ problem }) => problem === undefined) ? 0 : 1;
  } finally {
    await leave();
  }
}

function writeReport(file: string, report: object): void {
  const text = `${JSON.stringify(report, undefined, 2)}\n`;
  if (file === '-') process.stdout.write(text);
  else writeFileSync(file, text);
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const message = error instanceof HostError ? `${error.message} (${error.code})` : error;
  console.error('interop:', message);
  process.exitCode = error instanceof HostError && error.code === 'USAGE' ? 2 : 1;
}
process.exit();
