/**
 * What a distribution does at this router: an SA pair in place, the server told, the held packets on their way. One for
 * an id that is not under way installs nothing, whoever repeats it.
 */
import type { SaPair } from '../../dataplane/engine.ts';
import type { Distribution } from '../../messages/message.ts';
import type { Instant } from '../../model/instant.ts';
import {
  anySelectorMatches,
  conversationOf,
  formatSelector,
  intersectSelectorLists,
} from '../../model/selector.ts';
import { tellPlace } from './moving.ts';
import type { InstalledPair } from './pairs.ts';
import { checksPath, tryPath } from './path.ts';
import { planExpiry } from './renewal.ts';
import type { SettingRequest } from './request.ts';
import { dropSurplus, failRequest, forget, planUnblock } from './requesting.ts';
import { saPairOf, wipeDistribution } from './sa-pair.ts';
import { formatSpi, type SettingState } from './setting-state.ts';
import { settleEcho } from './startup.ts';

/**
 * An entry's SAs of one kind may be exchanged for SAs with other selectors, because a packet asked for them, at most so often: where
 * one end has one SPD entry for what the other end has two for, two conversations would otherwise take the entry from
 * each other with every packet.
 */
const cutIntervalMs = 2_000;

/** Installs what `distribution` brings, or answers a repetition. Its keys are wiped unless they went to the engine. */
export function distribute(state: SettingState, distribution: Distribution, now: Instant): void {
  if (!install(state, distribution, now)) wipeDistribution(distribution);
}

/** True when the keys went to the engine. */
function install(state: SettingState, distribution: Distribution, now: Instant): boolean {
  const known = state.pairs.withId(distribution.id);
  if (known !== undefined) {
    sendInstalled(state, distribution);
    return false;
  }
  const request = state.requests.find(distribution.id);
  const entry = request === undefined ? undefined : state.protectEntry(request.entry);
  if (request === undefined || entry === undefined) {
    state.ignore('distribution for an id that is not under way', distribution.peer, now);
    // Given up meanwhile: the peer must not send into what this end does not have.
    state.reports.deleted({ ...distribution, spi: distribution.inbound.spi }, now);
    state.sendReports(now);
    return false;
  }
  if (!isAnswerTo(request, distribution)) {
    state.ignore('distribution whose SPI, peer or kind is not that of the request', distribution.peer, now);
    return false;
  }
  const selectors = intersectSelectorLists(distribution.selectors, entry.selectors);
  if (selectors.length === 0) {
    state.send(state.reports.selectorsDisjoint({ ...request, kind: distribution.kind }));
    const found = distribution.selectors.map(formatSelector).join(', ');
    const detail = `the distribution's selectors (${found}) have nothing in common with the SPD entry`;
    failRequest(state, request, 'refused', detail, undefined, now);
    return false;
  }
  if (request.packet !== null && !anySelectorMatches(selectors, request.packet)) {
    // SAs without the packet that asked for them would make it ask again at once, and again.
    const given = selectors.map(formatSelector).join(', ');
    state.reports.deleted({ ...request, kind: distribution.kind }, now);
    state.sendReports(now);
    const detail = `the SAs are for ${given}, without the packet that asked`;
    failRequest(state, request, 'refused', detail, [conversationOf(request.packet)], now);
    return false;
  }
  const before = state.pairs.inUse(entry.name, distribution.kind, request.lane);
  if (request.packet !== null && before !== undefined && now - before.installedAt < cutIntervalMs) {
    const given = before.selectors.map(formatSelector).join(', ');
    const detail = `SAs for ${given} were set up a moment ago: the SPD entries of both routers are cut differently`;
    state.reports.deleted({ ...request, kind: distribution.kind }, now);
    state.sendReports(now);
    failRequest(state, request, 'refused', detail, [conversationOf(request.packet)], now);
    return false;
  }
  const local = state.localEndpoint(distribution.peerEndpoint);
  const awaitsPath = before === undefined && checksPath(distribution.policy);
  const turn = turnOf(state, request, distribution.kind);
  // Make before break: what goes through another lane of the same worker meanwhile is not to wait at a peer that has nothing yet.
  const hasOther = before !== undefined || isCarriedOtherwise(state, request, distribution.kind);
  const pair =
    local === undefined
      ? undefined
      : saPairOf(distribution, {
          entry: entry.name,
          turn,
          selectors,
          local,
          peer: tellPlace(state, distribution.peer, distribution.peerEndpoint, now),
          softShare: state.softShare(),
          notifyFirstAuthentic: hasOther || awaitsPath,
          proposals: state.proposals,
        });
  const isUsed = !hasOther && !awaitsPath;
  const refusal = pair?.ok ? state.refusal({ install: [{ pair: pair.value, use: isUsed }] }) : undefined;
  if (pair === undefined || !pair.ok || refusal !== undefined) {
    const detail =
      refusal ?? (pair?.ok === false ? pair.message : "there is no local address of the peer's family");
    state.reports.deleted({ ...request, kind: distribution.kind }, now);
    state.sendReports(now);
    failRequest(state, request, 'refused', detail, undefined, now);
    return false;
  }
  forget(state, request);
  dropSurplus(state, { ...request, kind: distribution.kind }, now);
  const installed = record(state, request, distribution, pair.value, now);
  if (isUsed) state.pairs.takeOver(installed);
  const unblocked = state.backOff.unblock(entry.name, selectors);
  if (!awaitsPath) {
    state.backOff.forgive(entry.name);
    state.failures.delete(entry.name);
  }
  state.change({
    install: [{ pair: pair.value, use: isUsed }],
    ...(unblocked ? { block: [{ entry: entry.name, selectors: state.backOff.selectors(entry.name) }] } : {}),
  });
  planUnblock(state, entry.name);
  planExpiry(state, installed);
  // The packets first: they are what somebody waits for.
  state.releaseHeld(entry.name, request.lane);
  tryPath(state, installed, now);
  sendInstalled(state, distribution);
  const use = isUsed
    ? 'in use'
    : before !== undefined
      ? `waits to take over from ${formatSpi(before.spi)}`
      : awaitsPath
        ? `waits for a packet of ${installed.peer}`
        : 'waits until both ends have it';
  state.log(
    'info',
    'installed',
    installed,
    `kind ${installed.kind}, SPIs in ${formatSpi(installed.spi)} out ${formatSpi(installed.outboundSpi)}, ${use}`,
  );
  settleEcho(state, request, distribution.kind, now);
  return true;
}

