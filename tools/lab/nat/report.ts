/** The NAT scenario's report, as a table for people and as what fell short. */
import { renderTable } from '../../../host/cli/text-table.ts';
import { type NatKind, natKinds } from './nat-kinds.ts';
import type { NatPair } from './pairs.ts';

export interface NatReport {
  readonly version: 1;
  readonly pairs: readonly NatPair[];
  readonly cleartextPackets: number;
  readonly machine: { readonly kernel: string; readonly node: string; readonly load: number };
  readonly shortfalls: readonly string[];
  readonly ok: boolean;
}

/** Each kind in a row and in a column: milliseconds of the first packet and what was lost after it, or no path. */
export function renderPairs(pairs: readonly NatPair[]): string {
  const kinds: readonly (NatKind | 'none')[] = ['none', ...natKinds];
  const cell = (a: NatKind | 'none', b: NatKind | 'none'): string => {
    const pair = pairs.find(({ kinds: [first, second] }) => first === a && second === b);
    if (pair === undefined) return '';
    if (!pair.works) return pair.canWork ? 'FAILED' : 'no path';
    return `${Math.round(pair.firstPacketMilliseconds ?? 0)} ms, ${pair.lost}/${pair.sent} lost`;
  };
  return renderTable(
    [
      { title: '', cell: (row) => row },
      ...kinds.map((column) => ({ title: column, cell: (row: NatKind | 'none') => cell(row, column) })),
    ],
    kinds,
    undefined,
    '',
  );
}

/** What is not as the NATs' behaviour makes it, in words. */
export function pairShortfalls(pairs: readonly NatPair[]): string[] {
  return pairs.flatMap(({ kinds, canWork, works, lost, sent, said }) => {
    const about = kinds.join(' and ');
    const lines: string[] = [];
    if (canWork && !works) lines.push(`${about}: no reply, though their NATs allow it`);
    if (!canWork && works) lines.push(`${about}: a reply, though their NATs leave no way`);
    if (lost > 0) lines.push(`${about}: ${lost} of ${sent} lost`);
    const silent = said.filter((line) => !line.includes('no path between'));
    if (!canWork && silent.length > 0) lines.push(`${about}: not said clearly: ${silent.join('; ')}`);
    return lines;
  });
}
