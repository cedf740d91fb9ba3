/**
 * What a router takes for true, against a repository in the hands of an attacker: the cases of the tuf-conformance suite that apply to
 * a repository with the four roles, with this project's own client, state and time.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { scratchFolder } from '../../../host/platform/scratch-folder.ts';
import { parseMetadata } from '../../../host/release/metadata.ts';
import { Refusal } from '../../../host/release/refusal.ts';
import { trustedTargets } from '../../../host/release/trusted-metadata.ts';
import { dayMs, type MemorySource, MemoryState, SampleRepository, testKey } from './sample-repository.ts';

let repository: SampleRepository;
let state: MemoryState;
let builtInRoot: Uint8Array;

beforeEach(() => {
  repository = new SampleRepository();
  state = new MemoryState();
  builtInRoot = repository.rootOctets;
});

/** The code of a refusal, or the version of targets. */
async function refresh(
  source: MemorySource = repository.source(),
  nowUtcMs = Date.now(),
): Promise<string | number> {
  const scratch = scratchFolder();
  try {
    const targets = await trustedTargets({ source, state, builtInRoot, scratch, nowUtcMs });
    return targets.signed.version;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  } finally {
    scratch.remove();
  }
}

function keptVersion(role: 'root' | 'timestamp' | 'snapshot'): number {
  return parseMetadata(role, state.read(`release-${role}`)!).signed.version;
}

describe('the first check', () => {
  it('asks for the next root, timestamp, snapshot and targets, and keeps what protects the next one', async () => {
    const source = repository.source();
    expect(await refresh(source)).toBe(1);
    expect(source.asked).toEqual([
      'metadata/2.root.json',
      'metadata/timestamp.json',
      'metadata/1.snapshot.json',
      'metadata/1.targets.json',
    ]);
    expect([...state.documents.keys()].sort()).toEqual([
      'release-root',
      'release-snapshot',
      'release-timestamp',
    ]);
  });

  it('takes no root of its own that is not signed, and asks nobody then', async () => {
    const root = JSON.parse(Buffer.from(builtInRoot).toString());
    root.signatures[0].sig = root.signatures[0].sig.replace(
      /^../,
      root.signatures[0].sig.startsWith('00') ? '11' : '00',
    );
    builtInRoot = Buffer.from(JSON.stringify(root));
    const source = repository.source();
    expect(await refresh(source)).toBe('METADATA_SIGNATURE');
    expect(source.asked).toEqual([]);
  });

  it.each(['', 'garbage', '{}', '{"signed":{"_type":"root"}}'])(
    'takes no root of its own that says %j',
    async (text) => {
      builtInRoot = Buffer.from(text);
      expect(await refresh()).toBe('METADATA_INVALID');
    },
  );

  it('keeps unknown fields within what is signed', async () => {
    const custom = { 'custom-field': { deep: [1, 'two'] } };
    repository.forge('root', { version: 2, ...custom });
    expect(await refresh()).toBe(1);
    expect(keptVersion('root')).toBe(2);
  });
});