function isAnswerTo(request: SettingRequest, distribution: Distribution): boolean {
  return (
    distribution.inbound.spi === request.spi &&
    distribution.peer === request.peer &&
    distribution.kind !== '' &&
    (request.kind === '' || request.kind === distribution.kind)
  );
}

function record(
  state: SettingState,
  request: SettingRequest,
  distribution: Distribution,
  { turn, inbound }: SaPair,
  now: Instant,
): InstalledPair {
  const pair: InstalledPair = {
    id: request.id,
    spi: request.spi,
    outboundSpi: distribution.outbound.spi,
    entry: request.entry,
    kind: distribution.kind,
    lane: request.lane,
    turn: turn ?? 0,
    peer: request.peer,
    revision: distribution.policy.revision,
    proposal: distribution.policy.proposal,
    protocol: distribution.policy.protocol,
    encapsulation: distribution.policy.encapsulation,
    selectors: inbound.selectors,
    precedents: distribution.precedents,
    installedAt: now,
    hardAt: now + distribution.remainingSeconds * 1000,
    order: state.pairs.nextOrder(),
    role: 'waiting',
    confirmed: false,
    isDue: false,
    failedRenewals: 0,
    isHeard: false,
    pathTries: 0,
  };
  state.pairs.add(pair);
  return pair;
}

/** The turn of the request's lane: that of its pairs, or the one behind those of its worker's other lanes. */
function turnOf(state: SettingState, { entry, lane }: SettingRequest, kind: string): number {
  const own = state.pairs.ofLane(entry, kind, lane).at(-1);
  if (own !== undefined) return own.turn;
  return Math.max(-1, ...neighbours(state, entry, kind, lane).map(({ turn }) => turn)) + 1;
}

function isCarriedOtherwise(state: SettingState, { entry, lane }: SettingRequest, kind: string): boolean {
  return neighbours(state, entry, kind, lane).some(({ role }) => role === 'in use');
}

/** The pairs that the lane's worker has for the entry and kind in other lanes. */
function neighbours(state: SettingState, entry: string, kind: string, lane: number): InstalledPair[] {
  const worker = state.workerOf(lane);
  return state.pairs
    .ofEntry(entry)
    .filter((pair) => pair.kind === kind && pair.lane !== lane && state.workerOf(pair.lane) === worker);
}

function sendInstalled(state: SettingState, { id, peer, kind }: Distribution): void {
  state.send({ type: 'installed', id, source: state.name, peer, kind });
}
