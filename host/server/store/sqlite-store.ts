/**
 * The store in one SQLite file, by Node's own SQLite: a transaction for each commit, flushed to disk before it returns
 * (`synchronous = FULL`), because what was committed is what the server may say to routers. A file of a newer version is
 * refused rather than misread; an older one is migrated.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { type Endpoint, formatAddress, parseAddress } from '../../model/address.ts';
import { HostError } from '../../model/host-error.ts';
import type { Revision } from '../distribution-policies/revisions.ts';
import type { StoredEntry } from '../management-table/entry.ts';
import { auditKinds, type StoredRouter } from '../request-processing/events.ts';
import type { AuditRow, Store, StoreChange } from './store.ts';

/** Rises with each change of the tables; CHANGELOG.md names it. */
const schemaVersion = 1;

/** The audit log is trimmed by so many rows at a time, so that a full log does not delete at every row. */
const auditTrim = 1_000;

const schema = `
  CREATE TABLE entry (key TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE router (name TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE endpoint (router TEXT PRIMARY KEY, address TEXT NOT NULL, port INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE revision (key TEXT PRIMARY KEY, digest TEXT NOT NULL, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, what TEXT NOT NULL,
    router TEXT NOT NULL, peer TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL
  ) STRICT;
`;

const halfSchema = z.strictObject({
  router: z.string(),
  request: z.strictObject({ id: z.string(), spi: z.number() }).nullable(),
  installed: z.boolean(),
  withdrawn: z.boolean(),
});

/** A row as it must be; a file that somebody edited fails here and not in the middle of the protocol. */
const entrySchema: z.ZodType<StoredEntry> = z.strictObject({
  key: z.string(),
  state: z.enum(['half-empty', 'distributed', 'both-installed', 'withdrawing']),
  kind: z.string(),
  revision: z.number(),
  digest: z.string(),
  expiresAtUtcMs: z.number(),
  reason: z.string(),
  halves: z.tuple([halfSchema, halfSchema]),
});

const routerSchema: z.ZodType<StoredRouter> = z.strictObject({
  name: z.string(),
  boots: z.array(z.string()),
  proposals: z.array(z.string()),
  software: z.string(),
});

const revisionSchema: z.ZodType<Revision> = z.object({
  key: z.string(),
  digest: z.string(),
  revision: z.number(),
});

const auditRowSchema = z.object({
  time_ms: z.number(),
  what: z.enum(auditKinds),
  router: z.string(),
  peer: z.string(),
  kind: z.string(),
  detail: z.string(),
});

