/** The kernel's forwarding without any IPsec: what the network itself costs. */
import { insideNamespace, namespacePrefix, runCommand } from '../../lab/namespaces.ts';
import { internet } from '../../lab/topology-plan.ts';
import type { Entrant } from './contestant.ts';

export const plain: Entrant = {
  name: 'plain forwarding',
  side: null,
  start: async ({ place, sites }) => {
    const lines = sites.map(({ network, wanAddress }) => `route add ${network} via ${wanAddress}`);
    const namespace = namespacePrefix(place.name) + internet;
    runCommand(insideNamespace(namespace, ['ip', '-batch', '-']), lines.join('\n'));
    return { pids: [] };
  },
};
