/** A setting server's state, management table and policies as text for a person. The lab prints the same. */
import type { z } from 'zod';
import { describeProposal } from '../model/proposal.ts';
import type {
  ChannelRekeyings,
  eventRowSchema,
  managementRowSchema,
  policyRowSchema,
  serverStatusSchema,
} from '../model/status.ts';
import { certificateFacts } from './certificate-text.ts';
import { rolloutLine } from './render-rollout.ts';
import { counted } from './render-router.ts';
import { renderFacts, renderTable } from './text-table.ts';
import { formatSeconds, formatSpi } from './units.ts';

type Status = z.output<typeof serverStatusSchema>;
type ManagementRow = z.output<typeof managementRowSchema>;
type PolicyRow = z.output<typeof policyRowSchema>;
type EventRow = z.output<typeof eventRowSchema>;

/** State of the server: policies in force, routers and their channels, counts. */
export function renderServerStatus(status: Status, width: number | undefined): string {
  const { policies } = status;
  const facts: [string, string][] = [
    ['server', status.name],
    [
      'policies',
      `${policies.count} in force from ${policies.file}, loaded ${formatSeconds(policies.loadedSecondsAgo)} ago`,
    ],
    ['running', `${formatSeconds(status.uptimeSeconds)}, ${status.software}`],
  ];
  const { setUps, answered, underWay } = status.selfTests;
  if (setUps > 0)
    facts.push(['self-tests', `${setUps} so far, ${answered} packets answered, ${underWay} under way`]);
  if (status.rollout !== null) facts.push(['roll-out', rolloutLine(status.rollout)]);
  if (policies.problem !== null) {
    facts.splice(2, 0, ['problem', `the file as it is now was not taken: ${policies.problem}`]);
  }
  for (const warning of policies.warnings) facts.push(['warning', warning]);
  facts.push(...certificateFacts(status.certificates, status.name));
  for (const { detail, secondsAgo } of status.deadPaths)
    facts.push(['warning', `${detail}, reported ${formatSeconds(secondsAgo)} ago`]);
  const routers = renderTable(
    [
      { title: 'ROUTER', cell: (router) => router.name },
      {
        title: 'CHANNEL',
        cell: (router) => (router.detail === '' ? router.channel : `lost: ${router.detail}`),
        shrinkTo: 16,
      },
      {
        title: 'SINCE',
        cell: (router) => (router.sinceSeconds === null ? '-' : formatSeconds(router.sinceSeconds)),
        align: 'right',
      },
      {
        title: 'SEEN AT',
        cell: (router) => (router.endpoint ?? 'never') + (router.behindNat ? ' (behind NAT)' : ''),
      },
      { title: 'ALGORITHMS', cell: (router) => router.algorithms || '-', shrinkTo: 12 },
      { title: 'IKE SA REKEYED', cell: ({ rekeyings }) => rekeyed(rekeyings?.ikeSa) },
      { title: 'ESP REKEYED', cell: ({ rekeyings }) => rekeyed(rekeyings?.childSa) },
      { title: 'SOFTWARE', cell: (router) => router.software, shrinkTo: 10 },
      ...(status.routers.some(({ board }) => board !== '') ? versionUpColumns : []),
    ],
    status.routers,
    width,
    'No router is enrolled.',
  );
  return [
    renderFacts(facts),
    routers,
    ...counted('ENTRIES', status.entries),
    ...counted('DROPPED, BY REASON', status.drops),
    ...counted('MESSAGES', status.messages),
  ].join('\n\n');
}

/** Only where some router is a board. */
const versionUpColumns = [
  { title: 'BOARD', cell: boardOf },
  {
    title: 'LAST VERSION-UP',
    cell: ({ versionUp }: Status['routers'][number]) => describeVersionUp(versionUp),
    shrinkTo: 15,
  },
];

/** `qemu-x86_64, slot b` */
function boardOf({ board, slot }: Status['routers'][number]): string {
  return board === '' ? '-' : `${board}, slot ${slot}`;
}

