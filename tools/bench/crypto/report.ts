/** The table of the cipher bench, and the lines under it. */
import { type Column, renderTable } from '../../../host/cli/text-table.ts';
import type { PacketBenchRow } from '../bench.ts';

function ratioColumn(title: string, name: string): Column<PacketBenchRow> {
  const cell = ({ ratio }: PacketBenchRow) => {
    const value = ratio[name] ?? undefined;
    return value === undefined ? '-' : value.toFixed(2);
  };
  return { title, align: 'right', cell };
}

const columns: readonly Column<PacketBenchRow>[] = [
  { title: 'row', cell: ({ name }) => name },
  { title: 'direction', cell: ({ direction }) => direction },
  { title: 'packets', align: 'right', cell: ({ batch, octets }) => `${batch} x ${octets}` },
  { title: 'MB/s', align: 'right', cell: ({ mbPerSecond }) => mbPerSecond.toFixed(0) },
  { title: 'ns/packet', align: 'right', cell: ({ nsPerPacket }) => nsPerPacket.toFixed(0) },
  ratioColumn('/node', 'nodeCrypto'),
  ratioColumn('/masked', 'nodeCryptoMasked'),
  ratioColumn('/masked 64 KiB', 'nodeCryptoMaskedLong'),
  ratioColumn('/noble', 'noble'),
  ratioColumn('/scalar', 'scalar'),
  {
    title: 'target',
    cell: ({ target }) =>
      target === undefined ? '' : `${target.atLeast.toFixed(1)} ${target.reached ? 'reached' : 'missed'}`,
  },
];

const maskedColumns = /^(?:\/masked|target)/;

/** @param masked whether node:crypto was measured without AES instructions; without, its columns are left out */
export function renderRows(rows: readonly PacketBenchRow[], masked: boolean): string {
  const shown = masked ? columns : columns.filter(({ title }) => !maskedColumns.test(title));
  const withTarget = rows.filter(({ target }) => target !== undefined);
  const reached = withTarget.filter(({ target }) => target?.reached);
  const notes = [
    'MB/s: 10^6 octets a second, best slice. Ratios: firmware to the other, median over rounds; above 1 the firmware is faster.',
    masked
      ? 'masked: node:crypto without AES, PCLMUL, AVX2 and SHA instructions; 64 KiB: the same on one long message, without the cost of calls.'
      : `masked: left out, because the instructions of a processor of type ${process.arch} cannot be hidden from OpenSSL.`,
    ...(withTarget.length === 0
      ? []
      : [`Targets (/masked at least): ${reached.length} of ${withTarget.length} reached.`]),
  ];
  return `${renderTable(shown, rows, undefined, 'no rows')}\n\n${notes.join('\n')}`;
}
