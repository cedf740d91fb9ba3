/**
 * What concerns a router as a whole: its hello, its channel, its place, its reports. A new boot number means that the
 * router has forgotten every SA, so that they are withdrawn at its peers.
 */
import { echoPeerName } from '../../messages/echo-peer.ts';
import type { Hello, Report } from '../../messages/message.ts';
import { type Endpoint, equalEndpoints, formatEndpoint } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import { type Entry, sidesOf } from '../management-table/management-table.ts';
import { sendDistribution } from './distribution.ts';
import { describeSeenPath } from './path-report.ts';
import { newMessageId, type Processing } from './processing.ts';
import { refuseEntry } from './refusal.ts';
import { sendStartup } from './request-startup.ts';
import { type RouterRecord, rememberedBoots, storedRouter } from './router-book.ts';
import { echoPeerIsFull } from './self-test.ts';
import { repeatAfterMs } from './settings.ts';
import type { Timer } from './timer.ts';
import { dropEntry, retryWithdrawals, withdrawEntries, withdrawUnknown } from './withdrawal.ts';

/** A router introduces its process. */
export function receiveHello(processing: Processing, hello: Hello, now: Instant): void {
  const { routers, out, policies } = processing;
  const { id, source, boot } = hello;
  if (policies.router(source) === undefined) {
    out.audit('ignored', { router: source }, 'hello of a router that is not enrolled');
    return;
  }
  const record = routers.open(source);
  const current = record.boots.at(-1);
  const timeMs = Math.max(0, Math.round(processing.utcMsAt(now)));
  out.send({ type: 'welcome', id, source, peer: '', kind: '', timeMs });
  if (boot !== current && record.boots.includes(boot)) {
    // Whoever sent it is gone; were it taken for a new process, that would withdraw the present one's SAs.
    out.audit('ignored', { router: source }, 'hello of an earlier process, late');
    return;
  }
  const isNew = boot !== current;
  record.boots = isNew ? [...record.boots, boot].slice(-rememberedBoots) : record.boots;
  record.proposals = new Set(hello.proposals);
  if (isNew || record.software !== hello.software) {
    record.software = hello.software;
    out.putRouter(storedRouter(record));
  }
  if (isNew) {
    out.audit('hello', { router: source }, `started, ${hello.software}`);
    forgetSas(processing, record, current !== undefined, now);
  }
  resume(processing, source, now);
}

/**
 * Withdraws what an earlier process of the router had; requests over its present channel are the new process's own. When
 * no boot number was known before, it may be the same process, whose first hello was lost: then it is told too.
 */
function forgetSas(processing: Processing, record: RouterRecord, isRestart: boolean, now: Instant): void {
  const { name, channelEpoch } = record;
  const forgotten = processing.table.ofRouter(name).filter((entry) => {
    const { own } = sidesOf(entry, name);
    return own.request !== null && !own.withdrawn && own.request.channelEpoch < channelEpoch;
  });
  const reason = `router ${name} was restarted`;
  if (isRestart) withdrawEntries(processing, forgotten, reason, now, name);
  else withdrawEntries(processing, forgotten, reason, now);
}

/** A router's channel is up, or it is seen at another place. */
export function receiveChannelUp(
  processing: Processing,
  router: string,
  endpoint: Endpoint,
  behindNat: boolean,
  now: Instant,
): void {
  const record = processing.routers.open(router);
  const before = record.endpoint;
  const wasUp = record.hasChannel;
  record.endpoint = endpoint;
  const isNewlyBehindNat = behindNat && !record.behindNat;
  record.behindNat = behindNat;
  record.hasChannel = true;
  record.loss = undefined;
  record.channelEpoch += 1;
  if (before === undefined || !equalEndpoints(before, endpoint))
    processing.out.putRouter(storedRouter(record));
  if (before !== undefined && !equalEndpoints(before, endpoint)) {
    processing.out.audit('moved', { router }, `${formatEndpoint(before)} -> ${formatEndpoint(endpoint)}`);
    announceMove(processing, record, now);
  }
  if (isNewlyBehindNat && before !== undefined) withdrawUnfit(processing, router, now);
  if (!wasUp) resume(processing, router, now);
}

/** What now has a NAT on its way, and was not made for one, is asked for anew by whoever has packets for it. */
function withdrawUnfit(processing: Processing, router: string, now: Instant): void {
  const unfit = processing.table.ofRouter(router).filter(({ state, issue }) => {
    const isOut = state === 'distributed' || state === 'both-installed';
    return isOut && issue !== null && (issue.encapsulation === 'raw' || issue.policy.mode === 'transport');
  });
  withdrawEntries(
    processing,
    unfit,
    `router ${router} is behind a NAT now, for which its SAs are not made`,
    now,
  );
}

/**
 * A router's channel is gone. Nothing is withdrawn for that: it says that the server and this router do not hear each other,
 * and nothing of the way between this router and its peers (docs/protocol.md, "The channel").
 */
export function receiveChannelDown(
  processing: Processing,
  router: string,
  reason: string,
  now: Instant,
): void {
  const record = processing.routers.find(router);
  if (record === undefined) return;
  record.hasChannel = false;
  record.loss = { at: now, reason };
}

