/**
 * The rules on a request, in the order of docs/protocol.md: known id, SPI in use, echo of a startup or half that waits,
 * distribution policy, no corresponding entry. It makes entries and fills halves; what follows a filled entry is in
 * distribution.ts, what follows a new one in request-startup.ts.
 */
import { maximumListedEntries, maximumSelectors } from '../../messages/limits.ts';
import type { MessageId, Request } from '../../messages/message.ts';
import type { Instant } from '../../model/instant.ts';
import type { Spi } from '../../model/security-association.ts';
import {
  equalSelectors,
  formatSelector,
  intersectSelectorLists,
  type PacketSelector,
  type Selector,
  selectorMatches,
} from '../../model/selector.ts';
import {
  agreedSelectors,
  kindOfPacket,
  missedPacket,
  type PairSetting,
  pairSetting,
  settingDigest,
} from '../distribution-policies/pair-setting.ts';
import type { Entry, Half } from '../management-table/management-table.ts';
import { sidesOf } from '../management-table/management-table.ts';
import { distribute, sendDistribution } from './distribution.ts';
import { continueEntry } from './entry-deadline.ts';
import type { Processing } from './processing.ts';
import { refuseNat, refuseProposal } from './refusal.ts';
import { sendStartup, startUp } from './request-startup.ts';
import { beginSelfTest } from './self-test.ts';

/** Answers a request of the router that the channel authenticated. */
export function receiveRequest(processing: Processing, request: Request, now: Instant): void {
  const { table, tombstones, out } = processing;
  // 1. An entry has this id.
  const known = table.byId(request.id);
  if (known !== undefined) {
    repeatRequest(processing, request, known, now);
    return;
  }
  const tombstone = tombstones.find(request.id);
  if (tombstone !== undefined) {
    if (tombstone.router === request.source && tombstone.answer !== undefined) out.send(tombstone.answer);
    else refuseContents(processing, request, 'the id belongs to a request that is over');
    return;
  }
  // 2. A live entry of this source, whatever the peer, has this SPI.
  const clash = table.bySpi(request.source, request.spi);
  if (clash !== undefined) {
    refuseContents(processing, request, 'the SPI is in use', clash);
    return;
  }
  // 3. The answer to a startup.
  if (request.startupId !== null) {
    answerStartup(processing, request, request.startupId, now);
    return;
  }
  const kind = kindOf(processing, request);
  const setting =
    kind === undefined ? undefined : pairSetting(processing.policies, request.source, request.peer, kind);
  // 5. No corresponding entry.
  if (kind === undefined || setting === undefined) {
    refuseUnknown(processing, request);
    return;
  }
  // 3. A half that waits: for this router, or for its peer under an older id.
  const waiting = table
    .halfEmpty(request.source, request.peer, kind, request.lane)
    .find((entry) => isForSame(request, entry, setting));
  if (waiting !== undefined) {
    joinEntry(processing, request, waiting, now);
    return;
  }
  // 4. A new entry next to those that there are.
  createEntry(processing, request, setting, now);
}

/** The kind that the request names, or that its packet decides; undefined when no policy is for it. */
function kindOf(processing: Processing, request: Request): string | undefined {
  if (request.kind !== '') return request.kind;
  if (request.packet === null) return undefined;
  return kindOfPacket(processing.policies, request.source, request.peer, request.packet);
}

/**
 * True when the request belongs to the half-empty entry: what the peer asks for has something in common with it, or this
 * router asks for the same again. A router may have several SPD entries for one peer, and asks for each.
 */
function isForSame(request: Request, entry: Entry, setting: PairSetting): boolean {
  const { own, other } = sidesOf(entry, request.source);
  if (own.request !== null) return isSameList(own.request.selectors, request.selectors);
  const agreed = agreedSelectors(setting, request.selectors, other.request?.selectors ?? []);
  return (
    agreed.length > 0 && missedPacket(agreed, request.packet, other.request?.packet ?? null) === undefined
  );
}

function isSameList(a: readonly Selector[], b: readonly Selector[]): boolean {
  return (
    a.length === b.length &&
    a.every((selector, index) => {
      const counterpart = b[index];
      return counterpart !== undefined && equalSelectors(selector, counterpart);
    })
  );
}

