/** The IKE bench as tables for people, and what there is to say about them. */
import { type Column, renderTable } from '../../../host/cli/text-table.ts';
import type { Target } from '../bench.ts';
import type { HandshakeRow } from './handshakes.ts';
import type { NewPeerRow, PeerFigures } from './new-peers.ts';

function right<Row>(title: string, cell: (row: Row) => string): Column<Row> {
  return { title, align: 'right', cell };
}

const handshakeColumns: readonly Column<HandshakeRow>[] = [
  { title: 'handshakes', cell: (row) => row.keyExchange },
  right('a second', ({ ours }) => ours.handshakesPerSecond.toFixed(0)),
  right('CPU ms', ({ ours }) => ours.cpuMsPerHandshake.toFixed(2)),
  right('seen', ({ ours }) => ours.measuredPerSecond.toFixed(0)),
  right('strongSwan', ({ strongswan }) => strongswan?.handshakesPerSecond.toFixed(0) ?? ''),
  right('CPU ms', ({ strongswan }) => strongswan?.cpuMsPerHandshake.toFixed(2) ?? ''),
  right('seen', ({ strongswan }) => strongswan?.measuredPerSecond.toFixed(0) ?? ''),
  right('/strongSwan', ({ ratio }) => ratio.strongswan?.toFixed(2) ?? ''),
];

function cpuOf({ askingCpuMs, askedCpuMs }: PeerFigures): string {
  return `${askingCpuMs.toFixed(2)} / ${askedCpuMs.toFixed(2)}`;
}

function aimOf(targets: readonly Target[], name: string): string {
  const target = targets.find(({ ratio }) => ratio === name);
  return target === undefined ? '' : `${target.atLeast} ${target.reached ? 'reached' : 'missed'}`;
}

const newPeerColumns: readonly Column<NewPeerRow>[] = [
  { title: 'new peer', cell: (row) => row.keyExchange },
  right('ESP after ms', ({ ours }) => ours.firstEspMs.toFixed(1)),
  right('strongSwan', ({ strongswan }) => strongswan.firstEspMs.toFixed(1)),
  right('IKE alone', ({ strongswan }) => strongswan.ikeMs?.toFixed(1) ?? ''),
  right('/strongSwan', ({ ratio }) => ratio.time?.toFixed(2) ?? ''),
  { title: 'at least', cell: ({ targets }) => aimOf(targets, 'time') },
  right('CPU ms', ({ ours }) => cpuOf(ours)),
  right('strongSwan', ({ strongswan }) => cpuOf(strongswan)),
  right('/strongSwan', ({ ratio }) => ratio.cpu?.toFixed(2) ?? ''),
  { title: 'at least', cell: ({ targets }) => aimOf(targets, 'cpu') },
];

/** Tables of the kinds of rows that there are. */
export function renderIkeRows(handshakes: readonly HandshakeRow[], newPeers: readonly NewPeerRow[]): string {
  const targets = newPeers.flatMap((row) => row.targets);
  return [
    ...(handshakes.length === 0
      ? []
      : [
          renderTable(handshakeColumns, handshakes, undefined, ''),
          'a second: on one core, by the processor time of one at the responder. seen: that came about in a second under this load.',
        ]),
    ...(newPeers.length === 0
      ? []
      : [
          renderTable(newPeerColumns, newPeers, undefined, ''),
          [
            'ESP after: from the first packet that needs an SA, with strongSwan from the first IKE packet, to the first ESP packet on the wire.',
            'CPU: of the router that asks / of the one that is asked, for a peer. The ratio takes the mean of ours, and of charon the asked one alone.',
            `${targets.filter(({ reached }) => reached).length} of ${targets.length} aims reached.`,
          ].join('\n'),
        ]),
    'Medians. Ratios: theirs to ours; above 1 we are faster.',
  ].join('\n\n');
}
