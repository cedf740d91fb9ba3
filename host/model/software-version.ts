/** The version that package.json carries. */
import { readFileSync } from 'node:fs';

/** Version of this software, as in `0.1.0`. */
export function softwareVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
