/**
 * The store in one SQLite file, by Node's own SQLite: a transaction for each commit, flushed to disk before it returns
 * (`synchronous = FULL`), because what was committed is what the server may say to routers. Audit rows wait for the next
 * flush, which has a transaction of its own: nobody's first packet waits for a log. One process at a time has the file. A
 * file of a newer version is refused rather than misread.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { HostError } from '../../model/host-error.ts';
import type { RolloutChange, StoredRolloutState } from '../rollout/stored.ts';
import {
  auditRowSchema,
  entrySchema,
  memberSchema,
  revisionSchema,
  rolloutSchema,
  routerContent,
  routerSchema,
} from './rows.ts';
import type { AuditRow, Store, StoreChange, StoredState } from './store.ts';

/** Rises with each change of the tables or of what their rows hold; CHANGELOG.md names it. */
const schemaVersion = 3;

/** The audit log is trimmed by so many rows at a time, so that a full log does not delete at every row. */
const auditTrim = 1_000;

/** Audit rows that may wait for the disk; more are left out and counted in a row that says so. */
const maximumWaitingRows = 50_000;

const schema = `
  CREATE TABLE entry (key TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE router (name TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE revision (key TEXT PRIMARY KEY, digest TEXT NOT NULL, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at_utc_ms INTEGER NOT NULL, what TEXT NOT NULL,
    router TEXT NOT NULL, peer TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL
  ) STRICT;
`;

