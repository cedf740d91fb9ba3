import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCredential, writeFileAtomically } from '../../../host/platform/files.ts';

const folder = mkdtempSync(join(tmpdir(), 'sekisho-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

function credential(name: string, mode: number, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe('readCredential', () => {
  it('returns the octets of a file that only its owner can read', () => {
    const path = credential('good', 0o600, 'secret\n');
    expect(Buffer.from(readCredential(path)).toString()).toBe('secret\n');
  });

  it.each([0o640, 0o604, 0o620, 0o602, 0o644, 0o610])(
    'refuses a file of mode %o and names file and command',
    (mode) => {
      const path = credential(`exposed-${mode}`, mode, 'secret');
      expect(() => readCredential(path)).toThrow(
        expect.objectContaining({
          code: 'CREDENTIAL_EXPOSED',
          message: expect.stringContaining(`chmod 600 ${path}`),
        }),
      );
      expect(() => readCredential(path)).not.toThrow(/secret$/);
    },
  );

  it.each([
    ['a missing file', join(folder, 'missing')],
    ['a folder', folder],
    ['an empty file', credential('empty', 0o600, '')],
    ['a file of 64 KiB and one octet', credential('long', 0o600, 'x'.repeat(65537))],
  ])('refuses %s', (_what, path) => {
    expect(() => readCredential(path)).toThrow(expect.objectContaining({ code: 'CREDENTIAL_UNREADABLE' }));
  });
});

describe('writeFileAtomically', () => {
  it('replaces the content, sets the mode and leaves nothing beside it', () => {
    const place = mkdtempSync(join(folder, 'atomic-'));
    const path = join(place, 'settings');
    writeFileSync(path, 'old and much longer');
    writeFileAtomically(path, 'new', 0o640);
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(place)).toEqual(['settings']);
  });

  it('sets the mode whatever the umask is', () => {
    const path = join(mkdtempSync(join(folder, 'atomic-')), 'ca.crl');
    const before = process.umask(0o077);
    try {
      writeFileAtomically(path, 'a list', 0o644);
    } finally {
      process.umask(before);
    }
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it('leaves the old file and no draft when it fails', () => {
    const place = mkdtempSync(join(folder, 'atomic-'));
    const path = join(place, 'settings');
    // A folder that is not empty cannot be replaced by a file: the last step, the rename, fails.
    writeFileAtomically(join(place, 'other'), 'x');
    expect(() => writeFileAtomically(place, 'new')).toThrow();
    expect(() => readFileSync(path)).toThrow();
    expect(readdirSync(place)).toEqual(['other']);
    expect(readdirSync(folder).filter((name) => name.endsWith('.new'))).toEqual([]);
  });
});
