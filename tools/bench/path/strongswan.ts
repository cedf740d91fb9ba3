/** strongSwan with kernel-libipsec: its own ESP in user space. */
import { randomBytes } from 'node:crypto';
import { sectionText } from '../../interop/strongswan/arena/settings-text.ts';
import type { Site } from '../../lab/topology-plan.ts';
import { startCharon, swanctl } from '../strongswan.ts';
import type { Entrant } from './contestant.ts';

const connection = 'path';

/** `proposal` as strongSwan writes it. */
export function strongswan(proposal: string): Entrant {
  return {
    name: `strongswan ${proposal}`,
    side: 'strongswan',
    start: async (stage) => {
      const [a, b] = stage.sites;
      const secret = randomBytes(32).toString('base64url');
      const asking = await startCharon(stage, a.name, configuration(a, b, proposal, secret));
      const asked = await startCharon(stage, b.name, configuration(b, a, proposal, secret));
      await swanctl(asking, '--initiate', '--child', connection, '--timeout', '30');
      return { pids: [asking.process.pid, asked.process.pid] };
    },
  };
}

function configuration(here: Site, there: Site, proposal: string, secret: string): string {
  return sectionText({
    connections: {
      [connection]: {
        version: 2,
        local_addrs: here.wanAddress,
        remote_addrs: there.wanAddress,
        proposals: 'aes128gcm16-prfsha256-x25519',
        local: { auth: 'psk', id: here.name },
        remote: { auth: 'psk', id: there.name },
        children: {
          [connection]: { local_ts: here.network, remote_ts: there.network, esp_proposals: proposal },
        },
      },
    },
    secrets: { 'ike-path': { secret: `"${secret}"` } },
  });
}
