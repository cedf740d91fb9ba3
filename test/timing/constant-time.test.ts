/** The firmware's ciphers under the instrument of tools/constant-time, which in the same run has to find what is planted for it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../tools/constant-time/report.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, ['tools/constant-time/main.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 115_000,
  });
}

describe('the constant-time test', () => {
  let folder = '';
  let status: number | null = null;
  let output = '';
  let report: Report;

  // Twenty seconds or so for all subjects; the planted leaks are found in hundredths of one.
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'constant-time-'));
    const json = join(folder, 'report.json');
    const child = run('--seconds', '0.6', '--json', json);
    status = child.status;
    output = `${child.stdout}${child.stderr}`;
    report = JSON.parse(readFileSync(json, 'utf8')) as Report;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('finds every planted leak', () => {
    expect(report.planted.length).toBeGreaterThanOrEqual(4);
    expect(report.planted.filter((one) => !one.leaks)).toEqual([]);
  });

  it('finds none in the firmware', () => {
    expect(report.firmware.length).toBeGreaterThanOrEqual(20);
    expect(report.firmware.filter((one) => one.leaks)).toEqual([]);
  });

  it('has enough samples of each to say so', () => {
    expect(report.firmware.filter((one) => one.samples < 4096)).toEqual([]);
  });

  it('says so by its status', () => {
    expect(status, output).toBe(0);
  });
});

describe('its arguments', () => {
  it('are refused with status 2 and what was expected', () => {
    const unknown = run('rot13');
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toMatch(/a part of one of these names, found "rot13":\n {2}equal/);
    for (const seconds of ['0', 'soon']) {
      const wrong = run(`--seconds=${seconds}`);
      expect(wrong.status).toBe(2);
      expect(wrong.stderr).toMatch('--seconds: expected a number above 0');
    }
    expect(run('--json').status).toBe(2);
    expect(run('--fast').status).toBe(2);
  });

  it('are explained', () => {
    const help = run('--help');
    expect(help.status).toBe(0);
    expect(help.stdout).toMatch('npm run constant-time -- ');
  });
});
