/**
 * Request startup: the other router of a half-empty entry is told to ask, again and again, until it does or the tries are
 * used up; then the requester gets *no response*, with the server's word for the reason.
 */
import type { Instant } from '../../model/instant.ts';
import { intersectSelectorLists, mirrorPacket, mirrorSelector } from '../../model/selector.ts';
import { pairSetting } from '../distribution-policies/pair-setting.ts';
import type { Entry } from '../management-table/management-table.ts';
import type { Processing } from './processing.ts';
import { refuseEntry } from './refusal.ts';

/** Counts a try and tells the peer, if it has a channel; it may come up before the next try. */
export function startUp(processing: Processing, entry: Entry, now: Instant): void {
  entry.tries += 1;
  entry.repeatAt = now + processing.settings.startupIntervalMs;
  sendStartup(processing, entry);
}

/** The interval is over: another try, or no response. */
export function continueStartup(processing: Processing, entry: Entry, now: Instant): void {
  if (entry.tries < processing.settings.startupTries) {
    startUp(processing, entry, now);
    return;
  }
  const missing = entry.halves.find((half) => half.request === null)?.router ?? '';
  const reason = processing.routers.hasChannel(missing)
    ? `router ${missing} has not answered`
    : `router ${missing} has no channel to the setting server`;
  refuseEntry(processing, entry, 'no-response', reason, now);
}

/** Tells the router that lacks a half, without counting a try: its channel has just come up. */
export function sendStartup(processing: Processing, entry: Entry): void {
  const missing = entry.halves.find((half) => half.request === null);
  const asking = entry.halves.find((half) => half.request !== null);
  if (missing === undefined || asking?.request == null) return;
  if (!processing.routers.hasChannel(missing.router)) return;
  const setting = pairSetting(processing.policies, asking.router, missing.router, entry.kind);
  if (setting === undefined) return;
  const asked = intersectSelectorLists(asking.request.selectors, setting.selectors);
  processing.out.send({
    type: 'request-startup',
    id: entry.key,
    source: missing.router,
    peer: asking.router,
    kind: entry.kind,
    lane: entry.lane,
    selectors: asked.map(mirrorSelector),
    packet: asking.request.packet === null ? null : mirrorPacket(asking.request.packet),
  });
  processing.out.audit(
    'started-up',
    { router: missing.router, peer: asking.router, kind: entry.kind },
    `try ${entry.tries} of ${processing.settings.startupTries}`,
  );
}
