/**
 * An edited SPD. Entries that did not change keep their SAs and requests, wherever they stand in the order now; what
 * belonged to the others is removed and reported, so that the server withdraws it at the peers.
 */
import type { Instant } from '../../model/instant.ts';
import type { SpdEntry } from '../../model/policy.ts';
import { equalSelectors } from '../../model/selector.ts';
import { removePairs } from './renewal.ts';
import { forget, planUnblock } from './requesting.ts';
import type { SettingState } from './setting-state.ts';

/** Replaces the SPD; the engine gets it in one change with what it makes obsolete. */
export function applySpd(state: SettingState, entries: readonly SpdEntry[], now: Instant): void {
  const next = new Map(entries.map((entry) => [entry.name, entry]));
  const gone = state.entries
    .filter((entry) => !isSameEntry(entry, next.get(entry.name)))
    .map(({ name }) => name);
  const requests = gone.flatMap((entry) => state.requests.ofEntry(entry));
  const pairs = gone.flatMap((entry) => state.pairs.ofEntry(entry));
  state.replaceEntries(entries);
  for (const request of requests) {
    forget(state, request);
    state.spiAllocator.release(request.spi);
    state.reports.deleted(request, now);
  }
  for (const entry of gone) {
    state.backOff.forget(entry);
    state.failures.delete(entry);
    planUnblock(state, entry);
  }
  const replaced = gone.filter((entry) => next.has(entry));
  removePairs(
    state,
    pairs,
    {
      spd: entries,
      ...(requests.length === 0 ? {} : { release: requests.map(({ spi }) => spi) }),
      ...(replaced.length === 0 ? {} : { block: replaced.map((entry) => ({ entry, selectors: [] })) }),
    },
    { report: 'sa-deleted' },
    now,
  );
  // Packets that waited for one of them go through the new SPD.
  for (const entry of gone) state.releaseHeld(entry);
}

function isSameEntry(a: SpdEntry, b: SpdEntry | undefined): boolean {
  return (
    b !== undefined &&
    a.action === b.action &&
    a.requestPeer === b.requestPeer &&
    a.selectors.length === b.selectors.length &&
    a.selectors.every((selector, index) => {
      const other = b.selectors[index];
      return other !== undefined && equalSelectors(selector, other);
    })
  );
}
