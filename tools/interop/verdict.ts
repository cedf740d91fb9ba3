/** What every matrix ends with. */

/** What became of one combination. */
export interface Outcome {
  /** Why the ends do not agree; undefined when they do. */
  readonly problem: string | undefined;
}

export function agreeing(outcomes: readonly Outcome[]): number {
  return outcomes.filter(({ problem }) => problem === undefined).length;
}

/** The last line of a run. */
export function verdictLine(outcomes: readonly Outcome[]): string {
  return `${agreeing(outcomes)} of ${outcomes.length} combinations agree`;
}

/** How far a run is, and what became of the last one: `  7/143  agree`. */
export function progressOf({ problem }: Outcome, done: number, all: number): string {
  return `${String(done).padStart(String(all).length)}/${all}  ${problem === undefined ? 'agree ' : 'DIFFER'}`;
}
