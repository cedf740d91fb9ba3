/** A cpio archive as another program reads it: busybox unpacks what a kernel would. */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type ArchiveEntry, archiveOf } from '../../../../tools/qemu-runner/archive.ts';
import { describeWith } from '../../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'sekisho-archive-'));
afterAll(() => rmSync(folder, { recursive: true }));

const entries: readonly ArchiveEntry[] = [
  { kind: 'folder', path: 'bin' },
  // Of every length that is filled up to four octets.
  ...[0, 1, 2, 3, 4, 5].map(
    (length): ArchiveEntry => ({
      kind: 'file',
      path: `bin/${'n'.repeat(length + 1)}`,
      content: Buffer.alloc(length, 0x61),
      executable: length % 2 === 1,
    }),
  ),
];

describeWith(['busybox'], 'an archive', () => {
  it('is unpacked as it was packed', () => {
    const { status, stderr } = spawnSync('busybox', ['cpio', '-i', '-d'], {
      cwd: folder,
      input: archiveOf(entries),
    });
    expect(`${status} ${stderr}`).toMatch(/^0 /);
    for (const entry of entries) {
      const path = join(folder, entry.path);
      if (entry.kind === 'file') {
        expect(readFileSync(path)).toEqual(Buffer.from(entry.content));
        expect(lstatSync(path).mode & 0o777).toBe(entry.executable ? 0o755 : 0o644);
      }
    }
  });

  it('is the same octets each time', () => {
    expect(archiveOf(entries)).toEqual(archiveOf(entries));
    expect(Buffer.from(archiveOf(entries)).toString('latin1')).not.toContain(folder);
  });
});
