/**
 * The life of an installed pair: when new SAs are asked for in its place, when a newer pair takes its traffic over, when
 * it ends. Make before break, DESIGN.md section 5 "Renewal": nothing here removes a pair that still may carry packets.
 */
import type { TableChange } from '../../dataplane/engine.ts';
import type { Instant } from '../../model/instant.ts';
import type { Spi } from '../../model/security-association.ts';
import type { InstalledPair } from './pairs.ts';
import type { DeletionReport } from './reports.ts';
import { planRenewalRetry, startRequest } from './requesting.ts';
import { formatSpi, type SettingState } from './setting-state.ts';

/** Asks for new SAs in place of `pair`, unless it is old, or others are asked for or installed already. */
export function renew(state: SettingState, pair: InstalledPair, now: Instant): void {
  pair.isDue = true;
  const entry = state.protectEntry(pair.entry);
  if (entry === undefined || pair.role !== 'in use') return;
  if (state.pairs.newestWaiting(pair.entry, pair.kind, pair.lane) !== undefined) return;
  if (state.requests.ofKind(pair.entry, pair.kind, pair.lane).length > 0) return;
  state.deadlines.clear(renewalKey(pair));
  startRequest(
    state,
    {
      entry,
      cause: 'renewal',
      kind: pair.kind,
      lane: pair.lane,
      packet: null,
      startupId: null,
      scope: pair.selectors,
    },
    now,
  );
}

/** Moves outbound traffic to `pair` if it is newer than what carries it now. */
export function takeOver(state: SettingState, pair: InstalledPair, why: string, now: Instant): void {
  const before = state.pairs.inUse(pair.entry, pair.kind, pair.lane);
  if (!state.pairs.takeOver(pair)) return;
  state.change({ use: [pair.spi] });
  afterTakeOver(state, pair, before, why, now);
}

function afterTakeOver(
  state: SettingState,
  pair: InstalledPair,
  before: InstalledPair | undefined,
  why: string,
  now: Instant,
): void {
  if (before !== undefined) state.deadlines.clear(renewalKey(before));
  else state.releaseHeld(pair.entry, pair.lane);
  state.log('info', 'in use', pair, `kind ${pair.kind}, SPI ${formatSpi(pair.spi)}, ${why}`);
  // Its soft lifetime may have passed while it waited.
  if (pair.isDue) renew(state, pair, now);
}

/**
 * Removes `pairs`, and lets the newest that waits take over where one of them carried traffic. `extra` is carried out in
 * the same change. Reports go out for pairs that end before their time.
 */
export function removePairs(
  state: SettingState,
  pairs: readonly InstalledPair[],
  extra: TableChange,
  options: { readonly report: DeletionReport | false },
  now: Instant,
): void {
  for (const pair of pairs) {
    state.pairs.remove(pair);
    state.deadlines.clear(renewalKey(pair));
    state.deadlines.clear(hardKey(pair));
    state.deadlines.clear(pathKey(pair));
    state.spiAllocator.release(pair.spi);
    if (!state.pairs.hasPeer(pair.peer)) state.places.forget(pair.peer);
    if (options.report !== false) state.reports.deleted(pair, now, options.report);
  }
  const heirs: InstalledPair[] = [];
  for (const pair of pairs) {
    if (pair.role === 'in use') {
      const heir = state.pairs.newestWaiting(pair.entry, pair.kind, pair.lane);
      if (heir !== undefined && state.pairs.takeOver(heir)) heirs.push(heir);
    } else if (pair.role === 'waiting') {
      planRenewalRetry(state, pair, now);
    }
  }
  const change: TableChange = {
    ...extra,
    ...(pairs.length === 0 ? {} : { remove: pairs.map(({ spi }) => spi) }),
    ...(heirs.length === 0 ? {} : { use: heirs.map(({ spi }) => spi) }),
  };
  if (Object.keys(change).length > 0) state.change(change);
  for (const heir of heirs) afterTakeOver(state, heir, undefined, 'the pair before it is gone', now);
  if (options.report !== false) state.sendReports(now);
}

/** `pair` reached its hard lifetime; `isEarly` when it was by octets or packets, of which the server does not know. */
export function expire(state: SettingState, pair: InstalledPair, isEarly: boolean, now: Instant): void {
  state.log('info', 'expired', pair, `kind ${pair.kind}, SPI ${formatSpi(pair.spi)}`);
  removePairs(state, [pair], {}, { report: isEarly ? 'sa-deleted' : false }, now);
}

/** Plans the end of a new pair, whether or not there is traffic. */
export function planExpiry(state: SettingState, pair: InstalledPair): void {
  state.deadlines.set(hardKey(pair), pair.hardAt, { kind: 'hard-lifetime', spi: pair.spi });
}

/** The timer of a renewal fired. */
export function renewalDue(state: SettingState, spi: Spi, now: Instant): void {
  const pair = state.pairs.withSpi(spi);
  if (pair !== undefined) renew(state, pair, now);
}

function renewalKey(pair: InstalledPair): string {
  return `renewal:${pair.spi}`;
}

export function pathKey(pair: InstalledPair): string {
  return `path:${pair.spi}`;
}

function hardKey(pair: InstalledPair): string {
  return `hard-lifetime:${pair.spi}`;
}
