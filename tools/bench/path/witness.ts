/** Counts in the internet between the routers, by nftables, what must not be there. Asks none of the contestants. */
import { applyRules, readCounters } from '../../lab/nft.ts';
import { internet } from '../../lab/topology-plan.ts';
import type { Stage } from '../stage.ts';

/** Octets of a packet on a real wire. */
const pathMtu = 1500;

const rules = `table ip path {
  counter cleartext { }
  counter oversize { }
  chain passing {
    type filter hook forward priority 0; policy accept;
    ip saddr 10.0.0.0/8 counter name cleartext
    ip daddr 10.0.0.0/8 counter name cleartext
    meta length > ${pathMtu} counter name oversize
  }
}
`;

export interface Sightings {
  /** Packets of the sites' own addresses. */
  readonly cleartext: number;
  /** Packets that no wire would carry; bundles, where they may cross. */
  readonly oversize: number;
}

export function watch({ place }: Stage): void {
  applyRules(place.name, internet, rules);
}

export function sightings({ place }: Stage): Sightings {
  const counters = readCounters(place.name, internet, 'ip', 'path');
  return { cleartext: counters.get('cleartext') ?? 0, oversize: counters.get('oversize') ?? 0 };
}