describe('roll-back', () => {
  beforeEach(async () => {
    repository.publish();
    repository.publish();
    expect(await refresh()).toBe(1);
    expect(keptVersion('timestamp')).toBe(3);
  });

  it('of the timestamp is refused, after a restart too', async () => {
    repository.forge('timestamp', { version: 2 });
    expect(await refresh()).toBe('METADATA_ROLLBACK');
    expect(keptVersion('timestamp')).toBe(3);
  });

  it('of the snapshot is refused', async () => {
    repository.release('board-1', '1.1.0', new Uint8Array(10));
    expect(await refresh()).toBe(2);
    repository.forge('snapshot', { version: 1 });
    repository.forge('timestamp', { version: 9, meta: repository.describe('snapshot') });
    expect(await refresh()).toBe('METADATA_ROLLBACK');
    expect(keptVersion('snapshot')).toBe(2);
  });

  it('of the targets is refused, with signed snapshot and timestamp', async () => {
    repository.release('board-1', '1.1.0', new Uint8Array(10));
    expect(await refresh()).toBe(2);
    repository.forge('targets', { version: 1 });
    repository.forge('snapshot', { version: 3, meta: repository.describe('targets') });
    repository.forge('timestamp', { version: 9, meta: repository.describe('snapshot') });
    expect(await refresh()).toBe('METADATA_ROLLBACK');
  });

  it('of the root is refused: the next one is one higher', async () => {
    repository.forge('root', { version: 1 });
    repository.files.set('metadata/2.root.json', repository.files.get('metadata/1.root.json')!);
    expect(await refresh()).toBe('METADATA_MISMATCH');
  });

  it('to the root of older software is none: what was verified since counts', async () => {
    repository.changeRoot({});
    repository.publish();
    expect(await refresh()).toBe(1);
    repository.files.delete('metadata/2.root.json');
    expect(await refresh()).toBe(1);
    expect(keptVersion('root')).toBe(2);
  });

  it('by other content of the same version changes nothing', async () => {
    repository.forge('timestamp', { meta: { 'snapshot.json': { version: 100 } } });
    expect(await refresh()).toBe(1);
    const kept = parseMetadata('timestamp', state.read('release-timestamp')!);
    expect(kept.signed.snapshotMeta.version).toBe(1);
  });
});

describe('freeze and expiry', () => {
  it.each(['timestamp', 'snapshot', 'targets', 'root'] as const)('refuses an expired %s', async (role) => {
    repository.days = { ...repository.days, [role]: 0 };
    repository.nowUtcMs = Date.now() - 1000;
    const expired = new SampleRepository();
    expired.nowUtcMs = repository.nowUtcMs;
    expired.days = repository.days;
    expired.forge(role, { expires: new Date(Date.now() - 1000).toISOString().replace(/\.\d+Z/, 'Z') });
    if (role === 'targets') expired.forge('snapshot', { meta: expired.describe('targets') });
    if (role === 'targets' || role === 'snapshot')
      expired.forge('timestamp', { meta: expired.describe('snapshot') });
    builtInRoot = expired.rootOctets;
    expect(await refresh(expired.source())).toBe('METADATA_EXPIRED');
  });

  it.each([
    ['timestamp', 15],
    ['snapshot', 31],
  ] as const)('goes by the latest time known for sure, whatever the clock says: %s', async (_, days) => {
    repository.days = { ...repository.days, timestamp: days === 15 ? 14 : 300 };
    repository.publish();
    expect(await refresh(repository.source(), Date.now() + (days - 3) * dayMs)).toBe(1);
    expect(await refresh(repository.source(), Date.now() + days * dayMs)).toBe('METADATA_EXPIRED');
  });

  it('a frozen repository is seen to expire, and takes a new timestamp', async () => {
    expect(await refresh()).toBe(1);
    const later = Date.now() + 20 * dayMs;
    expect(await refresh(repository.source(), later)).toBe('METADATA_EXPIRED');
    repository.nowUtcMs = later;
    repository.publish();
    expect(await refresh(repository.source(), later)).toBe(1);
  });
});

describe('mix and match', () => {
  it('refuses a snapshot that the timestamp does not name', async () => {
    repository.release('board-1', '1.1.0', new Uint8Array(10));
    repository.files.set('metadata/2.snapshot.json', repository.files.get('metadata/1.snapshot.json')!);
    expect(await refresh()).toBe('METADATA_MISMATCH');
  });

  it('refuses targets that the snapshot does not name', async () => {
    repository.release('board-1', '1.1.0', new Uint8Array(10));
    repository.files.set('metadata/2.targets.json', repository.files.get('metadata/1.targets.json')!);
    expect(await refresh()).toBe('METADATA_MISMATCH');
  });

  it('refuses targets of the right version and another content', async () => {
    repository.release('board-1', '1.1.0', new Uint8Array(10));
    repository.forge('targets', { targets: {} });
    expect(await refresh()).toBe('METADATA_MISMATCH');
  });

  it('refuses a file of another role in its place', async () => {
    repository.files.set('metadata/timestamp.json', repository.files.get('metadata/1.targets.json')!);
    expect(await refresh()).toBe('METADATA_INVALID');
  });
});

