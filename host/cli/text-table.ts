/**
 * Tables on a terminal: columns as wide as their widest cell, numbers to the right, and where the terminal is too narrow
 * the columns that may lose their tail do so. Ten lines of code do not need a package.
 */

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly align?: 'left' | 'right';
  /** May be cut, with an ellipsis, to this many characters where the terminal is too narrow. */
  readonly shrinkTo?: number;
}

const gap = '  ';

/**
 * Lays `rows` out under their titles; `width` is the terminal's in characters, undefined for as wide as need be (a file
 * or a pipe). Lines have no trailing blanks. With no rows the result is `empty` alone.
 */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
  empty: string,
): string {
  if (rows.length === 0) return empty;
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row))));
  const widths = columns.map((column, index) =>
    cells.reduce((most, row) => Math.max(most, length(row[index] ?? '')), length(column.title)),
  );
  shrink(columns, widths, width);
  const lines = [columns.map((column) => column.title), ...cells].map((line) =>
    line
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align ?? 'left'))
      .join(gap)
      .trimEnd(),
  );
  return lines.join('\n');
}

/** Lines of `name  value`, values in one column. */
export function renderFacts(facts: readonly (readonly [string, string])[]): string {
  const most = facts.reduce((widest, [name]) => Math.max(widest, length(name)), 0);
  return facts.map(([name, value]) => `${pad(name, most, 'left')}${gap}${printable(value)}`).join('\n');
}

/** Takes characters from the widest column that may shrink, until the table fits or none may. */
function shrink<Row>(columns: readonly Column<Row>[], widths: number[], width: number | undefined): void {
  if (width === undefined) return;
  for (;;) {
    const total = widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1);
    if (total <= width) return;
    let widest = -1;
    widths.forEach((one, index) => {
      if (one > (columns[index]?.shrinkTo ?? one) && one > (widths[widest] ?? 0)) widest = index;
    });
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

function pad(cell: string, width: number, align: 'left' | 'right'): string {
  const characters = [...cell];
  const text = characters.length > width ? `${characters.slice(0, Math.max(width - 1, 0)).join('')}…` : cell;
  const padding = ' '.repeat(Math.max(width - length(text), 0));
  return align === 'right' ? padding + text : text + padding;
}

function length(text: string): number {
  return [...text].length;
}

/** Names come from peers and files: nothing of them may move the cursor or start a new line. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\u{fffd}');
}
