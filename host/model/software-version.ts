/** The version that package.json carries, and when this software was put together. */
import { readFileSync, statSync } from 'node:fs';
import type { UtcMs } from './trusted-time.ts';

const manifest = new URL('../../package.json', import.meta.url);

/** Version of this software, as in `0.1.0`. */
export function softwareVersion(): string {
  const text = readFileSync(manifest, 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}

/** A time before which this software was not there: that of its manifest. */
export function buildUtcMs(): UtcMs {
  return Math.trunc(statSync(manifest).mtimeMs);
}
