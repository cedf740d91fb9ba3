/** Our routers, as they ship, with one policy for all and a proposal of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../../host/model/host-error.ts';
import { cpuTimeMs } from '../../lab/cpu-time.ts';
import { Fleet } from '../../lab/fleet.ts';
import { ping } from '../../lab/traffic.ts';
import type { Entrant } from './contestant.ts';

const quietShare = 0.1;
const quietLookMs = 1000;
const quietWithinMs = 120_000;

/** `proposal` as policies write it. */
export function sekisho(proposal: string): Entrant {
  return {
    name: `sekisho ${proposal}`,
    side: 'ours',
    start: async (stage) => {
      const { place, processes, plan, sites } = stage;
      const options = { saveKeys: undefined, protocol: 'esp', proposal } as const;
      const fleet = new Fleet(place, processes, plan, options, () => undefined);
      await fleet.startAll('open');
      const pids = sites.map(({ name }) => fleet.pidOf(name));
      await untilQuiet([...pids, fleet.pidOf('server')]);
      const { milliseconds } = await ping(processes, sites[0], sites[1].hostAddress);
      if (milliseconds === undefined) throw new HostError('PLATFORM', `no way through sekisho ${proposal}`);
      return { pids, letGo: () => fleet.letGo() };
    },
  };
}

/** Returns when the rehearsals of the start are over. */
export async function untilQuiet(pids: readonly number[]): Promise<void> {
  const total = (): number => pids.reduce((sum, pid) => sum + cpuTimeMs(pid), 0);
  const deadline = performance.now() + quietWithinMs;
  for (let before = total(); performance.now() < deadline; ) {
    await sleep(quietLookMs);
    const now = total();
    if (now - before < quietShare * quietLookMs) return;
    before = now;
  }
  throw new HostError('PLATFORM', 'the rehearsals do not come to an end');
}