/** `1.4.0 reverted: no channel within 120 s` */
export function describeVersionUp(standing: Status['routers'][number]['versionUp']): string {
  if (standing === null || standing.stage === 'none') return '-';
  const { version, stage, reason } = standing;
  return `${version} ${stage}${reason === '' ? '' : `: ${reason}`}`;
}

/** `3, next in 5 min` */
function rekeyed(rekeyings: ChannelRekeyings['ikeSa'] | undefined): string {
  if (rekeyings === undefined) return '-';
  const { count, nextSeconds } = rekeyings;
  return nextSeconds === null ? `${count}` : `${count}, next in ${formatSeconds(nextSeconds)}`;
}

/** True when nothing needs a person: the policy file as it stands is the one in force. */
export function isServerWell(status: Status): boolean {
  return status.policies.problem === null;
}

/** The management table: who asked for what with whom, and how far it is. */
export function renderManagementTable(rows: readonly ManagementRow[], width: number | undefined): string {
  return renderTable(
    [
      { title: 'SOURCE', cell: (row) => named(row.source, row.sourceLostSeconds) },
      { title: 'PEER', cell: (row) => named(row.peer, row.peerLostSeconds) },
      { title: 'KIND', cell: (row) => row.kind },
      { title: 'STATE', cell: (row) => row.state },
      { title: 'SOURCE SPI', cell: (row) => formatSpi(row.sourceSpi) },
      { title: 'PEER SPI', cell: (row) => formatSpi(row.peerSpi) },
      { title: 'REVISION', cell: (row) => String(row.revision), align: 'right' },
      {
        title: 'LEFT',
        cell: (row) => (row.remainingSeconds === null ? '-' : formatSeconds(row.remainingSeconds)),
        align: 'right',
      },
    ],
    rows,
    width,
    'The management table is empty: nothing was requested.',
  );
}

/** A router, and how long its channel has been lost: then its SAs are what they were, and no others are handed out. */
function named(router: string, lostSeconds: number | null): string {
  return lostSeconds === null ? router : `${router} (lost ${formatSeconds(lostSeconds)})`;
}

/** The distribution policies in the order in which they are looked up. */
export function renderPolicies(rows: readonly PolicyRow[], width: number | undefined): string {
  return renderTable(
    [
      { title: 'KIND', cell: (row) => row.kind },
      { title: 'BETWEEN', cell: (row) => row.between.join(' and ') },
      {
        title: 'SELECTORS',
        cell: (row) => (row.selectors.length === 0 ? 'all of their networks' : row.selectors.join('; ')),
        shrinkTo: 21,
      },
      { title: 'FORM', cell: (row) => `${row.protocol} ${row.mode}, ${row.encapsulation}` },
      { title: 'PROPOSAL', cell: (row) => describeProposal(row.proposal) },
      { title: 'ESN', cell: (row) => (row.esn ? 'yes' : 'no') },
      { title: 'LIFETIME', cell: (row) => formatSeconds(row.lifetimeSeconds), align: 'right' },
      { title: 'REVISION', cell: (row) => String(row.revision), align: 'right' },
    ],
    rows,
    width,
    'There are no distribution policies: every request is answered "no corresponding entry".',
  );
}

/** The last events, oldest first, in local time. */
export function renderEvents(rows: readonly EventRow[], width: number | undefined): string {
  return renderTable(
    [
      { title: 'TIME', cell: (row) => localTime(row.timeMs) },
      { title: 'WHERE', cell: (row) => row.where },
      { title: 'LEVEL', cell: (row) => row.level },
      { title: 'WHAT', cell: (row) => row.what },
      { title: 'DETAIL', cell: (row) => row.detail, shrinkTo: 20 },
    ],
    rows,
    width,
    'Nothing has happened yet.',
  );
}

function localTime(timeMs: number): string {
  const date = new Date(timeMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  return (
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.` +
    String(date.getMilliseconds()).padStart(3, '0')
  );
}
