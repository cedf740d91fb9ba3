/** The version that package.json carries, and when this software was made. */
import { readFileSync, statSync } from 'node:fs';
import { HostError } from './host-error.ts';
import type { UtcMs } from './trusted-time.ts';

const packageFolder = new URL('../../', import.meta.url);

/** Version of this software, as in `0.1.0`. */
export function softwareVersion(): string {
  const text = readFileSync(new URL('package.json', packageFolder), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}

/**
 * A time before which this software was not there: of its sources, as the build wrote it down (tools/build-firmware.ts). Where it
 * did not, the time of package.json, which whoever puts an image or an archive together sets to the same.
 *
 * @param folder that of package.json
 * @throws HostError PLATFORM when the build's word cannot be read
 */
export function buildUtcMs(folder = packageFolder): UtcMs {
  const file = new URL('build/build-time', folder);
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(file, String(cause));
    return Math.trunc(statSync(new URL('package.json', folder)).mtimeMs);
  }
  const utcMs = Date.parse(text);
  if (Number.isFinite(utcMs)) return utcMs;
  throw unreadable(file, 'expected a time as in 2026-11-27T11:37:02.000Z, found none');
}

function unreadable(file: URL, why: string): HostError {
  return new HostError('PLATFORM', `${file.pathname}: ${why}; build again with npm run build`);
}
