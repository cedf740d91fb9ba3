/** `sekisho release` as people use it: keys in drawers, a repository, offline signatures, a change of root, a bundle. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sekisho } from '../../../host/cli/main.ts';
import { bundleFile } from '../../../host/platform/bundle-file.ts';
import { scratchFolder } from '../../../host/platform/scratch-folder.ts';
import { versionUp } from '../../../host/release/version-up.ts';
import { SimulatedDevice } from '../../fault/flash/simulated-device.ts';
import { describeWith } from '../../requirements.ts';
import { MemorySlots, MemoryState } from '../release/sample-repository.ts';

let folder: string;
const path = (...names: string[]): string => join(folder, ...names);
const payload = new Uint8Array(randomBytes(1_500_000));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-release-'));
  writeFileSync(path('passphrase'), 'correct horse battery\n', { mode: 0o600 });
  for (const version of ['1.0.0', '1.1.0']) {
    mkdirSync(path(version));
    writeFileSync(path(version, 'slot.squashfs'), payload);
    writeFileSync(path(version, 'manifest.json'), JSON.stringify({ board: 'b1', version }));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command and returns what it prints with --json. */
async function release(...args: string[]): Promise<Record<string, unknown>> {
  const printed: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  try {
    await sekisho().parseAsync(['release', ...args, '--json'], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return JSON.parse(printed.join(''));
}

async function key(role: string, name: string, isEncrypted = true): Promise<string> {
  const how = isEncrypted ? ['--passphrase-file', path('passphrase')] : ['--no-passphrase'];
  const { keyId } = await release('keygen', '--role', role, '--out', path(`${name}.pem`), ...how);
  return String(keyId);
}

const sign = (draft: string, name: string) =>
  release(
    'sign',
    path('r/drafts', `${draft}.json`),
    '--key',
    path(`${name}.pem`),
    '--passphrase-file',
    path('passphrase'),
  );
const publish = (...more: string[]) =>
  release(
    'publish',
    '--repository',
    path('r'),
    '--key',
    path('snapshot.pem'),
    '--key',
    path('timestamp.pem'),
    ...more,
  );

describe('a repository', () => {
  it('is made, signed offline and published', async () => {
    for (const name of ['root-1', 'root-2', 'targets']) await key(name.split('-')[0] ?? '', name);
    await key('snapshot', 'snapshot', false);
    await key('timestamp', 'timestamp', false);
    expect(statSync(path('root-1.pem')).mode & 0o777).toBe(0o600);
    const names = ['root-1', 'root-2', 'targets', 'snapshot', 'timestamp'].map((name) => path(`${name}.pub`));
    await release('init', ...names, '--repository', path('r'), '--threshold', 'root=2');
    await sign('root', 'root-1');
    const first = await publish('--board', 'b1', '--version', '1.0.0', '--image', path('1.0.0'));
    expect(first).toMatchObject({
      published: false,
      missing: [{ role: 'root', signatures: 1, threshold: 2 }],
    });
    expect(existsSync(path('r/metadata/timestamp.json'))).toBe(false);
    await sign('root', 'root-2');
    await sign('targets', 'targets');
    const files = ['1.root.json', '1.targets.json', '1.snapshot.json', 'timestamp.json'];
    expect(await publish()).toEqual({ published: true, files, missing: [] });
    expect(await release('status', '--repository', path('r'))).toMatchObject({
      releases: ['b1/1.0.0'],
      drafts: [],
    });
  });

  it('keeps the release before until the next one is signed', async () => {
    const before = readFileSync(path('r/metadata/timestamp.json'));
    const waiting = await publish('--board', 'b1', '--version', '1.1.0', '--image', path('1.1.0'));
    expect(waiting).toMatchObject({ published: false, missing: [{ role: 'targets', version: 2 }] });
    expect(readFileSync(path('r/metadata/timestamp.json'))).toEqual(before);
    await sign('targets', 'targets');
    await publish();
    expect(await release('status', '--repository', path('r'))).toMatchObject({
      releases: ['b1/1.0.0', 'b1/1.1.0'],
    });
  });

  it('gets new keys by a root that both the old and the new ones sign', async () => {
    const lost = await key('root', 'root-3');
    const old = JSON.parse(readFileSync(path('root-1.pub'), 'utf8')).keyid;
    const repository = ['--repository', path('r')];
    await release('root', ...repository, '--add', path('root-3.pub'), '--remove', old.slice(0, 8));
    await sign('root', 'root-3');
    await sign('root', 'root-2');
    expect(await publish()).toMatchObject({
      missing: [{ role: 'root', version: 2, signatures: 1, threshold: 2 }],
    });
    await sign('root', 'root-1');
    expect(await publish()).toMatchObject({ published: true, files: ['2.root.json', 'timestamp.json'] });
    const { keys } = await release('status', ...repository);
    expect((keys as { keyId: string }[]).map(({ keyId }) => keyId)).toContain(lost);
  });

  it('has what a removed key signed signed anew, before anything is in force', async () => {
    const old = JSON.parse(readFileSync(path('targets.pub'), 'utf8')).keyid;
    await key('targets', 'targets-2');
    const repository = ['--repository', path('r')];
    await release('root', ...repository, '--add', path('targets-2.pub'), '--remove', old);
    for (const name of ['root-2', 'root-3']) await sign('root', name);
    expect(await publish()).toMatchObject({ published: false, missing: [{ role: 'targets', version: 3 }] });
    expect(existsSync(path('r/metadata/3.root.json'))).toBe(false);
    await sign('targets', 'targets-2');
    const { files } = await publish();
    expect(files).toEqual(['3.root.json', '3.targets.json', '3.snapshot.json', 'timestamp.json']);
  });

  it('is what a router takes, out of a bundle, from the first root on', async () => {
    const bundle = path('b1.bundle');
    await release(
      'bundle',
      '--repository',
      path('r'),
      '--board',
      'b1',
      '--version',
      '1.1.0',
      '--out',
      bundle,
    );
    const device = new SimulatedDevice(4096, 512);
    const state = new MemoryState();
    const machine = {
      ...{
        board: 'b1',
        version: '1.0.0',
        bootId: 'this start',
        settingsSchema: 1,
        slots: new MemorySlots(device),
        state,
      },
      builtInRoot: readFileSync(path('r/metadata/1.root.json')),
      scratch: scratchFolder,
      nowUtcMs: Date.now,
      sleep: async () => undefined,
    };
    const source = bundleFile(bundle);
    expect(await versionUp(machine, { source }, () => undefined)).toMatchObject({
      ok: true,
      value: { version: '1.1.0' },
    });
    source.close();
    const hash = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
    expect(hash(device.flushed().subarray(0, payload.length))).toBe(hash(payload));
  });

  describeWith(['tar'], 'its bundle', () => {
    it('is unpacked by tar to the very files of the repository', () => {
      const out = path('unpacked');
      mkdirSync(out);
      expect(spawnSync('tar', ['-xf', path('b1.bundle'), '-C', out])).toMatchObject({ status: 0 });
      const files = (top: string): string[] =>
        readdirSync(top, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => relative(top, join(entry.parentPath, entry.name)));
      const unpacked = files(out);
      for (const file of unpacked)
        expect(readFileSync(join(out, file)), file).toEqual(readFileSync(path('r', file)));
      expect(unpacked).toEqual(expect.arrayContaining(['metadata/3.root.json', 'metadata/timestamp.json']));
      expect(unpacked.filter((file) => file.startsWith('targets/b1/1.1.0/'))).toHaveLength(2);
    });
  });

  it('takes a release away', async () => {
    await publish('--withdraw', 'b1/1.0.0');
    await sign('targets', 'targets-2');
    await publish();
    expect(await release('status', '--repository', path('r'))).toMatchObject({ releases: ['b1/1.1.0'] });
  });
});

describe('a mistake', () => {
  it.each([
    [
      'a key over another',
      ['keygen', '--role', 'root', '--out', 'root-1.pem', '--no-passphrase'],
      /never overwritten/,
    ],
    [
      'a role that there is not',
      ['keygen', '--role', 'boss', '--out', 'x.pem'],
      /root, targets, snapshot, timestamp/,
    ],
    ['no repository', ['status', '--repository', 'nowhere'], /release init/],
    ['a second init', ['init', 'root-1.pub', '--repository', 'r'], /release root/],
    ['too few keys', ['init', 'root-1.pub', '--repository', 'r2'], /role targets would have 0 keys/],
    [
      'a key of another role',
      ['sign', 'r/metadata/1.targets.json', '--key', 'snapshot.pem'],
      /key for snapshot/,
    ],
    ['no metadata', ['sign', 'passphrase', '--key', 'snapshot.pem'], /expected metadata/],
    ['no image', ['publish', '--repository', 'r', '--board', 'b1'], /all three/],
    [
      'the image of another version',
      ['publish', '--repository', 'r', '--board', 'b1', '--version', '9.0.0', '--image', '1.0.0'],
      /not of b1 9.0.0/,
    ],
    [
      'a withdrawal of nothing',
      ['publish', '--repository', 'r', '--withdraw', 'b1/7.7.7'],
      /no such release/,
    ],
    [
      'a bundle of nothing',
      ['bundle', '--repository', 'r', '--board', 'b1', '--version', '7.7.7', '--out', 'x'],
      /release status/,
    ],
    [
      'a removed key',
      ['publish', '--repository', 'r', '--key', 'targets.pem', '--passphrase-file', 'passphrase'],
      /no root names key/,
    ],
  ])('is refused with what to do: %s', async (_, args, message) => {
    const error = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const before = process.cwd();
    process.chdir(folder);
    try {
      await expect(release(...args)).rejects.toThrow(message);
    } finally {
      process.chdir(before);
      error.mockRestore();
    }
  });

  it('is another image under a version that is published', async () => {
    copyFileSync(path('passphrase'), path('1.1.0', 'slot.squashfs'));
    await expect(publish('--board', 'b1', '--version', '1.1.0', '--image', path('1.1.0'))).rejects.toThrow(
      /a version means one image/,
    );
    writeFileSync(path('wrong'), 'another\n', { mode: 0o600 });
    const args = [
      'sign',
      path('r/drafts/root.json'),
      '--key',
      path('root-2.pem'),
      '--passphrase-file',
      path('wrong'),
    ];
    copyFileSync(path('r/metadata/1.root.json'), path('r/drafts/root.json'));
    await expect(release(...args)).rejects.toThrow(/passphrase is wrong/);
  });
});

describeWith(['openssl'], 'a private key', () => {
  it('is read by OpenSSL with its passphrase, and not without', () => {
    const read = (passphrase: string) =>
      spawnSync(
        'openssl',
        ['pkey', '-in', path('root-2.pem'), '-noout', '-text', '-passin', `pass:${passphrase}`],
        { encoding: 'utf8' },
      );
    expect(read('correct horse battery').stdout).toContain('ED25519 Private-Key');
    expect(read('wrong').status).not.toBe(0);
  });
});
