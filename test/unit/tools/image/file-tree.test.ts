/** Files on their way into an image: order and modes come from the tree, whatever this machine's umask. */
import { mkdtempSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FileTree } from '../../../../tools/image/file-tree.ts';

function sample(): FileTree {
  const tree = new FileTree();
  tree.addFile('usr/bin/tool', 'x', true);
  tree.addFile('etc/board', 'y');
  tree.add('bin', { kind: 'link', target: 'usr/bin' });
  return tree;
}

it('lists folders before what is in them, in the order of paths', () => {
  expect(
    sample()
      .entries()
      .map(([path]) => path),
  ).toEqual(['bin', 'etc', 'etc/board', 'usr', 'usr/bin', 'usr/bin/tool']);
});

it('writes modes that do not depend on the umask', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-tree-'));
  const before = process.umask(0o077);
  try {
    sample().writeTo(join(folder, 'root'));
    const mode = (path: string) => (statSync(join(folder, 'root', path)).mode & 0o7777).toString(8);
    expect([mode('.'), mode('etc'), mode('etc/board'), mode('usr/bin/tool')]).toEqual([
      '755',
      '755',
      '644',
      '755',
    ]);
    expect(readlinkSync(join(folder, 'root/bin'))).toBe('usr/bin');
  } finally {
    process.umask(before);
    rmSync(folder, { recursive: true });
  }
});

it('refuses one file twice, and links where there is no form for them', () => {
  const tree = sample();
  expect(() => tree.addFile('etc/board', 'z')).toThrow('etc/board is put into the image twice');
  expect(() => tree.archiveEntries()).toThrow('bin: no links in a first file system');
});
