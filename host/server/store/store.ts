/**
 * What the setting server keeps across its own restarts, as an interface so that a clustered store can take the place of
 * SQLite: entries of the management table, what it knows of routers, revisions of policies, the audit log. Keys have no
 * place in any of these types. What throws, throws HostError STORE, and has then changed nothing.
 */
import type { Revision } from '../distribution-policies/revisions.ts';
import type { StoredEntry } from '../management-table/entry.ts';
import type { AuditKind, StoredRouter } from '../request-processing/events.ts';
import type { RolloutChange, StoredRolloutState } from '../rollout/stored.ts';

/** Everything that outlived the last process. */
export interface StoredState {
  readonly entries: readonly StoredEntry[];
  readonly routers: readonly StoredRouter[];
  /** By key. */
  readonly revisions: ReadonlyMap<string, Revision>;
  /** The last roll-out; undefined when there never was one. */
  readonly rollout: StoredRolloutState | undefined;
}

/** A change that becomes durable as one; every list may be left out. */
export interface StoreChange {
  readonly put?: readonly StoredEntry[];
  /** Keys of entries that are gone. */
  readonly remove?: readonly string[];
  readonly routers?: readonly StoredRouter[];
  readonly revisions?: readonly Revision[];
  readonly rollout?: RolloutChange;
}

export interface AuditRow {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly atUtcMs: number;
  readonly what: AuditKind;
  readonly router: string;
  readonly peer: string;
  readonly kindName: string;
  readonly detail: string;
}

export interface Store {
  load(): StoredState;
  /** Durable when it returns. */
  commit(change: StoreChange): void;
  /** Adds to the audit log, with the next flush; the oldest rows go when it is full. Never throws. */
  audit(row: AuditRow): void;
  /** Writes the audit rows that wait; when it throws, they still wait. */
  flush(): void;
  /** The latest rows of the audit log, newest first. */
  auditRows(limit: number): AuditRow[];
  /** Flushes and lets go of the storage. */
  close(): void;
}