export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #putEntry: StatementSync;
  readonly #removeEntry: StatementSync;
  readonly #putRouter: StatementSync;
  readonly #putEndpoint: StatementSync;
  readonly #putRevision: StatementSync;
  readonly #addAudit: StatementSync;
  readonly #trimAudit: StatementSync;
  #auditCount: number;

  readonly #auditRows: number;

  /**
   * Opens or makes the file, which its owner alone may read.
   *
   * @param auditRows rows of the audit log that are kept
   * @throws HostError STORE
   */
  constructor(file: string, auditRows = 100_000) {
    this.#file = file;
    this.#auditRows = auditRows;
    this.#database = this.#guard('open', () => openDatabase(file));
    const prepare = (sql: string): StatementSync => this.#database.prepare(sql);
    this.#putEntry = prepare('INSERT OR REPLACE INTO entry (key, content) VALUES (?, ?)');
    this.#removeEntry = prepare('DELETE FROM entry WHERE key = ?');
    this.#putRouter = prepare('INSERT OR REPLACE INTO router (name, content) VALUES (?, ?)');
    this.#putEndpoint = prepare('INSERT OR REPLACE INTO endpoint (router, address, port) VALUES (?, ?, ?)');
    this.#putRevision = prepare('INSERT OR REPLACE INTO revision (key, digest, revision) VALUES (?, ?, ?)');
    this.#addAudit = prepare(
      'INSERT INTO audit (time_ms, what, router, peer, kind, detail) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#trimAudit = prepare('DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?');
    this.#auditCount = Number(prepare('SELECT count(*) AS count FROM audit').get()?.count ?? 0);
  }

  entries(): StoredEntry[] {
    return this.#rows('SELECT content FROM entry', entrySchema);
  }

  routers(): StoredRouter[] {
    return this.#rows('SELECT content FROM router', routerSchema);
  }

  endpoints(): Endpoint[] {
    const rows = this.#guard('read', () =>
      this.#database.prepare('SELECT address, port FROM endpoint').all(),
    );
    return rows.flatMap(({ address, port }) => {
      const parsed = parseAddress(String(address));
      return parsed.ok ? [{ address: parsed.value, port: Number(port) }] : [];
    });
  }

  commit(change: StoreChange): void {
    this.#guard('write', () => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        for (const key of change.remove) this.#removeEntry.run(key);
        for (const entry of change.put) this.#putEntry.run(entry.key, JSON.stringify(entry));
        for (const router of change.routers) this.#putRouter.run(router.name, JSON.stringify(router));
        this.#database.exec('COMMIT');
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  putEndpoint(router: string, endpoint: Endpoint): void {
    this.#guard('write', () => {
      this.#putEndpoint.run(router, formatAddress(endpoint.address), endpoint.port);
    });
  }

  revisions(): Revision[] {
    const rows = this.#guard('read', () => this.#database.prepare('SELECT * FROM revision').all());
    return rows.map((row) => revisionSchema.parse(row));
  }

  putRevisions(changed: readonly Revision[]): void {
    this.#guard('write', () => {
      for (const { key, digest, revision } of changed) this.#putRevision.run(key, digest, revision);
    });
  }

  audit(row: AuditRow): void {
    this.#guard('write', () => {
      this.#addAudit.run(row.timeMs, row.what, row.router, row.peer, row.kind, row.detail);
      this.#auditCount += 1;
      if (this.#auditCount <= this.#auditRows + auditTrim) return;
      this.#trimAudit.run(this.#auditRows);
      this.#auditCount = this.#auditRows;
    });
  }

  auditLog(count: number): AuditRow[] {
    const rows = this.#guard('read', () =>
      this.#database
        .prepare('SELECT * FROM (SELECT * FROM audit ORDER BY id DESC LIMIT ?) ORDER BY id')
        .all(count),
    );
    return rows.map((row) => {
      const { time_ms: timeMs, ...rest } = auditRowSchema.parse(row);
      return { timeMs, ...rest };
    });
  }

  /** Lets the file grow to this many pages of 4 KiB and no further: a quota, and how a test fills the disk. */
  limitPages(pages: number): void {
    this.#guard('limit', () => this.#database.exec(`PRAGMA max_page_count = ${Math.trunc(pages)}`));
  }

  close(): void {
    this.#database.close();
  }

  #rows<Row>(sql: string, schemaOfRow: z.ZodType<Row>): Row[] {
    return this.#guard('read', () =>
      this.#database
        .prepare(sql)
        .all()
        .map((row) => schemaOfRow.parse(JSON.parse(String(row.content)))),
    );
  }

  #guard<Value>(doing: string, step: () => Value): Value {
    try {
      return step();
    } catch (cause) {
      if (cause instanceof HostError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new HostError(
        'STORE',
        `cannot ${doing} ${this.#file}: ${why}; check free space and permissions, or move a damaged file away (routers keep their SAs and ask anew)`,
        { cause },
      );
    }
  }
}

function openDatabase(file: string): DatabaseSync {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(file);
  if (file !== ':memory:') chmodSync(file, 0o600);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 1000');
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (version > schemaVersion) {
    database.close();
    throw new HostError(
      'STORE',
      `${file} was written by a newer version (schema ${version}, this one knows ${schemaVersion}): run that version`,
    );
  }
  if (version === 0) {
    database.exec(`BEGIN; ${schema} PRAGMA user_version = ${schemaVersion}; COMMIT`);
  }
  return database;
}
