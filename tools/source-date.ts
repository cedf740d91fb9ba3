/**
 * When the sources were made: what SOURCE_DATE_EPOCH says (reproducible-builds.org), or the time of the last commit. Never the
 * time of the build, so that building twice gives the same.
 */
import { spawnSync } from 'node:child_process';

/** Milliseconds since 1970-01-01 UTC, whole seconds; undefined where neither is known, as in an unpacked archive. */
export function sourceDateMs(root: string, environment: NodeJS.ProcessEnv = process.env): number | undefined {
  const given = environment.SOURCE_DATE_EPOCH;
  if (given !== undefined && given !== '') {
    if (!/^\d{1,11}$/.test(given)) {
      throw new Error(`SOURCE_DATE_EPOCH: expected seconds since 1970, found ${JSON.stringify(given)}`);
    }
    return Number(given) * 1000;
  }
  const { stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' });
  return /^\d+\n$/.test(stdout ?? '') ? Number(stdout) * 1000 : undefined;
}
