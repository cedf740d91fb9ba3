/** The report of `--scenario version-up`: one JSON object; every figure is measured in this run. */

export interface VersionUpReport {
  readonly version: 1;
  readonly board: string;
  /** The guest; the others are processes in namespaces. */
  readonly router: string;
  readonly trials: readonly Trial[];
  readonly refusals: readonly RefusedRelease[];
  readonly powerCuts: readonly PowerCut[];
  /** Datagrams between the two other routers during all of it. */
  readonly others: { readonly sent: number; readonly lost: number; readonly longestGapMilliseconds: number };
  readonly shortfalls: readonly string[];
  readonly ok: boolean;
}

/** A version that was written, started and judged. */
export interface Trial {
  readonly version: string;
  readonly what: string;
  /** How the roll-out ended, and with what reason. */
  readonly rollout: string;
  readonly reason: string;
  /** What ran afterwards, as the server has it. */
  readonly runs: string;
  readonly slot: string;
  /** From the order until it was over. */
  readonly milliseconds: number;
  /** In which nothing came through the router: the longest gap of a flow. */
  readonly outageMilliseconds: number;
  /** From the machine's reset until the router said that it runs; null where it was reset more than once. */
  readonly bootMilliseconds: number | null;
}

/** A release that was not to be taken. */
export interface RefusedRelease {
  readonly what: string;
  readonly reason: string;
}

/** Power that was cut in a version-up. */
export interface PowerCut {
  readonly moment: string;
  /** What came up, as the server has it. */
  readonly runs: string;
  readonly slot: string;
}
