/**
 * The engine trapped and was started anew. It has no SA and held packets are gone; what this router knew of it is
 * abandoned and reported, so that the server withdraws it at the peers, and asked for again. With several workers all their
 * engines are started anew.
 */
import type { Instant } from '../../model/instant.ts';
import { forget, startRequest } from './requesting.ts';
import type { SettingState } from './setting-state.ts';

/** Gives everything up, and asks again for what carried traffic. */
export function recoverEngine(state: SettingState, now: Instant): void {
  const requests = state.requests.all();
  const pairs = state.pairs.all();
  for (const request of requests) {
    forget(state, request);
    state.spiAllocator.release(request.spi);
    state.reports.deleted(request, now);
  }
  state.change({
    spd: state.entries,
    block: state.backOff.entries().map((entry) => ({ entry, selectors: state.backOff.selectors(entry) })),
  });
  const carried = pairs.filter(({ role }) => role === 'in use');
  for (const pair of pairs) {
    state.pairs.remove(pair);
    state.deadlines.clear(`renewal:${pair.spi}`);
    state.deadlines.clear(`hard-lifetime:${pair.spi}`);
    state.deadlines.clear(`path:${pair.spi}`);
    state.places.forget(pair.peer);
    state.spiAllocator.release(pair.spi);
    state.reports.deleted(pair, now);
  }
  state.sendReports(now);
  for (const { entry: name, kind, lane, selectors } of carried) {
    const entry = state.protectEntry(name);
    if (entry === undefined) continue;
    startRequest(
      state,
      { entry, cause: 'renewal', kind, lane, packet: null, startupId: null, scope: selectors },
      now,
    );
  }
}
