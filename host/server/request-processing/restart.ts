/**
 * The server's own restart: what the store has of its earlier life. SAs that both ends have stay; everything else is
 * withdrawn, since the keys are gone and nobody knows how far it came. So is what the policies no longer say.
 */
import type { Instant } from '../../model/instant.ts';
import { isEchoPair } from '../distribution-policies/self-test-policy.ts';
import type { StoredEntry } from '../management-table/entry.ts';
import type { Entry, Half } from '../management-table/management-table.ts';
import { continueEntry } from './entry-deadline.ts';
import { isTouched } from './policy-reload.ts';
import type { Processing } from './processing.ts';
import { resumeWithdrawals, withdrawEntries } from './withdrawal.ts';

/** Puts the rows back into the table, and withdraws what cannot stay. */
export function restoreEntries(processing: Processing, rows: readonly StoredEntry[], now: Instant): void {
  const entries = rows.map((row) => restoreEntry(processing, row, now));
  const isUnfinished = ({ state, halves: [first, second] }: Entry): boolean =>
    state === 'half-empty' ||
    state === 'distributed' ||
    // The server's own end of it is gone.
    (state === 'both-installed' && isEchoPair(first.router, second.router));
  const unfinished = entries.filter(isUnfinished);
  const touched = entries.filter(
    (entry) =>
      entry.state === 'both-installed' && !isUnfinished(entry) && isTouched(processing.policies, entry),
  );
  resumeWithdrawals(
    processing,
    entries.filter((entry) => entry.state === 'withdrawing'),
    now,
  );
  withdrawEntries(processing, unfinished, 'the setting server was restarted', now);
  withdrawEntries(processing, touched, 'the policies changed', now);
}

function restoreEntry(processing: Processing, row: StoredEntry, now: Instant): Entry {
  const { key, kind, lane, state, revision, digest, reason } = row;
  const [first, second] = row.halves;
  const entry: Entry = {
    key,
    kind,
    lane,
    halves: [restoreHalf(first), restoreHalf(second)],
    state,
    revision,
    digest,
    // A wall clock that was set back must not keep an entry for longer than any lifetime.
    expiresAt: now + Math.max(0, row.expiresAtUtcMs - processing.utcMsAt(now)),
    reason,
    issue: null,
    stored: true,
    tries: 0,
    repeatAt: now,
    timer: { run: (at) => continueEntry(processing, entry, at) },
  };
  processing.table.add(entry);
  processing.deadlines.set(entry.timer, entry.expiresAt + processing.settings.outliveMs);
  return entry;
}

function restoreHalf(half: StoredEntry['halves'][number]): Half {
  const { router, request, installed, withdrawn } = half;
  return {
    router,
    // Selectors matter until the distribution alone; the channel that it was asked over is long gone.
    request: request === null ? null : { ...request, selectors: [], packet: null, channelEpoch: 0 },
    installed,
    withdrawn,
    peerToldAt: null,
  };
}
