/** The state of a config flash as text for a person. */
import type { FlashState } from '../model/status.ts';
import { renderFacts, renderTable } from './text-table.ts';

/** One line of `status`: which revision runs. */
export function flashLine({ device, revision, trial }: FlashState): string {
  const inForce = revision === null ? 'none in force' : `revision ${revision} in force`;
  if (trial === null) return `${inForce}, on ${device}`;
  return `revision ${trial.number} on trial for another ${Math.ceil(trial.secondsLeft)} s, ${inForce}, on ${device}`;
}

/** How the credentials in force lie there. */
export function credentialsLine({ keyStore }: FlashState): string {
  return keyStore === null ? 'not encrypted: who has the flash has them' : `sealed by ${keyStore}`;
}

/** All of it. */
export function renderFlash(state: FlashState): string {
  const { previous, last } = state;
  return [
    renderFacts([
      ['settings', flashLine(state)],
      ['before', previous === null ? 'none' : `revision ${previous}`],
      ...(last === null
        ? []
        : [['last trial', `revision ${last.number} ${last.decision}: ${last.reason}`] as [string, string]]),
      ['credentials', credentialsLine(state)],
      ...state.problems.map((problem): [string, string] => ['problem', problem]),
    ]),
    renderTable(
      [
        { title: 'COPY', cell: (copy) => String(state.copies.indexOf(copy) + 1) },
        { title: 'WHOLE', cell: (copy) => (copy.isComplete ? 'yes' : 'no') },
        { title: 'SECTORS USED', cell: (copy) => `${copy.usedSectors} of ${copy.sectors}`, align: 'right' },
        { title: 'DAMAGED', cell: (copy) => String(copy.damagedSectors), align: 'right' },
        { title: 'STARTED ANEW', cell: (copy) => String(copy.generation), align: 'right' },
      ],
      state.copies,
      undefined,
      'It has no copies.',
    ),
  ].join('\n\n');
}