function repeatRequest(processing: Processing, request: Request, entry: Entry, now: Instant): void {
  const { own, other } = sidesOf(entry, request.source);
  const isSame =
    own.router === request.source &&
    own.request?.id === request.id &&
    own.request.spi === request.spi &&
    other.router === request.peer &&
    request.lane === entry.lane &&
    (request.kind === '' || request.kind === entry.kind);
  if (!isSame) {
    refuseContents(processing, request, 'the id belongs to another request', entry);
  } else if (entry.state === 'half-empty') {
    sendPending(processing, request, entry.kind);
  } else if (entry.state === 'distributed' && entry.issue?.keys != null) {
    sendDistribution(processing, entry, own, now);
  } else {
    refuseContents(processing, request, 'the keys of this request were handed out and are wiped', entry);
  }
}

/** The startup's entry is filled while it lacks this router's half; anything else is late and ignored. */
function answerStartup(processing: Processing, request: Request, startupId: MessageId, now: Instant): void {
  const entry = processing.table.byKey(startupId);
  const own = entry?.halves.find((half) => half.router === request.source);
  const isMeant =
    entry !== undefined &&
    own !== undefined &&
    entry.state === 'half-empty' &&
    own.request === null &&
    entry.halves.some((half) => half.router === request.peer) &&
    request.lane === entry.lane &&
    (request.kind === '' || request.kind === entry.kind);
  if (!isMeant) {
    const { source: router, peer, kind } = request;
    processing.out.audit('ignored', { router, peer, kind }, 'answers a request-startup that is over');
    return;
  }
  fillHalf(processing, request, entry, own, now);
}

function joinEntry(processing: Processing, request: Request, entry: Entry, now: Instant): void {
  const { own } = sidesOf(entry, request.source);
  if (own.request === null) {
    fillHalf(processing, request, entry, own, now);
    return;
  }
  // The router gave its older request up: this one stands for it, and the peer's answer may still echo the entry's key.
  processing.tombstones.bury(own.request.id, own.router, undefined, now);
  processing.table.fill(entry, own, halfRequest(processing, request));
  sendPending(processing, request, entry.kind);
  sendStartup(processing, entry);
}

function fillHalf(processing: Processing, request: Request, entry: Entry, own: Half, now: Instant): void {
  processing.table.fill(entry, own, halfRequest(processing, request));
  auditRequest(processing, request, entry.kind);
  distribute(processing, entry, now);
}

function createEntry(processing: Processing, request: Request, setting: PairSetting, now: Instant): void {
  const { table, routers, settings } = processing;
  const { kind, revision, lifetimeSeconds } = setting.policy;
  const refusal =
    boundReached(processing, request, now) ??
    beginSelfTest(processing, request, now) ??
    refuseProposal(processing, setting.policy.proposal, [request.source, request.peer]) ??
    refuseNat(processing, setting.policy, [request.source, request.peer]) ??
    selectorsRefusal(request, setting);
  if (refusal !== undefined) {
    refuse(processing, request, kind, refusal);
    return;
  }
  const entry: Entry = {
    key: request.id,
    kind,
    lane: request.lane,
    halves: [emptyHalf(request.source, halfRequest(processing, request)), emptyHalf(request.peer, null)],
    state: 'half-empty',
    revision,
    digest: settingDigest(processing.policies, request.source, request.peer, kind) ?? '',
    expiresAt: now + lifetimeSeconds * 1000,
    reason: '',
    issue: null,
    stored: false,
    tries: 0,
    repeatAt: now,
    timer: { run: (at) => continueEntry(processing, entry, at) },
  };
  routers.open(request.source);
  table.add(entry);
  auditRequest(processing, request, kind);
  // No word to the requester: the peer's answer is mostly there within milliseconds. A request that comes again is told to wait.
  startUp(processing, entry, now);
  processing.deadlines.set(entry.timer, now + settings.startupIntervalMs);
}

function emptyHalf(router: string, request: Half['request']): Half {
  return { router, request, installed: false, withdrawn: false, peerToldAt: null };
}

function halfRequest(processing: Processing, request: Request): NonNullable<Half['request']> {
  const { id, spi, selectors, packet } = request;
  return {
    id,
    spi,
    selectors,
    packet,
    channelEpoch: processing.routers.find(request.source)?.channelEpoch ?? 0,
  };
}