/** Since schema 2. */
const rolloutTables = `
  CREATE TABLE rollout (number INTEGER PRIMARY KEY CHECK (number = 1), content TEXT NOT NULL) STRICT;
  CREATE TABLE rollout_member (router TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

export interface SqliteStoreOptions {
  /** Rows kept in the audit log; the oldest go first. */
  readonly auditRows?: number;
}

export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #statements: Statements;
  readonly #auditBound: number;
  #auditCount: number;
  #waiting: AuditRow[] = [];
  #leftOut = 0;

  /**
   * Opens or makes the file, which its owner alone may read.
   *
   * @throws HostError STORE when it cannot be opened, is in use, or was written by a newer version
   */
  constructor(file: string, options: SqliteStoreOptions = {}) {
    this.#file = file;
    this.#auditBound = options.auditRows ?? 100_000;
    this.#database = this.#guard('open', () => openDatabase(file));
    this.#statements = this.#guard('open', () => prepareStatements(this.#database));
    const { count } = this.#guard('read', () => this.#statements.countAudit.get()) ?? {};
    this.#auditCount = Number(count);
  }

  load(): StoredState {
    return this.#guard('read', () => {
      const { allEntries, allRouters, allRevisions } = this.#statements;
      const revisions = allRevisions.all().map((row) => revisionSchema.parse({ ...row }));
      return {
        entries: allEntries.all().map((row) => entrySchema.parse(JSON.parse(String(row.content)))),
        routers: allRouters.all().map((row) => routerSchema.parse(JSON.parse(String(row.content)))),
        revisions: new Map(revisions.map((revision) => [revision.key, revision])),
        rollout: this.#loadRollout(),
      };
    });
  }

  #loadRollout(): StoredRolloutState | undefined {
    const row = this.#statements.rollout.get();
    if (row === undefined) return undefined;
    const members = this.#statements.allMembers.all();
    return {
      rollout: rolloutSchema.parse(JSON.parse(String(row.content))),
      members: members.map(({ content }) => memberSchema.parse(JSON.parse(String(content)))),
    };
  }

  commit(change: StoreChange): void {
    const { removeEntry, putEntry, putRouter, putRevision } = this.#statements;
    this.#transaction(() => {
      for (const key of change.remove ?? []) removeEntry.run(key);
      for (const entry of change.put ?? []) putEntry.run(entry.key, JSON.stringify(entry));
      for (const router of change.routers ?? []) putRouter.run(router.name, routerContent(router));
      for (const { key, digest, revision } of change.revisions ?? []) putRevision.run(key, digest, revision);
      if (change.rollout !== undefined) this.#writeRollout(change.rollout);
    });
  }

  audit(row: AuditRow): void {
    if (this.#waiting.length < maximumWaitingRows) this.#waiting.push(row);
    else this.#leftOut += 1;
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    let count = this.#auditCount;
    this.#transaction(() => {
      count = this.#writeAuditRows();
    });
    this.#auditCount = count;
    this.#waiting = [];
    this.#leftOut = 0;
  }

  auditRows(limit: number): AuditRow[] {
    this.flush();
    return this.#guard('read', () =>
      this.#statements.lastAuditRows.all(limit).map((row) => auditRowSchema.parse(row)),
    );
  }

  /** Lets the file grow to this many pages of 4 KiB and no further: a quota, and how a test fills the disk. */
  limitPages(pages: number): void {
    this.#guard('limit', () => this.#database.exec(`PRAGMA max_page_count = ${Math.trunc(pages)}`));
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.#database.close();
    }
  }

  #writeRollout({ rollout, members, isNew }: RolloutChange): void {
    const { putRollout, putMember, clearMembers } = this.#statements;
    if (isNew) clearMembers.run();
    putRollout.run(JSON.stringify(rollout));
    for (const member of members) putMember.run(member.router, JSON.stringify(member));
  }

  /** Runs `work` as one; on failure nothing in the file is changed. */
  #transaction(work: () => void): void {
    this.#guard('write', () => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        work();
        this.#database.exec('COMMIT');
      } catch (error) {
        // A full disk may have rolled it back already.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Returns how many rows the log has then. */
  #writeAuditRows(): number {
    const { addAudit, trimAudit } = this.#statements;
    for (const { atUtcMs, what, router, peer, kindName, detail } of this.#waiting) {
      addAudit.run(atUtcMs, what, router, peer, kindName, detail);
    }
    const last = this.#waiting.at(-1);
    const saysLeftOut = this.#leftOut > 0 && last !== undefined;
    if (saysLeftOut) {
      const detail = `${this.#leftOut} rows left out: the disk was too slow`;
      addAudit.run(last.atUtcMs, 'ignored', '', '', '', detail);
    }
    const count = this.#auditCount + this.#waiting.length + (saysLeftOut ? 1 : 0);
    if (count <= this.#auditBound + auditTrim) return count;
    trimAudit.run(this.#auditBound);
    return this.#auditBound;
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

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string): StatementSync => database.prepare(sql);
  return {
    allEntries: prepare('SELECT content FROM entry'),
    allRouters: prepare('SELECT content FROM router'),
    allRevisions: prepare('SELECT key, digest, revision FROM revision'),
    putEntry: prepare('INSERT OR REPLACE INTO entry (key, content) VALUES (?, ?)'),
    removeEntry: prepare('DELETE FROM entry WHERE key = ?'),
    putRouter: prepare('INSERT OR REPLACE INTO router (name, content) VALUES (?, ?)'),
    putRevision: prepare('INSERT OR REPLACE INTO revision (key, digest, revision) VALUES (?, ?, ?)'),
    rollout: prepare('SELECT content FROM rollout'),
    allMembers: prepare('SELECT content FROM rollout_member'),
    putRollout: prepare('INSERT OR REPLACE INTO rollout (number, content) VALUES (1, ?)'),
    putMember: prepare('INSERT OR REPLACE INTO rollout_member (router, content) VALUES (?, ?)'),
    clearMembers: prepare('DELETE FROM rollout_member'),
    addAudit: prepare(
      'INSERT INTO audit (at_utc_ms, what, router, peer, kind, detail) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    trimAudit: prepare('DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?'),
    countAudit: prepare('SELECT count(*) AS count FROM audit'),
    lastAuditRows: prepare('SELECT * FROM audit ORDER BY number DESC LIMIT ?'),
  };
}

function openDatabase(file: string): DatabaseSync {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(file);
  if (file !== ':memory:') chmodSync(file, 0o600);
  try {
    // Exclusive before the first access: two servers with one table would hand out keys past each other.
    database.exec('PRAGMA busy_timeout = 1000; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    makeTables(database, file);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function makeTables(database: DatabaseSync, file: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (version > schemaVersion) {
    throw new HostError(
      'STORE',
      `${file} was written by a newer version (schema ${version}, this one knows ${schemaVersion}): run that version`,
    );
  }
  if (version === schemaVersion) return;
  const steps = (version === 0 ? schema : '') + (version < 2 ? rolloutTables : '');
  database.exec(`BEGIN; ${steps} PRAGMA user_version = ${schemaVersion}; COMMIT`);
}
