import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAddress } from '../../../../host/model/address.ts';
import type { StoredEntry } from '../../../../host/server/management-table/entry.ts';
import { SqliteStore } from '../../../../host/server/store/sqlite-store.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-store-'));
  file = join(folder, 'server.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

function entry(key: string): StoredEntry {
  const half = {
    router: 'tokyo',
    request: { id: key, spi: 4_000_000_000 },
    installed: true,
    withdrawn: false,
  };
  return {
    key,
    state: 'both-installed',
    kind: 'all',
    revision: 3,
    digest: 'd',
    expiresAtUtcMs: 1_800_000_000_000,
    reason: '',
    halves: [half, { ...half, router: 'osaka', request: null }],
  };
}

const router = { name: 'tokyo', boots: ['00'.repeat(8)], proposals: ['aes256gcm16'], software: '0.1.0' };

describe('the SQLite store', () => {
  it('has after reopening what was committed, and nothing else', () => {
    const store = new SqliteStore(file);
    store.commit({ put: [entry('a'), entry('b')], remove: [], routers: [router] });
    store.commit({ put: [entry('c')], remove: ['a'], routers: [] });
    // No close: a killed process closes nothing.
    const again = new SqliteStore(file);
    expect(again.entries()).toEqual([entry('b'), entry('c')]);
    expect(again.routers()).toEqual([router]);
  });

  it('is readable by its owner alone', () => {
    new SqliteStore(file).commit({ put: [entry('a')], remove: [], routers: [] });
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  it('changes nothing when a commit fails half-way', () => {
    const store = new SqliteStore(file);
    store.commit({ put: [entry('a')], remove: [], routers: [] });
    const broken = { ...router, name: null as unknown as string };
    expect(() => store.commit({ put: [entry('b')], remove: ['a'], routers: [broken] })).toThrow(
      /cannot write/,
    );
    expect(store.entries()).toEqual([entry('a')]);
    store.commit({ put: [entry('c')], remove: [], routers: [] });
    expect(store.entries()).toHaveLength(2);
  });

  it('remembers where routers were seen', () => {
    const address = parseAddress('2001:db8::7');
    if (!address.ok) throw new Error(address.message);
    const store = new SqliteStore(file);
    store.putEndpoint('tokyo', { address: address.value, port: 4500 });
    store.putEndpoint('tokyo', { address: address.value, port: 61000 });
    expect(store.endpoints()).toEqual([{ address: address.value, port: 61000 }]);
  });

  it('keeps the revisions of policies', () => {
    const store = new SqliteStore(file);
    store.putRevisions([{ key: 'a|b|all', digest: 'x', revision: 1 }]);
    store.putRevisions([{ key: 'a|b|all', digest: 'y', revision: 2 }]);
    expect(new SqliteStore(file).revisions()).toEqual([{ key: 'a|b|all', digest: 'y', revision: 2 }]);
  });

  it('forgets the oldest rows of a full audit log', () => {
    const store = new SqliteStore(file, 10);
    for (let index = 0; index < 1200; index++) {
      store.audit({ timeMs: index, what: 'requested', router: '', peer: '', kind: '', detail: `${index}` });
    }
    const rows = store.auditLog(5000);
    expect(rows.at(-1)?.detail).toBe('1199');
    expect(rows.length).toBeLessThan(1010);
  });

  it('keeps the newest rows of the audit log, in order', () => {
    const store = new SqliteStore(file);
    for (let index = 0; index < 5; index++) {
      store.audit({
        timeMs: index,
        what: 'requested',
        router: 'tokyo',
        peer: 'osaka',
        kind: '',
        detail: `${index}`,
      });
    }
    expect(store.auditLog(2).map(({ detail }) => detail)).toEqual(['3', '4']);
  });

  it('refuses a file of a newer version, a file that is no database, and an edited row', () => {
    const newer = new DatabaseSync(file);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    expect(() => new SqliteStore(file)).toThrow(/newer version/);

    const text = join(folder, 'text.db');
    writeFileSync(text, 'this is not a database, however long it may be'.repeat(100));
    expect(() => new SqliteStore(text)).toThrow(/cannot open/);

    const edited = join(folder, 'edited.db');
    new SqliteStore(edited).commit({ put: [entry('a')], remove: [], routers: [] });
    const editor = new DatabaseSync(edited);
    editor.exec(`UPDATE entry SET content = '{"key":"a"}'`);
    editor.close();
    expect(() => new SqliteStore(edited).entries()).toThrow(/cannot read/);
  });

  it('says what to do when the disk takes no more', () => {
    const store = new SqliteStore(file);
    store.commit({ put: [entry('a')], remove: [], routers: [] });
    const full = new SqliteStore(file);
    full.limitPages(8);
    const many = Array.from({ length: 2000 }, (_, index) => entry(`e${index}`));
    expect(() => full.commit({ put: many, remove: [], routers: [] })).toThrow(/full; check free space/);
    expect(full.entries()).toEqual([entry('a')]);
    expect(readFileSync(file).length).toBeGreaterThan(0);
  });
});
