/** What was found, as a table for people and as JSON, and whether that is good. */
import { renderTable } from '../../host/cli/text-table.ts';
import { type Judgement, MEASUREMENTS, THRESHOLD } from './judgement.ts';

export interface Report {
  /** Seconds of a measurement. */
  readonly seconds: number;
  readonly threshold: number;
  readonly measurements: number;
  readonly planted: readonly Judgement[];
  readonly firmware: readonly Judgement[];
}

export function reportOf(
  seconds: number,
  planted: readonly Judgement[],
  firmware: readonly Judgement[],
): Report {
  return { seconds, threshold: THRESHOLD, measurements: MEASUREMENTS, planted, firmware };
}

/** What makes the run fail, one line for each; none when every planted leak was found and nothing else. */
export function problemsOf({ planted, firmware }: Report): string[] {
  const missed = planted.filter((one) => !one.leaks).map(({ name }) => name);
  const leaking = firmware.filter((one) => one.leaks).map(({ name }) => name);
  return [
    ...(missed.length > 0 ? [`the instrument is blind: it did not find ${missed.join(', ')}`] : []),
    ...(leaking.length > 0 ? [`time depends on the inputs of ${leaking.join(', ')}`] : []),
  ];
}

/** @param width of the terminal in characters, undefined for a file or a pipe */
export function renderReport({ planted, firmware }: Report, width: number | undefined): string {
  const rows = [
    ...planted.map((one) => ({ ...one, verdict: one.leaks ? 'found' : 'NOT FOUND' })),
    ...firmware.map((one) => ({ ...one, verdict: one.leaks ? 'LEAK' : '-' })),
  ];
  type Row = (typeof rows)[number];
  const t = (title: string, value: (row: Row) => number) => ({
    title,
    cell: (row: Row) => Math.abs(value(row)).toFixed(1),
    align: 'right' as const,
  });
  return renderTable<Row>(
    [
      { title: 'SUBJECT', cell: (row) => row.name },
      { title: 'CLASSES', cell: (row) => row.classes.join(' / '), shrinkTo: 20 },
      { title: 'SAMPLES', cell: (row) => String(row.samples), align: 'right' },
      t('|t| RAW', (row) => row.tests.raw),
      t('CROPPED', (row) => row.tests.cropped),
      t('2ND ORDER', (row) => row.tests.secondOrder),
      { title: 'SUSPECTED', cell: (row) => `${row.suspected} of ${row.measured}`, align: 'right' },
      { title: 'VERDICT', cell: (row) => row.verdict },
    ],
    rows,
    width,
    'nothing was measured',
  );
}
