/** The matrix as text and as JSON, and the last line, which is the verdict. */
import { type Combination, nameOf, type Role, roles } from './combination.ts';

export interface Result {
  readonly combination: Combination;
  /** Why the ends do not agree; undefined when they do. */
  readonly problem: string | undefined;
  readonly seconds: number;
  /** Folder with the logs of a conversation that failed. */
  readonly logs: string | undefined;
}

const headings: Readonly<Record<Role, string>> = {
  initiator: 'strongSwan initiates',
  responder: 'strongSwan responds',
};

/** One line while it runs. */
export function progressLine(result: Result, done: number, all: number): string {
  const verdict = result.problem === undefined ? 'agree ' : 'DIFFER';
  const count = `${String(done).padStart(String(all).length)}/${all}`;
  return `${count}  ${verdict}  ${result.seconds.toFixed(1).padStart(5)} s  ${nameOf(result.combination)}`;
}

/** A row for each thing that was tried, a column for each of strongSwan's roles. */
export function renderMatrix(results: readonly Result[]): string {
  const rows = new Map<string, Map<Role, Result>>();
  for (const result of results) {
    const { subject, what, role } = result.combination;
    const key = `${subject}\n${what}`;
    rows.set(key, (rows.get(key) ?? new Map()).set(role, result));
  }
  const cells = [...rows].map(([key, byRole]) => [
    ...key.split('\n'),
    ...roles.map((role) => cellOf(byRole.get(role))),
  ]);
  const head = ['subject', 'combination', ...roles.map((role) => headings[role])];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.map(line)].join('\n');
}

function cellOf(result: Result | undefined): string {
  if (result === undefined) return '';
  return result.problem === undefined ? 'agree' : 'DIFFER';
}

/** Every difference with where its logs are. */
export function renderProblems(results: readonly Result[]): string {
  return results
    .filter(({ problem }) => problem !== undefined)
    .map(
      ({ combination, problem, logs }) =>
        `${nameOf(combination)}\n  ${problem?.replaceAll('\n', '\n  ')}\n  logs: ${logs}`,
    )
    .join('\n\n');
}

export function verdictLine(results: readonly Result[]): string {
  return `${results.filter(({ problem }) => problem === undefined).length} of ${results.length} combinations agree`;
}

/** The document of `--json`. */
export function reportOf(results: readonly Result[]): object {
  return {
    agreeing: results.filter(({ problem }) => problem === undefined).length,
    combinations: results.map(({ combination, problem, seconds }) => ({
      ...{ subject: combination.subject, what: combination.what, role: combination.role },
      ...{
        ike: combination.ike,
        esp: combination.esp,
        expected: combination.refusal === undefined ? 'channel' : 'refusal',
      },
      ...{ agree: problem === undefined, problem: problem ?? null, seconds: Number(seconds.toFixed(3)) },
    })),
  };
}
