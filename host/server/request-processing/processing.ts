/**
 * What the rules of request processing share: the tables, the settings, the injected sources, the actions that pile up while
 * one event is handled. The rules themselves are in the files beside it, one for each thing that can happen.
 */
import type { MessageId } from '../../messages/message.ts';
import type { DeadlineHeap } from '../../model/deadline-heap.ts';
import type { Instant } from '../../model/instant.ts';
import type { PolicySet } from '../distribution-policies/policy-set.ts';
import type { Random } from '../key-generation.ts';
import type { StoredEntry, StoredHalf } from '../management-table/entry.ts';
import type { Entry, Half, ManagementTable } from '../management-table/management-table.ts';
import type { Outbox } from './outbox.ts';
import type { DeadPaths } from './path-report.ts';
import type { RouterBook, Withdrawal } from './router-book.ts';
import type { ProcessingSettings } from './settings.ts';
import type { Timer } from './timer.ts';
import type { Tombstones } from './tombstones.ts';

export interface Processing {
  policies: PolicySet;
  readonly settings: ProcessingSettings;
  readonly table: ManagementTable;
  readonly routers: RouterBook;
  readonly tombstones: Tombstones;
  readonly withdrawals: Map<MessageId, Withdrawal>;
  readonly deadPaths: DeadPaths;
  readonly deadlines: DeadlineHeap<Timer>;
  readonly random: Random;
  /** The wall clock's time at an instant of the boot-time clock. */
  readonly utcMsAt: (instant: Instant) => number;
  readonly out: Outbox;
}

/** 64 fresh random bits. */
export function newMessageId(random: Random): MessageId {
  return Buffer.from(random(8)).toString('hex');
}

/** Has the entry stored as it is now, unless nothing was ever handed out for it. */
export function persist(processing: Processing, entry: Entry): void {
  if (entry.issue === null && !entry.stored) return;
  entry.stored = true;
  processing.out.put(storedForm(processing, entry));
}

/** The entry as the store keeps it. */
function storedForm(processing: Processing, entry: Entry): StoredEntry {
  const stored = (half: Half): StoredHalf => ({
    router: half.router,
    request: half.request === null ? null : { id: half.request.id, spi: half.request.spi },
    installed: half.installed,
    withdrawn: half.withdrawn,
  });
  const [first, second] = entry.halves;
  return {
    key: entry.key,
    state: entry.state,
    kind: entry.kind,
    lane: entry.lane,
    revision: entry.revision,
    digest: entry.digest,
    expiresAtUtcMs: Math.round(processing.utcMsAt(entry.expiresAt)),
    reason: entry.reason,
    halves: [stored(first), stored(second)],
  };
}
