/** The ESP bench as a table for people, and what there is to say about it. */
import { type Column, renderTable } from '../../../host/cli/text-table.ts';
import type { PacketBenchRow } from '../bench.ts';

export interface EspBenchRow extends PacketBenchRow {
  readonly size: string;
  /** Not there for lookups. */
  readonly sas?: number;
}

function ratioColumn(title: string, ratio: string): Column<EspBenchRow> {
  return { title, align: 'right', cell: (row) => row.ratio[ratio]?.toFixed(2) ?? '' };
}

/** By how much more time a packet takes than its cipher alone. */
function overheadOf(row: EspBenchRow): string {
  const ratio = row.ratio.bareCipher ?? null;
  return ratio === null ? '' : `${(100 * (1 / ratio - 1)).toFixed(0)} %`;
}

function aimOf({ target, limit }: EspBenchRow): string {
  if (target !== undefined) {
    return `${(100 * (1 / target.atLeast - 1)).toFixed(0)} % ${target.reached ? 'reached' : 'missed'}`;
  }
  return limit === undefined ? '' : `${limit.nsAtMost} ns ${limit.reached ? 'reached' : 'missed'}`;
}

const packetColumns: readonly Column<EspBenchRow>[] = [
  { title: 'packets', cell: (row) => row.name },
  { title: 'direction', cell: (row) => row.direction },
  { title: 'octets', align: 'right', cell: (row) => row.size },
  { title: 'SAs', align: 'right', cell: (row) => `${row.sas ?? ''}` },
  { title: 'MB/s', align: 'right', cell: (row) => row.mbPerSecond.toFixed(0) },
  { title: 'ns/packet', align: 'right', cell: (row) => row.nsPerPacket.toFixed(0) },
  { title: 'overhead', align: 'right', cell: overheadOf },
  ratioColumn('/node', 'nodeCrypto'),
  ratioColumn('/masked', 'nodeCryptoMasked'),
  ratioColumn('/noble', 'noble'),
  ratioColumn('/scalar', 'scalar'),
  { title: 'at most', cell: aimOf },
];

const lookupColumns: readonly Column<EspBenchRow>[] = [
  { title: 'lookup', cell: (row) => row.name },
  { title: 'entries', align: 'right', cell: (row) => row.size },
  { title: 'ns', align: 'right', cell: (row) => row.nsPerPacket.toFixed(1) },
  { title: 'at most', cell: aimOf },
];

export function renderEspRows(rows: readonly EspBenchRow[]): string {
  const packets = rows.filter(({ sas }) => sas !== undefined);
  const lookups = rows.filter(({ sas }) => sas === undefined);
  const aims = rows.flatMap(({ target, limit }) => target ?? limit ?? []);
  return [
    ...(packets.length === 0 ? [] : [renderTable(packetColumns, packets, undefined, '')]),
    ...(lookups.length === 0 ? [] : [renderTable(lookupColumns, lookups, undefined, '')]),
    [
      'MB/s: 10^6 octets of inner packets a second, best slice. overhead: beside the cipher alone on the same texts, median over rounds.',
      'Ratios: our whole packets to the cipher alone by the other; above 1 we are faster.',
      ...(aims.length === 0
        ? []
        : [`${aims.filter(({ reached }) => reached).length} of ${aims.length} aims reached.`]),
    ].join('\n'),
  ].join('\n\n');
}
