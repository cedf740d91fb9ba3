/**
 * A pair that only sends: its peer is gone, or nothing gets through any more. It is taken back at both ends, and the next
 * packet asks for new SAs, which either come and show that there is a path, or end in the server's word for what is wrong.
 */
import type { Instant } from '../../model/instant.ts';
import type { InstalledPair } from './pairs.ts';
import { removePairs } from './renewal.ts';
import { formatSpi, type SettingState } from './setting-state.ts';

/** The packet loop says that nothing comes through the pair while packets go out. */
export function giveUpUnanswered(state: SettingState, pair: InstalledPair, now: Instant): void {
  // Without the server no new SAs can be had, and packets may still arrive that only the answers of get lost.
  if (!state.channelIsUp) return;
  const detail = `nothing comes from ${pair.peer} through SA ${formatSpi(pair.spi)} any more, while packets go out: it is taken back`;
  state.log('warn', 'failed', pair, `no response: ${detail}`);
  state.failures.set(pair.entry, { failure: 'no response', detail, at: now });
  removePairs(state, [pair], {}, { report: 'unanswered' }, now);
}
