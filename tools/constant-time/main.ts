/**
 * `npm run constant-time -- [NAME...]`: times the shipped firmware's ciphers with two classes of inputs each, and leaks planted
 * for it to find. docs/measuring.md tells how to read what it prints and what it cannot show.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { judge } from './judgement.ts';
import { plantedSubjects } from './planted.ts';
import { problemsOf, renderReport, reportOf } from './report.ts';
import type { Subject } from './subject.ts';
import { firmwareSubjects } from './subjects/subjects.ts';

const usage = `npm run constant-time -- [--seconds N] [--json FILE] [NAME...]
  Tells whether the time of the firmware's ciphers depends on their inputs. Planted leaks are measured in every run.

  NAME          a part of a subject's name, in upper or lower case; all subjects without one
  --seconds N   how long each measurement may take; 5 if left out
  --json FILE   write the report to FILE
  --help        print this

  Exit status: 0 no leak, and all planted ones found; 1 a leak, or a planted one not found; 2 bad arguments.`;

const exitFailed = 1;
const exitBadArguments = 2;
const defaultSeconds = 5;

class ArgumentError extends Error {}

interface Options {
  readonly subjects: readonly Subject[];
  readonly seconds: number;
  readonly json: string | undefined;
  readonly help: boolean;
}

function run(options: Options): number {
  const planted = plantedSubjects();
  const total = planted.length + options.subjects.length;
  let done = 0;
  const judged = (subject: Subject) => {
    console.error(`${++done} of ${total}: ${subject.name}`);
    return judge(subject, options.seconds);
  };
  const report = reportOf(options.seconds, planted.map(judged), options.subjects.map(judged));
  console.log(renderReport(report, process.stdout.columns));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  const problems = problemsOf(report);
  for (const problem of problems) console.error(`constant-time: ${problem}`);
  return problems.length > 0 ? exitFailed : 0;
}

/** @throws ArgumentError */
function optionsOf(args: readonly string[]): Options {
  const { values, positionals } = parsed(args);
  const seconds = values.seconds === undefined ? defaultSeconds : Number(values.seconds);
  if (!(seconds > 0 && seconds <= 86_400)) {
    throw new ArgumentError(
      `--seconds: expected a number above 0 and up to 86400, found ${JSON.stringify(values.seconds)}`,
    );
  }
  const named = (name: string) =>
    firmwareSubjects.filter((subject) => subject.name.toLowerCase().includes(name.toLowerCase()));
  for (const name of positionals) {
    if (named(name).length > 0) continue;
    const known = firmwareSubjects.map((subject) => `  ${subject.name}`).join('\n');
    throw new ArgumentError(
      `expected a part of one of these names, found ${JSON.stringify(name)}:\n${known}`,
    );
  }
  const chosen = new Set(positionals.flatMap(named));
  return {
    subjects: positionals.length === 0 ? firmwareSubjects : [...chosen],
    seconds,
    json: values.json,
    help: values.help ?? false,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seconds: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? error.message : String(error));
  }
}

try {
  const options = optionsOf(process.argv.slice(2));
  if (options.help) console.log(usage);
  else process.exitCode = run(options);
} catch (error) {
  console.error('constant-time:', error instanceof Error ? error.message : error);
  if (error instanceof ArgumentError) console.error(`\n${usage}`);
  process.exitCode = error instanceof ArgumentError ? exitBadArguments : exitFailed;
}
