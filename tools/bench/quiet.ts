/** When processes that have just started are done with their rehearsals. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../host/model/host-error.ts';
import { cpuTimeMs } from '../lab/cpu-time.ts';

/** Rehearsals of the start are over when everybody together takes less of a processor than this. */
const quietShare = 0.08;
const lookMs = 1000;
const quietWithinMs = 120_000;

/** Returns when the processes are quiet. Throws HostError PLATFORM when that does not come. */
export async function untilQuiet(pids: readonly number[]): Promise<void> {
  const total = (): number => pids.reduce((sum, pid) => sum + cpuTimeMs(pid), 0);
  const deadline = performance.now() + quietWithinMs;
  for (let before = total(); performance.now() < deadline; ) {
    await sleep(lookMs);
    const now = total();
    if (now - before < quietShare * lookMs) return;
    before = now;
  }
  throw new HostError('PLATFORM', 'the rehearsals do not come to an end');
}
