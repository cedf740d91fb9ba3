/** A repository of `sekisho release`, judged by the library under python-tuf; and that it judges at all. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith, securesystemslibPython } from '../requirements.ts';
import { SampleRepository, samplePayload } from '../unit/release/sample-repository.ts';

const script = new URL('./release_witness.py', import.meta.url).pathname;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-witness-'));
  const repository = new SampleRepository({ root: 2, targets: 2 });
  repository.release('board-1', '1.0.0', samplePayload(100_000));
  repository.release('board-2', '1.0.0-rc.1', samplePayload(1_200_000));
  repository.rotate('timestamp');
  repository.rotate('root');
  for (const [path, octets] of repository.files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), octets);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const judge = () => spawnSync(securesystemslibPython() ?? 'python3', [script, folder], { encoding: 'utf8' });

describeWith(['securesystemslib'], 'securesystemslib', () => {
  it('finds keys, signatures, changes of root and targets right', () => {
    const { stdout, stderr } = judge();
    expect(stderr).toBe('');
    // Three roots, each but the first signed for the one before as well, by two keys of two; two for targets, one and one.
    expect(JSON.parse(stdout)).toMatchObject({ roots: 3, targets: 4 });
    expect(JSON.parse(stdout).signatures).toBeGreaterThanOrEqual(2 + 4 + 4 + 4);
  });

  it.each(['timestamp.json', '3.root.json'])('finds a letter of %s changed', (name) => {
    const path = join(folder, 'metadata', name);
    const good = readFileSync(path, 'utf8');
    writeFileSync(path, good.replace('"expires": "2', '"expires": "3'));
    try {
      expect(judge().status).not.toBe(0);
    } finally {
      writeFileSync(path, good);
    }
  });
});
