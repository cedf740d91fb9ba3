import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sourceDateMs } from '../../../tools/source-date.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-source-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the date of the sources', () => {
  it('is what SOURCE_DATE_EPOCH says', () => {
    expect(sourceDateMs(folder, { SOURCE_DATE_EPOCH: '1764243422' })).toBe(1_764_243_422_000);
    expect(() => sourceDateMs(folder, { SOURCE_DATE_EPOCH: 'now' })).toThrow(
      'SOURCE_DATE_EPOCH: expected seconds since 1970, found "now"',
    );
  });

  it('is that of the last commit otherwise, and unknown without one', () => {
    expect(sourceDateMs(folder, {})).toBeUndefined();
    const git = (...args: string[]): void => {
      const env = { ...process.env, GIT_COMMITTER_DATE: '2026-11-27T11:37:02Z' };
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.example', ...args], {
        cwd: folder,
        env,
      });
    };
    git('init', '--quiet');
    git('commit', '--quiet', '--allow-empty', '-m', 'one');
    expect(sourceDateMs(folder, {})).toBe(Date.UTC(2026, 10, 27, 11, 37, 2));
  });
});
