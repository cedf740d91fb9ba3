/**
 * Withdrawal: SAs and requests that must go at both ends. A router is told until it says *withdrawn*, a bounded number of
 * times; after that the withdrawal waits for its next hello or channel, and ends by itself when the SAs have ended anyway.
 */
import { maximumWithdrawnIds } from '../../messages/limits.ts';
import type { MessageId, Withdrawn } from '../../messages/message.ts';
import type { Instant } from '../../model/instant.ts';
import { wipeKeys } from '../key-generation.ts';
import type { Entry, Half } from '../management-table/management-table.ts';
import { newMessageId, type Processing, persist } from './processing.ts';
import type { Withdrawal } from './router-book.ts';
import { repeatAfterMs } from './settings.ts';

/** Zeroes the entry's keys; they are never handed out again. */
export function wipeEntryKeys(entry: Entry): void {
  if (entry.issue === null || entry.issue.keys === null) return;
  for (const keys of entry.issue.keys) wipeKeys(keys);
  entry.issue.keys = null;
}

/**
 * Deletes entries at both ends. `forgottenBy` names a router that has lost its half already, so that it need not be told.
 * Entries that are being withdrawn already only note that.
 */
export function withdrawEntries(
  processing: Processing,
  entries: readonly Entry[],
  reason: string,
  now: Instant,
  forgottenBy?: string,
): void {
  const { table, deadlines, out, settings } = processing;
  const toTell = new Map<string, { entry: Entry; half: Half }[]>();
  for (const entry of entries) {
    const [first, second] = entry.halves;
    if (entry.state !== 'withdrawing') {
      wipeEntryKeys(entry);
      // Nothing was handed out for a half-empty entry: its requests end by themselves soon.
      if (entry.state === 'half-empty') entry.expiresAt = now;
      table.enter(entry, 'withdrawing');
      entry.reason = reason;
      for (const half of entry.halves) {
        if (half.request === null || half.router === forgottenBy) markWithdrawn(processing, entry, half);
        else listOf(toTell, half.router).push({ entry, half });
      }
      deadlines.set(entry.timer, entry.expiresAt + settings.outliveMs);
      out.audit('withdrawing', { router: first.router, peer: second.router, kind: entry.kind }, reason);
    } else {
      for (const half of entry.halves) {
        if (half.router === forgottenBy) markWithdrawn(processing, entry, half);
      }
    }
    if (!removeIfWithdrawn(processing, entry, now)) persist(processing, entry);
  }
  for (const [router, halves] of toTell) tell(processing, router, halves, now);
}

/** Starts withdrawals of entries that are in the state already: those restored from the store. */
export function resumeWithdrawals(processing: Processing, entries: readonly Entry[], now: Instant): void {
  const toTell = new Map<string, { entry: Entry; half: Half }[]>();
  for (const entry of entries) {
    for (const half of entry.halves) {
      if (!half.withdrawn) listOf(toTell, half.router).push({ entry, half });
    }
  }
  for (const [router, halves] of toTell) tell(processing, router, halves, now);
}

function listOf<Value>(lists: Map<string, Value[]>, key: string): Value[] {
  const known = lists.get(key);
  if (known !== undefined) return known;
  const list: Value[] = [];
  lists.set(key, list);
  return list;
}

function tell(
  processing: Processing,
  router: string,
  halves: readonly { readonly entry: Entry; readonly half: Half }[],
  now: Instant,
): void {
  for (let start = 0; start < halves.length; start += maximumWithdrawnIds) {
    const withdrawal: Withdrawal = {
      id: newMessageId(processing.random),
      router,
      halves: halves.slice(start, start + maximumWithdrawnIds),
      tries: 0,
      timer: { run: (at) => sendWithdraw(processing, withdrawal, at) },
    };
    processing.withdrawals.set(withdrawal.id, withdrawal);
    processing.routers.open(router).withdrawals.add(withdrawal);
    sendWithdraw(processing, withdrawal, now);
  }
}

