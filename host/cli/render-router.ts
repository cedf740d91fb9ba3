/** A router's state, SPD and SAD as text for a person. The lab prints the same; `--json` bypasses all of it. */
import type { z } from 'zod';
import { describeProposal } from '../model/proposal.ts';
import type {
  BoardStatus,
  ChannelRekeyings,
  routerStatusSchema,
  sadRowSchema,
  spdRowSchema,
} from '../model/status.ts';
import { utcText } from '../model/trusted-time.ts';
import { certificateFacts } from './certificate-text.ts';
import { credentialsLine, flashLine } from './render-flash.ts';
import { renderFacts, renderTable } from './text-table.ts';
import { formatCount, formatOctets, formatSeconds, formatSpi } from './units.ts';

type Status = z.output<typeof routerStatusSchema>;
type SpdRow = z.output<typeof spdRowSchema>;
type SadRow = z.output<typeof sadRowSchema>;

/** State of the router: channel, SPD entries, and whatever was counted that is not zero. */
export function renderRouterStatus(status: Status, width: number | undefined): string {
  const { channel, config, board } = status;
  const since = channel.sinceSeconds === null ? '' : ` for ${formatSeconds(channel.sinceSeconds)}`;
  const at = channel.endpoint === null ? '' : ` at ${channel.endpoint}`;
  const why = channel.detail === '' ? '' : `: ${channel.detail}`;
  const entries = renderTable(
    [
      { title: 'ENTRY', cell: (entry) => entry.name },
      { title: 'ACTION', cell: (entry) => entry.action },
      { title: 'REQUEST PEER', cell: (entry) => entry.requestPeer ?? '-' },
      { title: 'STATE', cell: (entry) => entry.failure ?? entry.state },
      { title: 'DETAIL', cell: (entry) => entry.detail, shrinkTo: 12 },
    ],
    status.entries,
    width,
    'The SPD has no entries: every packet is discarded.',
  );
  return [
    renderFacts([
      ['router', status.name],
      ['channel', `${channel.state}${since} to ${channel.server}${at}${why}`],
      ...(channel.algorithms === '' ? [] : [['algorithms', channel.algorithms] as [string, string]]),
      ...(channel.rekeyings === null
        ? []
        : [['rekeyed', describeRekeyings(channel.rekeyings)] as [string, string]]),
      ...certificateFacts(status.certificates, status.name),
      ...(config === undefined
        ? []
        : [
            ['settings', flashLine(config)] as [string, string],
            ['credentials', credentialsLine(config)] as [string, string],
          ]),
      ...(config?.problems ?? []).map((problem): [string, string] => ['problem', problem]),
      ...(board === undefined ? [] : boardFacts(board)),
      ...(status.problem === null ? [] : [['problem', status.problem] as [string, string]]),
      ...bundleFacts(status.bundles),
      ...workerFacts(status.workers),
      ['running', `${formatSeconds(status.uptimeSeconds)}, ${status.software}`],
    ]),
    entries,
    ...counted('COUNTED', status.counters),
    ...counted('DROPPED, BY REASON', status.drops),
    ...counted('MESSAGES', status.messages),
  ].join('\n\n');
}

/** `slot b, version 0.2.0 on trial`, and what became of the last version-up. */
function boardFacts({ slot, version, isOnTrial, lastVersionUp: last }: BoardStatus): [string, string][] {
  const facts: [string, string][] = [['slot', `${slot}, version ${version}${isOnTrial ? ' on trial' : ''}`]];
  if (last === null) return facts;
  const why = last.reason === '' ? '' : `: ${last.reason}`;
  const when = utcText(last.at);
  return [...facts, ['version-up', `${last.version} in slot ${last.slot} ${last.stage}, ${when}${why}`]];
}

/** `IKE SA 2 times, next in 3 h; ESP 9 times, next in 41 min` */
function describeRekeyings({ ikeSa, childSa }: ChannelRekeyings): string {
  const describe = ({ count, nextSeconds }: ChannelRekeyings['ikeSa']): string => {
    const times = count === 1 ? 'once' : `${count} times`;
    return nextSeconds === null ? times : `${times}, next in ${formatSeconds(nextSeconds)}`;
  };
  return `IKE SA ${describe(ikeSa)}; ESP ${describe(childSa)}`;
}

