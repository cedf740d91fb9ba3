/**
 * What the setting server keeps across its own restarts: the management table, the routers it has seen, an audit log. Keys
 * have no place in any of it. One interface, so that a clustered store can take SQLite's place.
 */
import type { Endpoint } from '../../model/address.ts';
import type { Revision } from '../distribution-policies/revisions.ts';
import type { StoredEntry } from '../management-table/entry.ts';
import type { AuditKind, StoredRouter } from '../request-processing/events.ts';

/** Changes that become durable together, or not at all. */
export interface StoreChange {
  readonly put: readonly StoredEntry[];
  /** Keys of entries that are gone. */
  readonly remove: readonly string[];
  readonly routers: readonly StoredRouter[];
}

export interface AuditRow {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly timeMs: number;
  readonly what: AuditKind;
  readonly router: string;
  readonly peer: string;
  readonly kind: string;
  readonly detail: string;
}

export interface Store {
  entries(): StoredEntry[];
  routers(): StoredRouter[];
  /** Where each router was last seen. */
  endpoints(): Endpoint[];
  /** Durable when it returns. Throws HostError STORE, and has then changed nothing. */
  commit(change: StoreChange): void;
  /** Remembers where a router is seen. Throws HostError STORE. */
  putEndpoint(router: string, endpoint: Endpoint): void;
  /** Revisions of distribution policies, so that they rise across restarts too. */
  revisions(): Revision[];
  /** Throws HostError STORE. */
  putRevisions(changed: readonly Revision[]): void;
  /** Adds to the audit log; the oldest rows go when it is full. Throws HostError STORE. */
  audit(row: AuditRow): void;
  /** The newest rows of the audit log, newest last. */
  auditLog(count: number): AuditRow[];
  close(): void;
}
