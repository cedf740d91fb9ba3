/** The sign of life: there while all is well, older when it is not, and never without its content. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { bootTimeMs } from '../../../host/platform/clock.ts';
import { startHeartbeat } from '../../../host/platform/heartbeat.ts';

const folder = mkdtempSync(join(tmpdir(), 'sekisho-heartbeat-'));
const file = join(folder, 'heartbeat');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(file, { force: true });
});

it('is the time since the machine started, again every five seconds', async () => {
  const stop = startHeartbeat(file, () => Promise.resolve());
  await vi.advanceTimersByTimeAsync(0);
  const first = Number(readFileSync(file, 'utf8'));
  expect(Math.abs(first - bootTimeMs() / 1000)).toBeLessThan(5);
  rmSync(file);
  await vi.advanceTimersByTimeAsync(5000);
  expect(existsSync(file)).toBe(true);
  stop();
  rmSync(file);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(existsSync(file)).toBe(false);
});

it('is not there when nothing is well', async () => {
  const stop = startHeartbeat(file, () => Promise.reject(new Error('no answer')));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(existsSync(file)).toBe(false);
  stop();
});
