import { describe, expect, it } from 'vitest';
import { CommitQueue, type StoreAction } from '../../../host/server/commit-queue.ts';
import type { StoredEntry } from '../../../host/server/management-table/entry.ts';
import type { StoredRouter } from '../../../host/server/request-processing/events.ts';

/** A disk that holds rows by key and may be full: a commit is taken whole or not at all. */
class Disk {
  isFull = false;
  commits = 0;
  readonly entries = new Map<string, StoredEntry>();
  readonly routers = new Map<string, StoredRouter>();
  readonly queue = new CommitQueue((action) => {
    if (this.isFull) throw new Error('disk full');
    this.commits += 1;
    // In the order of the SQLite store.
    for (const key of action.remove) this.entries.delete(key);
    for (const one of action.put) this.entries.set(one.key, one);
    for (const one of action.routers) this.routers.set(one.name, one);
  });

  revisionOf(key: string): number | undefined {
    return this.entries.get(key)?.revision;
  }
}

function entry(key: string, revision = 1): StoredEntry {
  const half = { router: 'tokyo', request: null, installed: false, withdrawn: false };
  return {
    key,
    state: 'distributed',
    kind: 'all',
    lane: 0,
    revision,
    digest: '',
    expiresAtUtcMs: 0,
    reason: '',
    halves: [half, { ...half, router: 'osaka' }],
  };
}

function router(name: string, software: string): StoredRouter {
  return { name, boots: [], proposals: [], software, endpoint: null, versionUp: null };
}

function action(more: Partial<StoreAction>): StoreAction {
  return { kind: 'store', put: [], remove: [], routers: [], ...more };
}

describe('the commit queue', () => {
  it('hands an action on as it is while nothing waits', () => {
    const disk = new Disk();
    disk.queue.add(action({ put: [entry('a')] }));
    disk.queue.add(action({ remove: ['a'], put: [entry('b')] }));
    expect([...disk.entries.keys()]).toEqual(['b']);
    expect(disk.commits).toBe(2);
    expect(disk.queue.isBehind).toBe(false);
  });

  it('says that a commit failed, and makes it good with the next one, as one', () => {
    const disk = new Disk();
    disk.isFull = true;
    expect(() => disk.queue.add(action({ put: [entry('a')] }))).toThrow('disk full');
    expect(() => disk.queue.add(action({ put: [entry('b')], routers: [router('tokyo', '1')] }))).toThrow();
    expect(disk.queue.isBehind).toBe(true);
    disk.isFull = false;
    disk.queue.add(action({ put: [entry('c')] }));
    expect([...disk.entries.keys()].sort()).toEqual(['a', 'b', 'c']);
    expect([...disk.routers.keys()]).toEqual(['tokyo']);
    expect(disk.commits).toBe(1);
    expect(disk.queue.isBehind).toBe(false);
  });

  it('makes it good by itself when asked to try again', () => {
    const disk = new Disk();
    disk.queue.retry();
    expect(disk.commits).toBe(0);
    disk.isFull = true;
    expect(() => disk.queue.add(action({ put: [entry('a')] }))).toThrow();
    expect(() => disk.queue.retry()).toThrow('disk full');
    disk.isFull = false;
    disk.queue.retry();
    disk.queue.retry();
    expect([...disk.entries.keys()]).toEqual(['a']);
    expect(disk.commits).toBe(1);
  });

  it('keeps the last word about a key, whether it was put, removed or put again', () => {
    const disk = new Disk();
    disk.queue.add(action({ put: [entry('gone'), entry('back'), entry('changed')] }));
    disk.isFull = true;
    const fail = (one: StoreAction) => expect(() => disk.queue.add(one)).toThrow();
    fail(action({ put: [entry('gone', 2), entry('changed', 2)], remove: ['back'] }));
    fail(action({ remove: ['gone'], put: [entry('back', 3), entry('changed', 3)] }));
    fail(action({ put: [entry('never', 1)] }));
    disk.isFull = false;
    disk.queue.add(action({ remove: ['never'] }));
    expect(disk.revisionOf('gone')).toBeUndefined();
    expect(disk.revisionOf('never')).toBeUndefined();
    expect(disk.revisionOf('back')).toBe(3);
    expect(disk.revisionOf('changed')).toBe(3);
  });

  it('keeps the last state of a router', () => {
    const disk = new Disk();
    disk.isFull = true;
    for (const software of ['1', '2']) {
      expect(() => disk.queue.add(action({ routers: [router('tokyo', software)] }))).toThrow();
    }
    disk.isFull = false;
    disk.queue.retry();
    expect(disk.routers.get('tokyo')?.software).toBe('2');
  });
});