/** Where packets go one by one, because the kernel does not bundle them. */
function bundleFacts(bundles: Status['bundles']): [string, string][] {
  if (bundles === undefined) return [];
  const missing = [
    ...(bundles.tcpFromHosts ? [] : ['TCP from hosts']),
    ...(bundles.udpFromHosts ? [] : ['UDP from hosts']),
    ...(bundles.udpToHosts ? [] : ['UDP to hosts']),
    ...(bundles.severalFromHosts ? [] : ['small packets from hosts']),
    ...(bundles.toPeers ? [] : ['to peers']),
    ...(bundles.fromPeers ? [] : ['from peers']),
  ];
  return [['bundles', missing.length === 0 ? 'everywhere' : `everywhere but ${missing.join(', ')}`]];
}

/** `2, packets out 1 204 and 33, in 900 and 0`; nothing where there is one worker. */
function workerFacts(workers: Status['workers']): [string, string][] {
  if (workers.length < 2) return [];
  const each = (name: string): string =>
    workers.map(({ counters }) => formatCount(counters[name] ?? 0)).join(' and ');
  const figures = `packets out ${each('outbound-packets')}, in ${each('inbound-packets')}`;
  return [['workers', `${workers.length}, ${figures}`]];
}

/** True when nothing needs a person: the channel is up, no entry has failed, and the config flash has two whole copies. */
export function isRouterWell({ channel, entries, config }: Status): boolean {
  return (
    channel.state === 'up' &&
    entries.every((entry) => entry.state !== 'failed') &&
    (config?.copies ?? []).every((copy) => copy.isComplete)
  );
}

/** The ordered SPD: the first row whose selector matches decides. */
export function renderSpd(rows: readonly SpdRow[], width: number | undefined): string {
  return renderTable(
    [
      { title: '#', cell: (row) => String(row.order), align: 'right' },
      { title: 'ENTRY', cell: (row) => row.entry },
      { title: 'SELECTOR', cell: (row) => row.selector, shrinkTo: 24 },
      { title: 'ACTION', cell: (row) => row.action },
      { title: 'STATE', cell: (row) => row.state },
      { title: 'KIND', cell: (row) => row.kind || '-' },
      { title: 'PAIR', cell: (row) => formatSpi(row.spi) },
    ],
    rows,
    width,
    'The SPD has no entries: every packet is discarded.',
  );
}

/** The SAD, each pair's two SAs together. Keys are not in it. */
export function renderSad(rows: readonly SadRow[], width: number | undefined): string {
  return renderTable(
    [
      { title: 'SPI', cell: (row) => formatSpi(row.spi) },
      { title: 'WAY', cell: (row) => row.direction },
      { title: 'PAIR', cell: (row) => formatSpi(row.pair) },
      { title: 'ENTRY', cell: (row) => row.entry },
      { title: 'KIND', cell: (row) => row.kind },
      { title: 'STATE', cell: (row) => row.state },
      { title: 'PROPOSAL', cell: (row) => describeProposal(row.proposal) },
      { title: 'FORM', cell: (row) => `${row.protocol} ${row.mode}, ${row.encapsulation}` },
      { title: 'PEER', cell: (row) => row.peer, shrinkTo: 16 },
      { title: 'SEQUENCE', cell: (row) => formatCount(row.sequence), align: 'right' },
      { title: 'PACKETS', cell: (row) => formatCount(row.packets), align: 'right' },
      { title: 'OCTETS', cell: (row) => formatOctets(row.octets), align: 'right' },
      { title: 'LEFT', cell: (row) => formatSeconds(row.remainingSeconds), align: 'right' },
    ],
    rows,
    width,
    'The SAD is empty: no SA is in place.',
  );
}

/** A block of counters under a title, without those that are zero; nothing at all when all are. */
export function counted(title: string, counts: Readonly<Record<string, number | string>>): string[] {
  const rows = Object.entries(counts).filter(([, count]) => BigInt(count) !== 0n);
  if (rows.length === 0) return [];
  return [
    renderTable(
      [
        { title, cell: ([name]) => name },
        { title: '', cell: ([, count]) => formatCount(count), align: 'right' },
      ],
      rows,
      undefined,
      '',
    ),
  ];
}