describe('signatures', () => {
  it.each(['timestamp', 'snapshot', 'targets'] as const)('refuses a %s of an unknown key', async (role) => {
    repository.forge(role, { version: 2 }, [testKey(role).signing]);
    if (role === 'targets')
      repository.forge('snapshot', { version: 2, meta: repository.describe('targets') });
    if (role !== 'timestamp')
      repository.forge('timestamp', { version: 2, meta: repository.describe('snapshot') });
    expect(await refresh()).toBe('METADATA_SIGNATURE');
  });

  it('refuses a timestamp signed by a key of another role', async () => {
    repository.forge('timestamp', { version: 2 }, [repository.keys.snapshot[0]!.signing]);
    expect(await refresh()).toBe('METADATA_SIGNATURE');
  });

  it.each(['timestamp', 'snapshot', 'targets'] as const)('refuses a %s without a signature', async (role) => {
    repository.forge(role, { version: 2 }, []);
    if (role === 'targets')
      repository.forge('snapshot', { version: 2, meta: repository.describe('targets') });
    if (role !== 'timestamp')
      repository.forge('timestamp', { version: 2, meta: repository.describe('snapshot') });
    expect(await refresh()).toBe('METADATA_SIGNATURE');
  });

  it('counts each key once, however often its signature is there', async () => {
    const strict = new SampleRepository({ timestamp: 2 });
    builtInRoot = strict.rootOctets;
    const [first] = strict.keys.timestamp;
    strict.forge('timestamp', { version: 2 }, [first!.signing]);
    expect(await refresh(strict.source())).toBe('METADATA_SIGNATURE');
    const twice = JSON.parse(Buffer.from(strict.files.get('metadata/timestamp.json')!).toString());
    twice.signatures.push(twice.signatures[0]);
    strict.files.set('metadata/timestamp.json', Buffer.from(JSON.stringify(twice)));
    expect(await refresh(strict.source())).toBe('METADATA_INVALID');
  });

  it('wants the threshold', async () => {
    const strict = new SampleRepository({ snapshot: 3, targets: 2 });
    builtInRoot = strict.rootOctets;
    expect(await refresh(strict.source())).toBe(1);
    const two = strict.keys.snapshot.slice(0, 2).map((one) => one.signing);
    strict.forge('snapshot', { version: 2 }, two);
    strict.forge('timestamp', { version: 2, meta: strict.describe('snapshot') });
    expect(await refresh(strict.source())).toBe('METADATA_SIGNATURE');
    expect(keptVersion('snapshot')).toBe(1);
  });

  it('refuses one bit of a signed file that was turned over', async () => {
    const octets = repository.files.get('metadata/timestamp.json')!;
    const at = Buffer.from(octets).indexOf('"version": 1') + '"version": '.length;
    octets[at] = octets[at]! ^ 3;
    expect(await refresh()).toBe('METADATA_SIGNATURE');
  });
});

