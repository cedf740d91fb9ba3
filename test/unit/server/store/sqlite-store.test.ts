import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostError } from '../../../../host/model/host-error.ts';
import type { StoredEntry } from '../../../../host/server/management-table/entry.ts';
import type { StoredRollout } from '../../../../host/server/rollout/stored.ts';
import { SqliteStore } from '../../../../host/server/store/sqlite-store.ts';
import type { AuditRow } from '../../../../host/server/store/store.ts';
import { endpoint, Scene } from '../request-processing/scene.ts';

let folder: string;
let path: string;
const opened: SqliteStore[] = [];

function open(auditRows = 100_000): SqliteStore {
  const store = new SqliteStore(path, { auditRows });
  opened.push(store);
  return store;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-store-'));
  path = join(folder, 'server.sqlite');
});

afterEach(() => {
  for (const store of opened.splice(0)) {
    try {
      store.close();
    } catch {
      // Closed by the test, or its file is gone.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

function entry(key: string, more: Partial<StoredEntry> = {}): StoredEntry {
  return {
    key,
    state: 'distributed',
    kind: 'all',
    lane: 0,
    revision: 3,
    digest: 'd'.repeat(32),
    expiresAtUtcMs: 1_700_000_000_123,
    reason: '',
    halves: [
      { router: 'tokyo', request: { id: key, spi: 0xffff_ffff }, installed: true, withdrawn: false },
      { router: 'osaka', request: null, installed: false, withdrawn: true },
    ],
    ...more,
  };
}

const row: AuditRow = { atUtcMs: 5, what: 'hello', router: 'tokyo', peer: '', kindName: '', detail: 'x' };

/** The code and message of the HostError that `work` throws. */
function failure(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof HostError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing was thrown';
}

describe('the SQLite store', () => {
  it('gives back what was committed after it was closed and opened again', () => {
    const store = open();
    const router = {
      name: 'tokyo',
      boots: ['b1', 'b2'],
      proposals: ['aes256gcm16'],
      software: 'sekisho 1',
      endpoint: endpoint('2001:db8::7', 61_000),
      versionUp: {
        board: 'qemu-x86_64',
        slot: 'b' as const,
        version: '2.0.0',
        stage: 'reverted' as const,
        reason: 'no channel within 120 s',
        at: 1_796_000_000_000,
      },
    };
    const revision = { key: 'osaka|tokyo|all', digest: 'x', revision: 7 };
    store.commit({ put: [entry('a'), entry('b')], routers: [router] });
    store.commit({ put: [entry('a', { state: 'both-installed' })], remove: ['b'] });
    store.commit({ revisions: [revision] });
    store.close();
    const state = open().load();
    expect(state.entries).toEqual([entry('a', { state: 'both-installed' })]);
    expect(state.routers).toEqual([router]);
    expect([...state.revisions.values()]).toEqual([revision]);
  });

  it('keeps every commit that had returned when the process is killed', () => {
    const source = new URL('../../../../host/server/store/sqlite-store.ts', import.meta.url).pathname;
    const script = join(folder, 'killed.ts');
    writeFileSync(
      script,
      `import type { StoredRollout } from '../../../../host/server/rollout/stored.ts';
import { SqliteStore } from ${JSON.stringify(source)};
       const store = new SqliteStore(${JSON.stringify(path)});
       const entry = ${JSON.stringify(entry('x'))};
       for (let count = 0; count < 50; count += 1) store.commit({ put: [{ ...entry, key: 'key-' + count }] });
       process.kill(process.pid, 'SIGKILL');`,
    );
    const { signal, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
    expect(signal, stderr).toBe('SIGKILL');
    expect(open().load().entries).toHaveLength(50);
  });

  it('changes nothing when a part of a commit fails', () => {
    const store = open();
    store.commit({ put: [entry('a')] });
    // A value that JSON refuses, in the middle of the change.
    const broken = { ...entry('c'), revision: 1n as unknown as number };
    expect(failure(() => store.commit({ put: [entry('b'), broken], remove: ['a'] }))).toMatch(
      /^STORE: cannot write/,
    );
    expect(store.load().entries).toEqual([entry('a')]);
    store.commit({ put: [entry('d')] });
    expect(store.load().entries).toHaveLength(2);
  });

  it('says STORE when the disk is full, keeps what it had and goes on when there is room', () => {
    open().close();
    const database = new DatabaseSync(path);
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
    database.close();
    const store = open();
    store.commit({ put: [entry('a')] });
    // SQLite's own bound on the file stands for a full disk: the same SQLITE_FULL.
    store.limitPages(pages + 2);
    const many = Array.from({ length: 500 }, (_, index) => entry(`many-${index}`));
    expect(failure(() => store.commit({ put: many }))).toContain('STORE: cannot write');
    expect(store.load().entries).toEqual([entry('a')]);
    store.limitPages(100_000);
    store.commit({ put: many });
    expect(store.load().entries).toHaveLength(501);
  });

  it('says STORE when the file is no database, or cannot be one', () => {
    path = join(folder, 'text');
    writeFileSync(path, 'this is no database, and long enough to be told from an empty one');
    expect(failure(() => open())).toContain('STORE: cannot open');
    path = folder;
    expect(failure(() => open())).toContain('STORE: cannot open');
  });

  it('says STORE when another process has it open', () => {
    open();
    expect(failure(() => open())).toMatch(/^STORE: cannot open .*locked/);
  });

  it('keeps the last roll-out, row by row, and nothing of the one before', () => {
    const rollout: StoredRollout = {
      id: '0011223344556677',
      version: '2.0.0',
      url: '',
      stages: [1, 100],
      maxFailures: 3,
      stageSeconds: 600,
      state: 'running',
      reason: '',
      stage: 0,
      isExcused: false,
      stageEndsAtUtcMs: 1,
      startedAtUtcMs: 2,
    };
    const member = {
      router: 'tokyo',
      place: 0,
      state: 'waiting',
      reason: '',
      toldAtUtcMs: 0,
      before: 0,
    } as const;
    const store = open();
    expect(store.load().rollout).toBeUndefined();
    const old = { ...rollout, version: '1.0.0' };
    store.commit({ rollout: { rollout: old, members: [{ ...member, router: 'kyoto' }], isNew: true } });
    const members = [member, { ...member, router: 'osaka', place: 1 }];
    store.commit({ rollout: { rollout, members, isNew: true } });
    const told = { ...member, state: 'told', toldAtUtcMs: 9 } as const;
    store.commit({ rollout: { rollout: { ...rollout, state: 'paused' }, members: [told], isNew: false } });
    store.close();
    const { rollout: found } = open().load();
    expect(found?.rollout).toEqual({ ...rollout, state: 'paused' });
    expect(found?.members).toEqual([members[1], told]);
  });

  it('takes a file of schema 1 over, with its routers', () => {
    open().close();
    const database = new DatabaseSync(path);
    database.exec('DROP TABLE rollout; DROP TABLE rollout_member; PRAGMA user_version = 1');
    const router = { name: 'tokyo', boots: ['b1'], proposals: [], software: '0.1.0', endpoint: null };
    database.prepare('INSERT INTO router VALUES (?, ?)').run('tokyo', JSON.stringify(router));
    database.close();
    const store = open();
    expect(store.load()).toMatchObject({ routers: [{ ...router, versionUp: null }], rollout: undefined });
    store.close();
    open().close(); // and is one of this schema then
  });

  it('takes a file of schema 2 over: its entries are of lane 0', () => {
    open().close();
    const database = new DatabaseSync(path);
    const { lane: _, ...before } = entry('0011223344556677');
    database.prepare('INSERT INTO entry VALUES (?, ?)').run(before.key, JSON.stringify(before));
    database.exec('PRAGMA user_version = 2');
    database.close();
    const store = open();
    expect(store.load().entries).toEqual([entry('0011223344556677')]);
    store.close();
  });

  it('refuses a file of a newer version', () => {
    open().close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    expect(failure(() => open())).toContain('was written by a newer version (schema 99');
  });

  it('refuses a file in which somebody edited a row', () => {
    const store = open();
    store.commit({ put: [entry('a')] });
    store.close();
    const database = new DatabaseSync(path);
    database.exec(`UPDATE entry SET content = '{"key":"a"}'`);
    database.close();
    expect(failure(() => open().load())).toMatch(/^STORE: cannot read/);
  });

  it('makes the folders that are missing, and says what to do when it cannot', () => {
    path = join(folder, 'deeper', 'still', 'server.sqlite');
    open().commit({ put: [entry('a')] });
    writeFileSync(join(folder, 'text'), '');
    path = join(folder, 'text', 'server.sqlite');
    expect(failure(() => open())).toMatch(/^STORE: cannot open .*check free space and permissions/);
  });

  it('makes the file readable by its owner only', () => {
    open();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keeps a bounded number of audit rows, the latest, across restarts', () => {
    const store = open(100);
    for (let index = 0; index < 5000; index += 1) {
      store.audit({ ...row, detail: `row ${index}` });
      if (index % 70 === 0) store.flush();
    }
    const rows = store.auditRows(10_000);
    expect(rows.length).toBeLessThanOrEqual(1100);
    expect(rows[0]?.detail).toBe('row 4999');
    store.close();
    expect(open(100).auditRows(1)[0]?.detail).toBe('row 4999');
  });

  it('writes audit rows apart from commits and bounds those that wait', () => {
    const store = open();
    for (let index = 0; index < 50_005; index += 1) store.audit(row);
    store.commit({ put: [entry('a')] });
    const [last] = store.auditRows(1);
    expect(last?.detail).toBe('5 rows left out: the disk was too slow');
  });

  it('never holds key material: the bytes of its files are searched for every key handed out', () => {
    const store = open();
    const scene = new Scene();
    const carryOut = scene.carryOut.bind(scene);
    scene.carryOut = (actions) => {
      for (const action of actions) {
        if (action.kind === 'store') store.commit(action);
        if (action.kind === 'audit') {
          const { what, router, peer, kindName, detail } = action;
          store.audit({ atUtcMs: 1, what, router, peer, kindName, detail });
        }
      }
      carryOut(actions);
    };
    const keys: Uint8Array[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { first, second, toFirst } = scene.distribute();
      for (const sa of [toFirst.outbound, toFirst.inbound])
        keys.push(Uint8Array.from(sa.encryptionKey.reveal()));
      scene.installed(first);
      scene.installed(second);
    }
    store.flush();
    expect(store.load().entries).toHaveLength(5);
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
    expect(files.some((bytes) => bytes.includes('tokyo'))).toBe(true);
    for (const key of keys) {
      const forms = [
        Buffer.from(key),
        ...(['hex', 'base64'] as const).map((form) => Buffer.from(key).toString(form)),
      ];
      for (const form of forms) expect(files.some((bytes) => bytes.includes(form))).toBe(false);
    }
  });
});
