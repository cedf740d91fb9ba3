/**
 * What every command does with its result: `--json` prints it as one JSON value, otherwise it is rendered for a person at
 * the width of their terminal. Results go to standard output, everything else to standard error.
 */
import { exitCode } from './exit-code.ts';

export interface OutputOptions {
  readonly json?: boolean;
}

/** Columns of the terminal that standard output is; undefined for a pipe or a file, where lines may be long. */
export function terminalWidth(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined;
}

/** Prints `value` as JSON, with bigints as decimal strings, or as `render` shows it. */
export function print<Value>(
  value: Value,
  options: OutputOptions,
  render: (value: Value, width: number | undefined) => string,
): void {
  const text =
    options.json === true
      ? JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? one.toString() : one), 2)
      : render(value, terminalWidth());
  process.stdout.write(`${text}\n`);
}

/** Lets the command end with exit code 1 although it did its work: it found something wrong. */
export function foundProblem(): void {
  process.exitCode = exitCode.notOk;
}
