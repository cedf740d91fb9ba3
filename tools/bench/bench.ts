/** What every bench is to the command `npm run bench`: names of rows, a run that measures them, rows and a table back. */

export interface BenchOptions {
  /** Names of rows to be measured; undefined for all. */
  readonly only: readonly string[] | undefined;
  /** Time for each row, all contestants together. */
  readonly seconds: number;
  /** Others to be measured beside, of the bench's `peers`. */
  readonly peers?: readonly string[];
  /** Real packets between routers, instead of bundles. */
  readonly wire: boolean;
  /** For so many minutes at full load, instead of rows. */
  readonly soakMinutes?: number;
  /** One line of progress. */
  readonly progress: (line: string) => void;
}

/** Something that a ratio is to reach. */
export interface Target {
  readonly ratio: string;
  readonly atLeast: number;
  readonly reached: boolean;
}

/** What every row has in common, as `--json` has it. Ratios are ours to theirs: above 1 we are faster; null where there is nothing to compare with. */
export interface BenchRow {
  readonly bench: string;
  readonly name: string;
  readonly ratio: Readonly<Record<string, number | null>>;
}

/** A row about packets. */
export interface PacketBenchRow extends BenchRow {
  readonly direction: string;
  /** Packets at once. */
  readonly batch: number;
  /** Of one packet. */
  readonly octets: number;
  /** 10^6 octets in a second. */
  readonly mbPerSecond: number;
  readonly nsPerPacket: number;
  readonly target?: Target;
  /** The most nanoseconds that a packet is to take. */
  readonly limit?: { readonly nsAtMost: number; readonly reached: boolean };
}

export interface BenchOutcome {
  readonly rows: readonly BenchRow[];
  /** For people: a table and what there is to say about it. */
  readonly text: string;
}

export interface Bench {
  /** Names that `--only` takes. */
  readonly names: readonly string[];
  /** What `--peers` takes, with `--wire` and `--soak`; without it the bench has none of these options. */
  readonly peers?: readonly string[];
  /** Throws WrongResult as soon as a contestant computes something else than the others. */
  readonly run: (options: BenchOptions) => Promise<BenchOutcome>;
}

/** A contestant's result is wrong, so its speed means nothing. */
export class WrongResult extends Error {
  constructor(row: string, contestant: string, detail: string) {
    super(`${row}: the result of ${contestant} is wrong: ${detail}`);
    this.name = 'WrongResult';
  }
}

/** The command line is not as expected. */
export class BenchUsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BenchUsageError';
  }
}
