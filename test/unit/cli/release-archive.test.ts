/** Bundles next to another tar: what is written is what it unpacks, and what it packs is read. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeArchive } from '../../../host/cli/release-archive.ts';
import { bundleFile } from '../../../host/platform/bundle-file.ts';
import { describeWith } from '../../requirements.ts';

/** Of every length around a block, and with a path that has to be cut in two. */
const files = new Map([
  ['metadata/empty', 0],
  ['metadata/one', 1],
  ['targets/block-less-one', 511],
  ['targets/block', 512],
  ['targets/block-and-one', 513],
  [`targets/${'board-of-a-long-name/'.repeat(3)}1.0.0/${'ab'.repeat(32)}.slot.squashfs`, 70_000],
]);
const writtenAt = 1_700_000_000;
let folder: string;
const path = (...names: string[]): string => join(folder, ...names);
const contentOf = (file: string): Uint8Array => readFileSync(path('repository', file));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-archive-'));
  for (const [file, octets] of files) {
    const place = path('repository', file);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(
      place,
      Uint8Array.from({ length: octets }, (_, at) => at * 7 + octets),
    );
    utimesSync(place, writtenAt, writtenAt);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tar = (...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync('tar', args, { encoding: 'utf8' });
  if (status !== 0 || stderr !== '') throw new Error(`tar ${args.join(' ')}: ${stderr}`);
  return stdout;
};

describeWith(['tar'], 'an archive of a release', () => {
  it('is listed and unpacked by tar: every path, octet and time', () => {
    const archive = path('ours.tar');
    const written = writeArchive(archive, path('repository'), [...files.keys()]);
    expect(statSync(archive).size).toBe(written);
    expect(tar('-tf', archive).trim().split('\n')).toEqual([...files.keys()]);
    mkdirSync(path('unpacked'));
    tar('-xf', archive, '-C', path('unpacked'));
    for (const file of files.keys()) {
      expect(readFileSync(path('unpacked', file)), file).toEqual(contentOf(file));
      expect(statSync(path('unpacked', file)).mtimeMs).toBe(writtenAt * 1000);
    }
  });

  it('is read where tar has packed it', async () => {
    const archive = path('theirs.tar');
    tar('--format=ustar', '-cf', archive, '-C', path('repository'), ...files.keys());
    const source = bundleFile(archive);
    for (const file of files.keys())
      expect(Buffer.from((await source.file(file, 1e6)) ?? []).equals(contentOf(file)), file).toBe(true);
    source.close();
  });
});
