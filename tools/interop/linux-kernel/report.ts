/** The matrix as text and as JSON. */
import { type Column, renderTable } from '../../../host/cli/text-table.ts';
import { agreeing, type Outcome, progressOf } from '../verdict.ts';
import type { Combination } from './combinations.ts';

export interface Result extends Outcome {
  readonly combination: Combination;
}

/** One line while it runs. */
export function progressLine(result: Result, done: number, all: number): string {
  return `${progressOf(result, done, all)}  ${result.combination.name}`;
}

type Row = readonly [proposal: string, results: readonly Result[]];

/** What is tried with each proposal. */
const properties: readonly { readonly title: string; readonly has: (one: Combination) => boolean }[] = [
  { title: 'tunnel', has: ({ mode }) => mode === 'tunnel' },
  { title: 'transport', has: ({ mode }) => mode === 'transport' },
  { title: 'IPv4', has: ({ family }) => family === 4 },
  { title: 'IPv6', has: ({ family }) => family === 6 },
  { title: 'ESN', has: ({ esn }) => esn },
  { title: 'UDP', has: ({ udp }) => udp },
];

const columns: readonly Column<Row>[] = [
  { title: 'proposal', cell: ([proposal]) => proposal },
  ...properties.map(
    ({ title, has }): Column<Row> => ({
      title,
      align: 'right',
      cell: ([, results]) => share(results.filter(({ combination }) => has(combination))),
    }),
  ),
];

/** A row for each proposal: of how many combinations with a column's property the two agree. */
export function renderMatrix(results: readonly Result[]): string {
  const rows = Map.groupBy(
    results,
    ({ combination: { protocol, proposal } }) => `${protocol} ${proposal.keyword}`,
  );
  return renderTable(columns, [...rows], undefined, 'no combinations');
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
