/** The matrix as text and as JSON, and the last line, which is the verdict. */
import type { Combination } from './combinations.ts';

export interface Result {
  readonly combination: Combination;
  /** Why the two do not agree; undefined when they do. */
  readonly problem: string | undefined;
}

/** One line while it runs. */
export function progressLine({ combination, problem }: Result, done: number, all: number): string {
  const count = `${String(done).padStart(String(all).length)}/${all}`;
  return `${count}  ${problem === undefined ? 'agree ' : 'DIFFER'}  ${combination.name}`;
}

/** Columns of the matrix: what is tried with each proposal. */
const columns: readonly { readonly title: string; readonly has: (one: Combination) => boolean }[] = [
  { title: 'tunnel', has: ({ mode }) => mode === 'tunnel' },
  { title: 'transport', has: ({ mode }) => mode === 'transport' },
  { title: 'IPv4', has: ({ family }) => family === 4 },
  { title: 'IPv6', has: ({ family }) => family === 6 },
  { title: 'ESN', has: ({ esn }) => esn },
  { title: 'UDP', has: ({ udp }) => udp },
];

/** A row for each proposal: of how many combinations with a column's property the two agree. */
export function renderMatrix(results: readonly Result[]): string {
  const rows = new Map<string, Result[]>();
  for (const result of results) {
    const { protocol, proposal } = result.combination;
    const key = `${protocol} ${proposal.keyword}`;
    rows.set(key, [...(rows.get(key) ?? []), result]);
  }
  const cells = [...rows].map(([key, ofRow]) => [
    key,
    ...columns.map(({ has }) => share(ofRow.filter(({ combination }) => has(combination)))),
  ]);
  const head = ['proposal', ...columns.map(({ title }) => title)];
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

function share(results: readonly Result[]): string {
  return results.length === 0 ? '' : `${agreeing(results)}/${results.length}`;
}

/** Every difference. */
export function renderProblems(results: readonly Result[]): string {
  return results
    .filter(({ problem }) => problem !== undefined)
    .map(({ combination, problem }) => `${combination.name}\n  ${problem}`)
    .join('\n');
}

export function verdictLine(results: readonly Result[]): string {
  return `${agreeing(results)} of ${results.length} combinations agree`;
}

/** The document of `--json`. */
export function reportOf(kernel: string, results: readonly Result[]): object {
  return {
    kernel,
    agreeing: agreeing(results),
    combinations: results.map(({ combination, problem }) => ({
      ...combination,
      proposal: combination.proposal.keyword,
      agree: problem === undefined,
      problem: problem ?? null,
    })),
  };
}

function agreeing(results: readonly Result[]): number {
  return results.filter(({ problem }) => problem === undefined).length;
}
