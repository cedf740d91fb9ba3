import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildUtcMs, softwareVersion } from '../../../host/model/software-version.ts';

let path: string;
const folder = (): URL => pathToFileURL(`${path}/`);
const packedUtcMs = Date.UTC(1985, 9, 26, 8, 15);

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'sekisho-build-'));
  mkdirSync(join(path, 'build'));
  writeFileSync(join(path, 'package.json'), '{}');
  utimesSync(join(path, 'package.json'), packedUtcMs / 1000, packedUtcMs / 1000);
});
afterEach(() => rmSync(path, { recursive: true }));

describe('the time before which this software was not there', () => {
  it('is what the build has written down, whatever time the files have', () => {
    writeFileSync(join(path, 'build/build-time'), '2026-11-27T11:37:02.000Z\n');
    expect(buildUtcMs(folder())).toBe(Date.UTC(2026, 10, 27, 11, 37, 2));
  });

  it('is that of package.json where it has not: npm sets one of its own, an image that of its sources', () => {
    expect(buildUtcMs(folder())).toBe(packedUtcMs);
  });

  it('is no time at all when the build has written nonsense: better not to start', () => {
    writeFileSync(join(path, 'build/build-time'), 'yesterday\n');
    expect(() => buildUtcMs(folder())).toThrow(
      /build-time: expected a time as in .* found none; build again/,
    );
  });

  it('is there for this very software', () => {
    expect(buildUtcMs()).toBeGreaterThan(Date.UTC(2026, 0, 1));
    expect(buildUtcMs()).toBeLessThan(Date.now());
    expect(softwareVersion()).toMatch(/^\d+\.\d+\.\d+/);
  });
});
