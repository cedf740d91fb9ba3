/** The path bench as a table for people, and what there is to say about it. */
import { type Column, renderTable } from '../../../host/cli/text-table.ts';
import type { PathRow } from './rows.ts';

function right(title: string, cell: (row: PathRow) => string): Column<PathRow> {
  return { title, align: 'right', cell };
}

const columns = (others: readonly string[]): Column<PathRow>[] => [
  { title: 'path', cell: ({ name }) => name },
  right('Gbit/s', ({ median }) => median.gigabits.toFixed(2)),
  right('back', ({ median }) => median.gigabitsBack.toFixed(2)),
  right('64 B kpps', ({ median }) => median.smallThousands.toFixed(0)),
  right('ping ms', ({ median }) => median.roundTripMs.toFixed(3)),
  right('p99', ({ median }) => median.roundTripP99Ms.toFixed(3)),
  right('CPU ms/Gbit', ({ median }) => median.cpuMsPerGigabit.toFixed(0)),
  right('status ms', ({ median }) => median.control?.statusMs.toFixed(0) ?? ''),
  ...others.map((other) => right(`/${other}`, ({ ratio }) => ratio[other]?.toFixed(2) ?? '')),
];

export function renderPathRows(rows: readonly PathRow[], wire: boolean): string {
  const others = [...new Set(rows.flatMap(({ ratio }) => Object.keys(ratio)))];
  const targets = rows.flatMap((row) => row.targets.map((target) => ({ row: row.name, ...target })));
  const missed = targets.filter(({ reached }) => !reached);
  return [
    renderTable(columns(others), rows, undefined, ''),
    [
      wire
        ? 'wire: real packets of at most 1500 octets cross between the routers; none was longer.'
        : 'direct: bundles may cross between the routers, as they do inside one machine.',
      'Each transfer was hashed at both ends, and nothing crossed in clear. Gbit/s: one TCP stream. Ratios: ours to theirs, both directions.',
      `${targets.length - missed.length} of ${targets.length} targets reached.`,
      ...missed.map(
        ({ row, name, value, wanted, bound }) =>
          `missed by ${row}: ${value.toFixed(2)} ${name}, ${wanted} ${bound} wanted`,
      ),
      'Medians over the rounds.',
    ].join('\n'),
  ].join('\n\n');
}
