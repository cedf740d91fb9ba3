/**
 * A request startup: the server tells this router to ask, because the peer did. It is followed where the SPD has an entry
 * for it, and reported where not. A late duplicate of one that was answered starts nothing.
 */
import type { RequestStartup } from '../../messages/message.ts';
import type { Instant } from '../../model/instant.ts';
import type { SpdEntry } from '../../model/policy.ts';
import { anySelectorMatches, intersectSelectorLists, selectorContains } from '../../model/selector.ts';
import type { SettingRequest } from './request.ts';
import { ask, echo, startRequest } from './requesting.ts';
import type { SettingState } from './setting-state.ts';

/** A request that echoed a startup turned out to be for `kind`: is the startup still to be followed? */
export function settleEcho(state: SettingState, request: SettingRequest, kind: string, now: Instant): void {
  const { echoed } = request;
  if (echoed === null) return;
  request.echoed = null;
  if (echoed.kind === kind) state.rememberStartup(echoed.id);
  else followStartup(state, echoed, now);
}

/** Asks as told, by the request already under way if there is one that means the same. */
export function followStartup(state: SettingState, startup: RequestStartup, now: Instant): void {
  const matching = entriesFor(state, startup);
  const meantBy = ({ name }: SpdEntry) => state.requests.meantBy(name, startup);
  const asking = matching.find((entry) => meantBy(entry) !== undefined);
  const underWay = asking === undefined ? undefined : meantBy(asking);
  if (underWay !== undefined) {
    if (underWay.packet !== null) {
      // Its kind stays the server's to say: the packet may be of one that goes before the startup's.
      echo(state, underWay, startup);
      return;
    }
    underWay.startupId = startup.id;
    if (state.channelIsUp) ask(state, underWay, now);
    return;
  }
  if (state.hasAnsweredStartup(startup.id)) {
    state.ignore('startup that was answered before', startup.peer, now);
    return;
  }
  const [chosen] = matching;
  const entry = chosen === undefined ? undefined : state.protectEntry(chosen.name);
  if (entry === undefined) {
    state.send(state.reports.noSpdEntry(startup));
    state.log(
      'warn',
      'reported',
      { entry: '', peer: startup.peer },
      `no SPD entry for a startup of kind ${startup.kind}, id ${startup.id}`,
    );
    return;
  }
  startRequest(
    state,
    {
      entry,
      cause: 'startup',
      kind: startup.kind,
      lane: startup.lane,
      packet: null,
      startupId: startup.id,
      scope: intersectSelectorLists(startup.selectors, entry.selectors),
    },
    now,
  );
}

/**
 * The SPD entries that a startup is for, the likeliest first. The peer's packet decides: the first entry for this peer that it
 * matches, and no other, since SAs of another one would not take it. A renewal has no packet; it is for the entry whose
 * SAs are renewed, which are those with the selectors that the startup names.
 */
function entriesFor(state: SettingState, startup: RequestStartup): SpdEntry[] {
  const { peer, packet, kind, lane, selectors } = startup;
  if (packet !== null) {
    const first = state.entriesOfPeer(peer).find((entry) => anySelectorMatches(entry.selectors, packet));
    return first === undefined ? [] : [first];
  }
  const closeness = (entry: SpdEntry): number => {
    const pair = state.pairs.inUse(entry.name, kind, lane);
    if (pair === undefined) return 0;
    const isAll = pair.selectors.every((own) => selectors.some((one) => selectorContains(one, own)));
    const isOnly = selectors.every((one) => pair.selectors.some((own) => selectorContains(own, one)));
    return 1 + Number(isAll) + Number(isOnly);
  };
  return state
    .entriesOfPeer(peer)
    .filter((entry) => intersectSelectorLists(selectors, entry.selectors).length > 0)
    .map((entry) => ({ entry, rank: closeness(entry) }))
    .sort((a, b) => b.rank - a.rank)
    .map(({ entry }) => entry);
}
