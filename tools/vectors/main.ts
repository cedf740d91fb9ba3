/**
 * `npm run vectors -- PATH…`: runs files of test vectors through the shipped firmware's primitives. docs/measuring.md tells
 * how to read what it prints. The last line is `N passed, N failed` alone.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type FileReport, renderFile, runGroups } from './report.ts';
import { VectorFileError } from './vector-case.ts';
import { findVectorFiles, readVectorFile } from './vector-files.ts';

const usage = `npm run vectors -- [--json FILE] PATH...
  Runs test vectors through the shipped firmware's ciphers, MACs and hashes.

  PATH          a Wycheproof file (.json, schema v1), a NIST response file (.rsp), or a folder of these
  --json FILE   write the report to FILE
  --help        print this

  Exit status: 0 all passed, 1 a vector failed, 2 an input was unreadable or malformed (the others are still run).`;

const exitFailed = 1;
const exitUnreadable = 2;

function run(args: readonly string[]): number {
  const { paths, json, help } = options(args);
  if (help) {
    console.log(usage);
    return 0;
  }
  if (paths.length === 0) {
    console.error(`vectors: expected at least one PATH, found none\n\n${usage}`);
    return exitUnreadable;
  }
  const reports: FileReport[] = [];
  const errors: string[] = [];
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof VectorFileError)) throw error;
      errors.push(error.message);
      console.log(`ERROR ${error.message}`);
      return undefined;
    }
  };
  for (const path of paths) {
    const found = attempt(() => findVectorFiles(path));
    if (found === undefined) continue;
    for (const file of found.files) {
      const report = attempt(() => runGroups(file, readVectorFile(file)));
      if (report === undefined) continue;
      reports.push(report);
      console.log(renderFile(report).join('\n'));
    }
    for (const file of found.ignored) console.log(`${file}: not read: no vectors by its name`);
  }
  if (errors.length === 0 && reports.length === 0) {
    attempt(() => {
      throw new VectorFileError(paths.join(', '), '', 'at least one file of vectors', 'none');
    });
  }
  const passed = reports.reduce((sum, report) => sum + report.passed, 0);
  const failed = reports.reduce((sum, report) => sum + report.failed, 0);
  if (json !== undefined) {
    const report = { passed, failed, errors, files: reports };
    const text = `${JSON.stringify(report, undefined, 2)}\n`;
    attempt(() => writeReport(json, text));
  }
  for (const message of errors) console.error(`vectors: ${message}`);
  console.log(`${passed} passed, ${failed} failed`);
  if (errors.length > 0) return exitUnreadable;
  return failed > 0 ? exitFailed : 0;
}

function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new VectorFileError(file, '--json', 'a file to write', String(error));
  }
}

function options(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  return { paths: positionals, json: values.json, help: values.help ?? false };
}

try {
  process.exitCode = run(process.argv.slice(2));
} catch (error) {
  console.error('vectors:', error instanceof Error ? error.message : error);
  process.exitCode = exitUnreadable;
}
