/**
 * This router moved. Its SAs go on as they are: each peer with SAs in UDP is shown the new place by a packet of them, and all
 * peers are told by the server. AH covers the address that was left, so its SAs are asked for anew.
 */
import type { Instant } from '../../model/instant.ts';
import type { InstalledPair } from './pairs.ts';
import { checksPath, showPlace } from './path.ts';
import { removePairs } from './renewal.ts';
import type { SettingState } from './setting-state.ts';

/** Its own address (`ownAddress`), or what a NAT makes of it, is another one now. */
export function moveOwn(state: SettingState, ownAddress: boolean, now: Instant): void {
  const shown = new Set<string>();
  const bound: InstalledPair[] = [];
  for (const pair of state.pairs.all()) {
    if (pair.protocol === 'ah') {
      if (ownAddress) bound.push(pair);
    } else if (checksPath(pair) && pair.role !== 'old' && !shown.has(pair.peer)) {
      shown.add(pair.peer);
      showPlace(state, pair, now);
    }
  }
  removePairs(state, bound, {}, { report: 'sa-deleted' }, now);
}
