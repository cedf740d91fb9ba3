/** A roll-out as text for a person. */
import type { z } from 'zod';
import type { rolloutSchema } from '../model/status.ts';
import { renderFacts, renderTable } from './text-table.ts';
import { formatSeconds } from './units.ts';

type Rollout = z.output<typeof rolloutSchema>;

/** How far it is, in one line. */
export function rolloutLine(rollout: Rollout): string {
  const { version, state, routers, done, failed, underWay, away, toCome } = rollout;
  const open = rollout.stages.find((stage) => stage.state === 'open');
  const where = open === undefined ? '' : `, stage of ${open.percent} % (${open.routers} routers)`;
  return `${version} ${state}${where}: ${done} of ${routers} done, ${failed} failed, ${underWay} under way, ${away} away, ${toCome} to come`;
}

/** All of it: stages, counts, failures with their reasons, whom it waits for. */
export function renderRollout(rollout: Rollout, width: number | undefined): string {
  const facts: [string, string][] = [
    ['version', rollout.url === '' ? rollout.version : `${rollout.version} from ${rollout.url}`],
    ['state', rollout.state],
    [
      'stages',
      rollout.stages.map(({ percent, routers, state }) => `${percent} % (${routers}) ${state}`).join(', '),
    ],
    ['routers', countsOf(rollout)],
    ['limit', `stops when ${rollout.maxFailures} have failed`],
  ];
  if (rollout.reason !== '') facts.splice(2, 0, ['reason', rollout.reason]);
  if (rollout.stageSecondsLeft !== null)
    facts.push([
      'deadline',
      `waits for routers that are away for another ${formatSeconds(rollout.stageSecondsLeft)}`,
    ]);
  const rows = [
    ...rollout.failures.map(({ router, reason }) => ({ router, what: 'failed', detail: reason })),
    ...rollout.told.map(({ router, progress }) => ({
      router,
      what: 'under way',
      detail: progress || 'told',
    })),
    ...rollout.absent.map((router) => ({ router, what: 'away', detail: 'is told when it comes' })),
  ];
  if (rows.length === 0) return renderFacts(facts);
  const columns = [
    { title: 'ROUTER', cell: (row: (typeof rows)[number]) => row.router },
    { title: 'STATE', cell: (row: (typeof rows)[number]) => row.what },
    { title: 'DETAIL', cell: (row: (typeof rows)[number]) => row.detail, shrinkTo: 20 },
  ];
  return `${renderFacts(facts)}\n\n${renderTable(columns, rows, width, '')}`;
}

function countsOf({ routers, done, failed, underWay, away, toCome, left }: Rollout): string {
  const counts = [
    `${done} done`,
    `${failed} failed`,
    `${underWay} under way`,
    `${away} away`,
    `${toCome} to come`,
  ];
  if (left > 0) counts.push(`${left} not concerned`);
  return `${routers}: ${counts.join(', ')}`;
}
