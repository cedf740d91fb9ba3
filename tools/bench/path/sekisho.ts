/** Our routers, as they ship, with one policy for all and a proposal of its own. */
import { HostError } from '../../../host/model/host-error.ts';
import type { Encapsulation } from '../../../host/model/security-association.ts';
import { Fleet } from '../../lab/fleet.ts';
import { ping } from '../../lab/traffic.ts';
import { untilQuiet } from '../quiet.ts';
import type { Entrant } from './contestant.ts';

/**
 * Encapsulated in UDP as all the others are, if it is not asked for raw.
 *
 * @param proposal as policies write it
 */
export function sekisho(proposal: string, encapsulation: Encapsulation = 'udp'): Entrant {
  return {
    name: `sekisho ${proposal}${encapsulation === 'raw' ? ' raw' : ''}`,
    side: 'ours',
    start: async (stage) => {
      const { place, processes, plan, sites } = stage;
      const options = { saveKeys: undefined, protocol: 'esp', proposal, encapsulation } as const;
      const fleet = new Fleet(place, processes, plan, options, () => undefined);
      await fleet.startAll('open');
      const pids = sites.map(({ name }) => fleet.pidOf(name));
      await untilQuiet([...pids, fleet.pidOf('server')]);
      const { milliseconds } = await ping(processes, sites[0], sites[1].hostAddress);
      if (milliseconds === undefined) throw new HostError('PLATFORM', `no way through sekisho ${proposal}`);
      const controlSockets = sites.map((site) => fleet.routerSocket(site));
      return { pids, controlSockets, letGo: () => fleet.letGo() };
    },
  };
}
