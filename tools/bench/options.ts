/** The command line of `npm run bench`: which bench, which rows, how long. Which benches there are is main.ts's. */
import { parseArgs } from 'node:util';
import { BenchUsageError } from './bench.ts';

export interface CommandLine {
  readonly help: boolean;
  /** Undefined only with `help`. */
  readonly bench: string | undefined;
  /** As written; `chooseRows` compares them with what there is. */
  readonly only: readonly string[] | undefined;
  readonly seconds: number | undefined;
  readonly json: string | undefined;
  /** As written. */
  readonly peers: readonly string[] | undefined;
  readonly wire: boolean;
  readonly soakMinutes: number | undefined;
}

/**
 * Reads the arguments.
 *
 * @param benches names of benches
 * @throws BenchUsageError
 */
export function readCommandLine(args: readonly string[], benches: readonly string[]): CommandLine {
  const { values, positionals } = parse(args);
  const [bench, ...rest] = positionals;
  const help = values.help ?? false;
  const expected = `expected one bench of ${benches.join(', ')}`;
  if (!help && bench === undefined) throw new BenchUsageError(`${expected}, found none`);
  if (bench !== undefined && !benches.includes(bench))
    throw new BenchUsageError(`${expected}, found ${bench}`);
  if (rest.length > 0) throw new BenchUsageError(`${expected}, found more: ${rest.join(' ')}`);
  return {
    help,
    bench,
    only: listOf(values.only),
    peers: listOf(values.peers),
    wire: values.wire ?? false,
    soakMinutes: values.soak === undefined ? undefined : minutesOf(values.soak),
    seconds: values.seconds === undefined ? undefined : secondsOf(values.seconds),
    json: values.json,
  };
}

/**
 * The names of rows that `only` asks for, as the bench writes them; capital letters do not matter.
 *
 * @throws BenchUsageError for a name that no row has
 */
export function chooseRows(
  only: readonly string[] | undefined,
  names: readonly string[],
): readonly string[] | undefined {
  return only?.map((wanted) => {
    const name = names.find((one) => one.toLowerCase() === wanted.toLowerCase());
    if (name !== undefined) return name;
    throw new BenchUsageError(
      `--only: expected names of ${[...new Set(names)].join(', ')}; found "${wanted}"`,
    );
  });
}

/**
 * Says no to options that the bench does not have.
 *
 * @param peers what the bench takes for `--peers`; undefined: neither that nor `--wire` nor `--soak`
 * @throws BenchUsageError
 */
export function checkPeers(
  bench: string,
  { peers: wanted, wire, soakMinutes }: Pick<CommandLine, 'peers' | 'wire' | 'soakMinutes'>,
  peers: readonly string[] | undefined,
): void {
  if (peers === undefined) {
    if (wanted === undefined && !wire && soakMinutes === undefined) return;
    throw new BenchUsageError(`expected no --peers, --wire or --soak with ${bench}`);
  }
  const unknown = wanted?.find((one) => !peers.includes(one));
  if (unknown !== undefined)
    throw new BenchUsageError(`--peers: expected names of ${peers.join(', ')}; found "${unknown}"`);
}

function listOf(text: string | undefined): readonly string[] | undefined {
  return text?.split(',').map((name) => name.trim());
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && Number.isFinite(seconds) && seconds > 0 && seconds <= 3600) return seconds;
  throw new BenchUsageError(`--seconds: expected a number above 0 and up to 3600, found "${text}"`);
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (text.trim() !== '' && Number.isFinite(minutes) && minutes >= 0.5 && minutes <= 1440) return minutes;
  throw new BenchUsageError(`--soak: expected minutes from 0.5 to 1440, found "${text}"`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        only: { type: 'string' },
        seconds: { type: 'string' },
        json: { type: 'string' },
        peers: { type: 'string' },
        wire: { type: 'boolean' },
        soak: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new BenchUsageError(error instanceof Error ? error.message : String(error));
  }
}