describe('changes of root', () => {
  it('are followed one by one', async () => {
    for (let version = 2; version <= 5; version++) repository.rotate('root');
    expect(await refresh()).toBe(1);
    expect(keptVersion('root')).toBe(5);
  });

  it('need the signatures of the root before', async () => {
    const stranger = testKey('root');
    repository.changeRoot({ addKeys: [stranger.publicKey] });
    const draft = repository.state.drafts.root!;
    repository.state = { ...repository.state, drafts: {} };
    repository.forge('root', draft.signed.toJSON() as Record<string, unknown>, [stranger.signing]);
    expect(await refresh()).toBe('METADATA_SIGNATURE');
    expect(state.documents.has('release-timestamp')).toBe(false);
  });

  it('need the signatures of the new root too', async () => {
    const added = testKey('root');
    repository.changeRoot({ addKeys: [added.publicKey], thresholds: { root: 2 } });
    const fields = repository.state.drafts.root!.signed.toJSON() as Record<string, unknown>;
    repository.forge('root', fields, [repository.keys.root[0]!.signing]);
    expect(await refresh()).toBe('METADATA_SIGNATURE');
  });

  it.each(['timestamp', 'snapshot', 'targets'] as const)(
    'lets a %s key that was lost sign nothing any more',
    async (role) => {
      const lost = repository.keys[role][0]!.signing;
      repository.rotate(role);
      expect(await refresh()).toBeGreaterThanOrEqual(1);
      repository.forge(role, { version: 50 }, [lost]);
      if (role === 'targets')
        repository.forge('snapshot', { version: 50, meta: repository.describe('targets') });
      if (role !== 'timestamp')
        repository.forge('timestamp', { version: 50, meta: repository.describe('snapshot') });
      expect(await refresh()).toBe('METADATA_SIGNATURE');
    },
  );

  it('bring a repository back whose timestamp was driven to a huge version', async () => {
    repository.forge('timestamp', { version: 1_000_000 });
    expect(await refresh()).toBe(1);
    repository.forge('timestamp', { version: 2 });
    expect(await refresh()).toBe('METADATA_ROLLBACK');
    repository.rotate('timestamp');
    repository.forge('timestamp', { version: 3 });
    expect(await refresh()).toBe(1);
    expect(keptVersion('timestamp')).toBe(3);
  });

  it('bring a repository back whose snapshot was driven to a huge version', async () => {
    repository.forge('snapshot', { version: 99_999 });
    repository.forge('timestamp', { version: 2, meta: repository.describe('snapshot') });
    expect(await refresh()).toBe(1);
    repository.rotate('snapshot');
    repository.rotate('timestamp');
    repository.forge('snapshot', { version: 3 });
    repository.forge('timestamp', { version: 4, meta: repository.describe('snapshot') });
    expect(await refresh()).toBe(1);
    expect(keptVersion('snapshot')).toBe(3);
  });

  it('do not go on for ever', async () => {
    for (let version = 2; version < 72; version++) {
      repository.forge('root', { version });
    }
    await refresh();
    // 64 changes from version 1.
    expect(keptVersion('root')).toBe(65);
    await refresh();
    expect(keptVersion('root')).toBe(71);
  });
});

describe('what is no repository', () => {
  it.each(['timestamp.json', '1.snapshot.json', '1.targets.json'])(
    'without %s is unreachable',
    async (name) => {
      repository.files.delete(`metadata/${name}`);
      expect(await refresh()).toBe('UNREACHABLE');
    },
  );

  it.each(['', '{', 'null', '[]', '{"signed":[],"signatures":{}}', '\u0000\u0001\u0002'])(
    'is refused: a timestamp that says %j',
    async (text) => {
      repository.files.set('metadata/timestamp.json', Buffer.from(text));
      expect(await refresh()).toBe('METADATA_INVALID');
    },
  );

  it('is refused by size before it is read', async () => {
    repository.files.set('metadata/timestamp.json', Buffer.alloc(17 * 1024, ' '));
    expect(await refresh()).toBe('TOO_LONG');
  });

  it('leaves what was kept, so that the right one goes on', async () => {
    expect(await refresh()).toBe(1);
    repository.files.set('metadata/timestamp.json', Buffer.from('garbage'));
    expect(await refresh()).toBe('METADATA_INVALID');
    repository.publish();
    expect(await refresh()).toBe(1);
    expect(keptVersion('timestamp')).toBe(2);
  });
});
