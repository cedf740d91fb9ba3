/**
 * The server takes SAs and requests back: after a policy change, when an end restarted, when one end never got its half.
 * Traffic afterwards acquires anew.
 */
import type { Withdraw } from '../../messages/message.ts';
import type { Instant } from '../../model/instant.ts';
import { blocksOf, isPathDoubtful, leaveHeld, noteNoPath } from './path.ts';
import { removePairs } from './renewal.ts';
import { failRequest, forget, planRenewalRetry, startOver } from './requesting.ts';
import type { SettingState } from './setting-state.ts';

/** Removes what the server names, answers in any case, and asks anew for packets that wait. */
export function withdraw(state: SettingState, message: Withdraw, now: Instant): void {
  const pairs = message.ids.flatMap((id) => state.pairs.withId(id) ?? []);
  const requests = message.ids.flatMap((id) => state.requests.find(id) ?? []);
  for (const pair of pairs) {
    state.log('info', 'withdrawn', pair, `kind ${pair.kind}, id ${pair.id}: ${message.reason}`);
  }
  for (const id of message.ids) state.reports.acknowledge(id);
  const unheard = pairs.filter((pair) => isPathDoubtful(state, pair));
  for (const pair of unheard) noteNoPath(state, pair, message.reason, now);
  const extra = unheard.length === 0 ? {} : { block: unheard.flatMap((pair) => blocksOf(state, pair)) };
  removePairs(state, pairs, extra, { report: false }, now);
  for (const pair of unheard) leaveHeld(state, pair);
  state.sendReports(now);
  const { id, peer, kind } = message;
  state.send({ type: 'withdrawn', id, source: state.name, peer, kind });
  for (const request of requests) {
    state.log('info', 'withdrawn', request, `id ${request.id}: ${message.reason}`);
    // Whoever waits for a packet asks anew: the server's policies may be other ones now.
    if (request.packet !== null && startOver(state, request, { avoid: new Set(), isOver: true }, now))
      continue;
    if (request.packet !== null) {
      failRequest(state, request, 'withdrawn', message.reason, undefined, now);
      continue;
    }
    forget(state, request);
    state.spiAllocator.release(request.spi);
    state.change({ release: [request.spi] });
    planRenewalRetry(state, request, now);
    if (request.absorbed) state.releaseHeld(request.entry, request.lane);
  }
}