function sendWithdraw(processing: Processing, withdrawal: Withdrawal, now: Instant): void {
  const { settings, routers, deadlines, out } = processing;
  const open = withdrawal.halves.filter(({ half }) => !half.withdrawn);
  if (open.length === 0) {
    endWithdrawal(processing, withdrawal);
    return;
  }
  // Without a channel nothing can be said: the next hello or channel starts it again.
  if (!routers.hasChannel(withdrawal.router)) return;
  withdrawal.tries += 1;
  const [{ entry } = { entry: undefined }] = open;
  const single = withdrawal.halves.length === 1 && entry !== undefined;
  const peer = entry?.halves.find((half) => half.router !== withdrawal.router)?.router ?? '';
  out.send({
    type: 'withdraw',
    id: withdrawal.id,
    source: withdrawal.router,
    peer: single ? peer : '',
    kind: single ? entry.kind : '',
    ids: open.flatMap(({ half }) => (half.request === null ? [] : [half.request.id])),
    reason: entry?.reason ?? '',
  });
  deadlines.set(withdrawal.timer, now + repeatAfterMs(settings, withdrawal.tries));
}

/** Starts the router's withdrawals again: it has said hello, or its channel is up. */
export function retryWithdrawals(processing: Processing, router: string, now: Instant): void {
  for (const withdrawal of [...(processing.routers.find(router)?.withdrawals ?? [])]) {
    withdrawal.tries = 0;
    sendWithdraw(processing, withdrawal, now);
  }
}

/** A router says that it has deleted what a withdrawal named. */
export function receiveWithdrawn(processing: Processing, message: Withdrawn, now: Instant): void {
  const withdrawal = processing.withdrawals.get(message.id);
  if (withdrawal === undefined || withdrawal.router !== message.source) {
    // Repeated, or the entry's time was over meanwhile.
    return;
  }
  endWithdrawal(processing, withdrawal);
  for (const { entry, half } of withdrawal.halves) {
    if (half.withdrawn) continue;
    markWithdrawn(processing, entry, half);
    if (!removeIfWithdrawn(processing, entry, now)) persist(processing, entry);
  }
}

function endWithdrawal(processing: Processing, withdrawal: Withdrawal): void {
  processing.deadlines.set(withdrawal.timer, undefined);
  processing.withdrawals.delete(withdrawal.id);
  processing.routers.find(withdrawal.router)?.withdrawals.delete(withdrawal);
}

function markWithdrawn(processing: Processing, entry: Entry, half: Half): void {
  half.withdrawn = true;
  processing.table.releaseSpi(entry, half);
}

/** Drops a withdrawn entry once both ends are done; true when it did. */
function removeIfWithdrawn(processing: Processing, entry: Entry, now: Instant): boolean {
  if (entry.halves.some((half) => !half.withdrawn)) return false;
  const [first, second] = entry.halves;
  dropEntry(processing, entry, now);
  processing.out.audit(
    'withdrawn',
    { router: first.router, peer: second.router, kind: entry.kind },
    entry.reason,
  );
  return true;
}

/** Forgets the entry: its ids become tombstones, its keys are zeroed, the store lets go of it. */
export function dropEntry(processing: Processing, entry: Entry, now: Instant): void {
  wipeEntryKeys(entry);
  processing.table.remove(entry);
  if (entry.stored) processing.out.remove(entry.key);
  for (const half of entry.halves) {
    half.withdrawn = true;
    if (half.request !== null) processing.tombstones.bury(half.request.id, half.router, undefined, now);
  }
}

/** Tells a router to delete one id, once: it is not in the table, and the router's own repetition repeats this. */
export function withdrawUnknown(
  processing: Processing,
  about: { readonly source: string; readonly peer: string; readonly kind: string },
  id: MessageId,
  reason = 'the setting server does not know this request',
): void {
  const { source, peer, kind } = about;
  processing.out.send({
    type: 'withdraw',
    id: newMessageId(processing.random),
    source,
    peer,
    kind,
    ids: [id],
    reason,
  });
}
