/** The matrix as text and as JSON. */
import { type Column, renderTable } from '../../../host/cli/text-table.ts';
import { agreeing, type Outcome, progressOf } from '../verdict.ts';
import { type Combination, nameOf, type Role, roles } from './matrix/combination.ts';

export interface Result extends Outcome {
  readonly combination: Combination;
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
  return `${progressOf(result, done, all)}  ${result.seconds.toFixed(1).padStart(5)} s  ${nameOf(result.combination)}`;
}

/** The results of one thing that was tried. */
type Row = readonly Result[];

const whatColumns: readonly Column<Row>[] = [
  { title: 'subject', cell: ([first]) => first?.combination.subject ?? '' },
  { title: 'combination', cell: ([first]) => first?.combination.what ?? '' },
];

function roleColumn(role: Role): Column<Row> {
  return {
    title: headings[role],
    cell: (row) => cellOf(row.find(({ combination }) => combination.role === role)),
  };
}

/** A row for each thing that was tried, a column for each role that strongSwan had. */
export function renderMatrix(results: readonly Result[]): string {
  const played = roles.filter((role) => results.some(({ combination }) => combination.role === role));
  const columns = [...whatColumns, ...played.map(roleColumn)];
  const rows = Map.groupBy(results, ({ combination: { subject, what } }) => `${subject}\n${what}`);
  return renderTable(columns, [...rows.values()], undefined, 'no combinations');
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

/** The document of `--json`. */
export function reportOf(results: readonly Result[]): object {
  return {
    agreeing: agreeing(results),
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