function selectorsRefusal(request: Request, setting: PairSetting): string | undefined {
  const common = intersectSelectorLists(request.selectors, setting.selectors);
  if (common.length === 0) {
    return `nothing that ${request.source} asks for is in policy ${setting.policy.kind} and the networks of both routers`;
  }
  if (common.length > maximumSelectors) {
    return `${common.length} selectors are left, at most ${maximumSelectors} fit a message`;
  }
  return undefined;
}

/** Tables are bounded, in all and for each router, and so is the rate at which a router fills them. */
function boundReached(processing: Processing, request: Request, now: Instant): string | undefined {
  const { table, settings, routers } = processing;
  if (table.size >= settings.maximumEntries) {
    return `the management table is full (${settings.maximumEntries} entries)`;
  }
  for (const router of [request.source, request.peer]) {
    if (table.countOfRouter(router) >= settings.maximumEntriesOfRouter) {
      return `router ${router} has ${settings.maximumEntriesOfRouter} entries, the most that one router may have`;
    }
  }
  if (!routers.spend(routers.open(request.source), now)) {
    return `router ${request.source} asks for more than ${settings.newEntriesPerSecond} new settings a second`;
  }
  return undefined;
}

function sendPending(processing: Processing, request: Request, kind: string): void {
  const { id, source, peer } = request;
  processing.out.send({ type: 'pending', id, source, peer, kind });
}

function refuse(processing: Processing, request: Request, kind: string, reason: string): void {
  const { id, source, peer } = request;
  processing.out.send({ type: 'refused', id, source, peer, kind, reason });
  processing.out.audit('refused', { router: source, peer, kind }, reason);
}

function refuseUnknown(processing: Processing, request: Request): void {
  const { id, source, peer, kind } = request;
  const { policies, out } = processing;
  const hasPolicies = policies.ofPair(source, peer).length > 0;
  if (hasPolicies && request.packet === null) {
    // A kind that is gone says nothing about the pair's other kinds: no selector could be refused for all of them.
    refuse(
      processing,
      request,
      kind,
      `there is no distribution policy ${kind} between ${source} and ${peer}`,
    );
    return;
  }
  const reason = unknownReason(processing, request, hasPolicies);
  const selectors =
    hasPolicies && request.packet !== null
      ? narrowedToPacket(request.selectors, request.packet)
      : request.selectors;
  out.send({ type: 'no-corresponding-entry', id, source, peer, kind, reason, selectors });
  out.audit('no-corresponding-entry', { router: source, peer, kind }, reason);
}

function unknownReason(processing: Processing, request: Request, hasPolicies: boolean): string {
  const { source, peer, selectors } = request;
  for (const name of [source, peer]) {
    if (processing.policies.router(name) === undefined) return `router ${name} is not enrolled`;
  }
  const [first] = selectors;
  return hasPolicies
    ? `no distribution policy between ${source} and ${peer} is for this packet`
    : `no distribution policy between ${source} and ${peer}${first === undefined ? '' : ` for ${formatSelector(first)}`}`;
}

/** The request's selectors that hold the packet, narrowed to its protocol and remote port. */
function narrowedToPacket(selectors: readonly Selector[], packet: PacketSelector): readonly Selector[] {
  const holding = selectors.filter((selector) => selectorMatches(selector, packet));
  if (holding.length === 0) return selectors;
  return holding.map((selector) => ({
    ...selector,
    protocol: packet.protocol,
    remotePorts:
      packet.remotePort === null
        ? selector.remotePorts
        : { first: packet.remotePort, last: packet.remotePort },
  }));
}

/** Lists what the server has of this router for the pair, and `clash` wherever it belongs. */
function refuseContents(processing: Processing, request: Request, detail: string, clash?: Entry): void {
  const { id, source, peer, kind } = request;
  const entries: { id: MessageId; spi: Spi }[] = [];
  for (const entry of [...(clash === undefined ? [] : [clash]), ...processing.table.ofPair(source, peer)]) {
    const own = entry.halves.find((half) => half.router === source)?.request;
    if (own == null || entries.some((listed) => listed.id === own.id)) continue;
    if (entries.length < maximumListedEntries) entries.push({ id: own.id, spi: own.spi });
  }
  processing.out.send({ type: 'contents-inconsistent', id, source, peer, kind, entries });
  processing.out.audit('contents-inconsistent', { router: source, peer, kind }, detail);
}

function auditRequest(processing: Processing, request: Request, kind: string): void {
  const { source: router, peer, selectors } = request;
  processing.out.audit('requested', { router, peer, kind }, selectors.map(formatSelector).join(', '));
}