/** Says again what waits for this router, and tells it where its peers are now. */
function resume(processing: Processing, router: string, now: Instant): void {
  retryWithdrawals(processing, router, now);
  const told = new Set<string>();
  for (const entry of processing.table.ofRouter(router)) {
    const { own, other } = sidesOf(entry, router);
    if (entry.state === 'half-empty' && own.request === null) sendStartup(processing, entry);
    else if (entry.state === 'distributed' && !own.installed) sendDistribution(processing, entry, own, now);
    else {
      // Both ways: after a restart of the server neither may have heard of the other's move.
      tellPlace(processing, entry, router, told);
      tellPlace(processing, entry, other.router, told);
    }
  }
}

/** Tells each router that shares SAs with one that moved, a few times, since nothing acknowledges it. */
function announceMove(processing: Processing, record: RouterRecord, now: Instant): void {
  const { deadlines, settings } = processing;
  let tries = 0;
  function announce(at: Instant): void {
    tries += 1;
    const told = new Set<string>();
    for (const entry of processing.table.ofRouter(record.name)) {
      const { other } = sidesOf(entry, record.name);
      other.peerToldAt = null;
      tellPlace(processing, entry, other.router, told);
    }
    if (tries < settings.noticeTries) deadlines.set(notice, at + repeatAfterMs(settings, tries));
  }
  const notice: Timer = { run: announce };
  if (record.notice !== undefined) deadlines.set(record.notice, undefined);
  record.notice = notice;
  announce(now);
}

/** Sends `router` the place of the entry's other router, unless it knows; once for each peer in `told`. */
function tellPlace(processing: Processing, entry: Entry, router: string, told: Set<string>): void {
  if (entry.state !== 'distributed' && entry.state !== 'both-installed') return;
  const { own, other } = sidesOf(entry, router);
  const endpoint = processing.routers.find(other.router)?.endpoint;
  // A place from before its channel went down may be worse than what the peer has learnt from its packets.
  const isCurrent = processing.routers.hasChannel(other.router);
  if (endpoint === undefined || !isCurrent || !processing.routers.hasChannel(router)) return;
  if (own.peerToldAt !== null && equalEndpoints(own.peerToldAt, endpoint)) return;
  own.peerToldAt = endpoint;
  const pair = `${router}|${other.router}`;
  if (told.has(pair)) return;
  told.add(pair);
  processing.out.send({
    type: 'endpoint',
    id: newMessageId(processing.random),
    source: router,
    peer: other.router,
    kind: '',
    endpoint,
  });
}

/** Why an entry goes that a router has deleted by itself; what people should see of it is noted. */
function reasonOf(
  { routers, deadPaths }: Processing,
  entry: Entry,
  what: 'sa-deleted' | 'no-path' | 'unanswered',
  source: string,
  now: Instant,
): string {
  const { own, other } = sidesOf(entry, source);
  switch (what) {
    case 'sa-deleted':
      return `router ${source} deleted its SA`;
    case 'no-path': {
      const detail = describeSeenPath(routers, entry);
      deadPaths.note({ routers: [own.router, other.router], detail, at: now });
      return `router ${source} hears nothing of ${other.router}: ${detail}`;
    }
    case 'unanswered':
      return `router ${source} sends to ${other.router} and hears nothing any more: the SA is dead`;
  }
}

/** A router saw something that the server may act on; an operator finds it in the audit log either way. */
export function receiveReport(processing: Processing, report: Report, now: Instant): void {
  const { table, out } = processing;
  const { source, peer, kind, what, spi } = report;
  const from = report.from === null ? '' : ` from ${formatEndpoint(report.from)}`;
  out.audit(
    'report',
    { router: source, peer, kind },
    `${what} 0x${spi.toString(16)}${from}, ${report.count} times`,
  );
  // A deleted SA is named by its request's id too, which is never used again.
  const named = table.byId(report.id);
  const isOwn = named?.halves.some((half) => half.router === source && half.request?.id === report.id);
  const entry = isOwn ? named : table.bySpi(source, spi);
  switch (what) {
    case 'bad-spi':
      // Issued here and unknown there: the other end sends into the void until it asks anew.
      if (entry?.state === 'both-installed') {
        withdrawEntries(processing, [entry], `router ${source} does not know SPI 0x${spi.toString(16)}`, now);
      }
      return;
    case 'sa-deleted':
    case 'no-path':
    case 'unanswered':
      if (entry?.state === 'both-installed' || entry?.state === 'distributed') {
        withdrawEntries(processing, [entry], reasonOf(processing, entry, what, source, now), now, source);
      } else if (entry?.state === 'half-empty') {
        // The request is given up: the peer must not be brought to install what nobody wants.
        dropEntry(processing, entry, now);
      }
      // The router repeats its report until it hears this, whether or not there was an entry.
      withdrawUnknown(processing, report, report.id, 'deleted, as the router reported');
      return;
    case 'selectors-disjoint':
      if (entry?.state === 'both-installed' || entry?.state === 'distributed') {
        const reason = `the SPD entry of router ${source} has nothing in common with the selectors handed out`;
        withdrawEntries(processing, [entry], reason, now);
      }
      return;
    case 'no-spd-entry': {
      // The report has the startup's id, which is the entry's key.
      const waiting = table.byKey(report.id);
      if (waiting?.state !== 'half-empty') return;
      if (waiting.halves.some((half) => half.router === source && half.request === null)) {
        const reason =
          source === echoPeerName ? echoPeerIsFull : `router ${source} has no SPD entry for this`;
        refuseEntry(processing, waiting, 'refused', reason, now);
      }
    }
  }
}
