import { describe, expect, it } from 'vitest';
import { type Column, renderFacts, renderTable } from '../../../host/cli/text-table.ts';

interface Row {
  readonly name: string;
  readonly count: number;
  readonly note: string;
}

const columns: readonly Column<Row>[] = [
  { title: 'NAME', cell: (row) => row.name },
  { title: 'COUNT', cell: (row) => String(row.count), align: 'right' },
  { title: 'NOTE', cell: (row) => row.note, shrinkTo: 6 },
];

const rows: Row[] = [
  { name: 'tokyo', count: 7, note: 'short' },
  { name: 'os', count: 12345678, note: 'a rather long remark' },
];

describe('a table', () => {
  it('is aligned, numbers to the right, without trailing blanks', () => {
    expect(renderTable(columns, rows, undefined, 'nothing')).toBe(
      ['NAME      COUNT  NOTE', 'tokyo         7  short', 'os     12345678  a rather long remark'].join('\n'),
    );
  });

  it('takes the tail of the columns that allow it where the terminal is narrow', () => {
    const text = renderTable(columns, rows, 28, 'nothing');
    expect(text.split('\n')[2]).toBe('os     12345678  a rather l…');
    expect(text.split('\n').every((line) => line.length <= 28)).toBe(true);
  });

  it('never takes more of a column than it allows, nor anything of the others', () => {
    expect(renderTable(columns, rows, 5, 'nothing').split('\n')[2]).toBe('os     12345678  a rat…');
  });

  it('says in words that there is nothing', () => {
    expect(renderTable(columns, [], undefined, 'nothing')).toBe('nothing');
  });

  it('lets no control character of a name reach the terminal', () => {
    const text = renderTable(columns, [{ name: 'a\u001b[2Jb\n', count: 1, note: '' }], undefined, '');
    expect(text).toContain('a\u{fffd}[2Jb\u{fffd}');
    expect(text.split('\n')).toHaveLength(2);
  });
});

describe('facts', () => {
  it('have their values in one column', () => {
    expect(
      renderFacts([
        ['router', 'tokyo'],
        ['up', 'yes\u0007'],
      ]),
    ).toBe('router  tokyo\nup      yes\u{fffd}');
  });
});
