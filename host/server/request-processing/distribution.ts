/**
 * Distribution: both halves are filled, so the policy, both SAs and fresh keys go to both ends, repeated until each says
 * *installed*. When both have, they are told so and the keys are zeroed; when they have not in time, all is withdrawn.
 */
import { maximumPrecedentSelectors, maximumPrecedents, maximumSelectors } from '../../messages/limits.ts';
import type { DistributedSa, Installed } from '../../messages/message.ts';
import { formatAddress } from '../../model/address.ts';
import { addSeconds, type Instant } from '../../model/instant.ts';
import { parseProposal } from '../../model/proposal.ts';
import type { SaKeys, Spi } from '../../model/security-association.ts';
import { formatProtocol, formatSelector, mirrorSelector } from '../../model/selector.ts';
import {
  agreedSelectors,
  missedPacket,
  pairSetting,
  relevantPrecedents,
} from '../distribution-policies/pair-setting.ts';
import { copyKeys, generateKeys } from '../key-generation.ts';
import { type Entry, type Half, sidesOf } from '../management-table/management-table.ts';
import { type Processing, persist } from './processing.ts';
import { refuseEntry, refuseNat, refuseProposal } from './refusal.ts';
import { repeatAfterMs } from './settings.ts';
import { wipeEntryKeys, withdrawEntries, withdrawUnknown } from './withdrawal.ts';

/** Both halves are filled: generates the keys and hands everything out, or refuses with the reason. */
export function distribute(processing: Processing, entry: Entry, now: Instant): void {
  const refusal = issue(processing, entry, now);
  if (refusal !== undefined) {
    refuseEntry(processing, entry, 'refused', refusal, now);
    return;
  }
  processing.table.enter(entry, 'distributed');
  entry.tries = 0;
  persist(processing, entry);
  const [first, second] = entry.halves;
  processing.out.audit(
    'distributed',
    { router: first.router, peer: second.router, kind: entry.kind },
    `revision ${entry.revision}, ${(entry.issue?.selectors ?? []).map(formatSelector).join(', ')}`,
  );
  sendToMissing(processing, entry, now);
}

/** Works out what both get and keeps it in the entry; returns why that cannot be. */
function issue(processing: Processing, entry: Entry, now: Instant): string | undefined {
  const { policies, routers, random } = processing;
  const [first, second] = entry.halves;
  // The policies may have changed since the entry was made.
  const setting = pairSetting(policies, first.router, second.router, entry.kind);
  if (setting === undefined) {
    return `there is no distribution policy ${entry.kind} between ${first.router} and ${second.router}`;
  }
  if (first.request === null || second.request === null) return 'one router has not asked';
  const { policy, precedence } = setting;
  const selectors = agreedSelectors(setting, first.request.selectors, second.request.selectors);
  if (selectors.length === 0) {
    return `${first.router} and ${second.router} ask for selectors that have nothing in common within policy ${entry.kind}`;
  }
  const missed = missedPacket(selectors, first.request.packet, second.request.packet);
  if (missed !== undefined) {
    return `the SPD entries of ${first.router} and ${second.router} have nothing in common that a packet ${formatAddress(missed.local)} -> ${formatAddress(missed.remote)} ${formatProtocol(missed.protocol)} is in`;
  }
  const precedents = relevantPrecedents(setting, selectors);
  const precedentSelectors = precedents.reduce((sum, one) => sum + one.selectors.length, 0);
  if (
    selectors.length > maximumSelectors ||
    precedents.length > maximumPrecedents ||
    precedentSelectors > maximumPrecedentSelectors
  ) {
    return (
      `${selectors.length} selectors after ${precedents.length} kinds with ${precedentSelectors}; ` +
      `at most ${maximumSelectors}, ${maximumPrecedents} and ${maximumPrecedentSelectors} fit a message`
    );
  }
  const both = [first.router, second.router];
  const refusal = refuseProposal(processing, policy.proposal, both) ?? refuseNat(processing, policy, both);
  if (refusal !== undefined) return refusal;
  const proposal = parseProposal(policy.proposal);
  if (!proposal.ok) return proposal.message;
  for (const { router } of entry.halves) {
    if (routers.find(router)?.endpoint === undefined) return `the address of router ${router} is not known`;
  }
  const isBehindNat = entry.halves.some(({ router }) => routers.find(router)?.behindNat);
  entry.revision = policy.revision;
  entry.expiresAt = addSeconds(now, policy.lifetimeSeconds);
  entry.issue = {
    policy,
    encapsulation: policy.encapsulation !== 'auto' ? policy.encapsulation : isBehindNat ? 'udp' : 'raw',
    precedence,
    precedents,
    selectors,
    installBy: now + processing.settings.installWithinMs,
    keys: [generateKeys(proposal.value, random), generateKeys(proposal.value, random)],
  };
  return undefined;
}

/** The interval is over: repeats it to whoever has not installed, or gives the entry up. */
export function continueDistribution(processing: Processing, entry: Entry, now: Instant): void {
  if (entry.issue !== null && now < Math.min(entry.issue.installBy, entry.expiresAt)) {
    sendToMissing(processing, entry, now);
    return;
  }
  const missing = entry.halves.filter((half) => !half.installed).map((half) => half.router);
  withdrawEntries(processing, [entry], `not installed in time by ${missing.join(' and ')}`, now);
}

/** Sends to each end that has not installed and plans the next time. */
export function sendToMissing(processing: Processing, entry: Entry, now: Instant): void {
  if (entry.issue === null) return;
  for (const half of entry.halves) {
    if (!half.installed) sendDistribution(processing, entry, half, now);
  }
  entry.tries += 1;
  const end = Math.min(entry.issue.installBy, entry.expiresAt);
  entry.repeatAt = Math.min(now + repeatAfterMs(processing.settings, entry.tries), end);
  processing.deadlines.set(entry.timer, entry.repeatAt);
}

/** Sends it to one end, once; nothing happens when the keys are wiped or the end has no channel. */
export function sendDistribution(processing: Processing, entry: Entry, half: Half, now: Instant): void {
  const { routers, out } = processing;
  const { other } = sidesOf(entry, half.router);
  const peerEndpoint = routers.find(other.router)?.endpoint;
  const { issue: issued } = entry;
  if (issued === null || issued.keys === null || half.request === null || other.request === null) return;
  if (peerEndpoint === undefined || !routers.hasChannel(half.router)) return;
  half.peerToldAt = peerEndpoint;
  const isFirst = half === entry.halves[0];
  const [toFirst, toSecond] = issued.keys;
  const seen = isFirst
    ? { selectors: issued.selectors, precedents: issued.precedents }
    : {
        selectors: issued.selectors.map(mirrorSelector),
        precedents: issued.precedents.map((precedent) => ({
          ...precedent,
          selectors: precedent.selectors.map(mirrorSelector),
        })),
      };
  const { policy } = issued;
  out.send({
    type: 'distribution',
    id: half.request.id,
    source: half.router,
    peer: other.router,
    kind: entry.kind,
    policy: {
      revision: policy.revision,
      protocol: policy.protocol,
      mode: policy.mode,
      proposal: policy.proposal,
      esn: policy.esn,
      replayWindow: policy.replayWindow,
      encapsulation: issued.encapsulation,
      dscp: policy.dscp,
      dontFragment: policy.dontFragment,
      tfcPadding: policy.tfcPadding,
      dummiesPerSecond: policy.dummiesPerSecond,
      lifetimeOctets: policy.lifetimeOctets ?? null,
      lifetimePackets: policy.lifetimePackets ?? null,
    },
    outbound: distributedSa(other.request.spi, isFirst ? toSecond : toFirst),
    inbound: distributedSa(half.request.spi, isFirst ? toFirst : toSecond),
    remainingSeconds: Math.max(1, Math.floor((entry.expiresAt - now) / 1000)),
    ...seen,
    precedence: issued.precedence,
    peerEndpoint,
  });
}

/** A copy of the keys: the message's belong to whoever sends it, the entry's stay until both ends have them. */
function distributedSa(spi: Spi, keys: SaKeys): DistributedSa {
  return { spi, ...copyKeys(keys) };
}

/** A router says that it has both SAs in place. */
export function receiveInstalled(processing: Processing, message: Installed): void {
  const { table, out, settings, deadlines } = processing;
  const entry = table.byId(message.id);
  const own = entry?.halves.find((half) => half.router === message.source && half.request?.id === message.id);
  if (entry === undefined || own === undefined) {
    withdrawUnknown(processing, message, message.id);
    return;
  }
  if (entry.state === 'both-installed') {
    sendBothInstalled(processing, entry, own);
    return;
  }
  // Half-empty: nothing was handed out yet. Withdrawing: the router is being told.
  if (entry.state !== 'distributed' || own.installed) return;
  own.installed = true;
  if (!sidesOf(entry, message.source).other.installed) return;
  wipeEntryKeys(entry);
  table.enter(entry, 'both-installed');
  persist(processing, entry);
  deadlines.set(entry.timer, entry.expiresAt + settings.outliveMs);
  for (const half of entry.halves) sendBothInstalled(processing, entry, half);
  const [first, second] = entry.halves;
  out.audit('both-installed', { router: first.router, peer: second.router, kind: entry.kind }, '');
}

function sendBothInstalled(processing: Processing, entry: Entry, half: Half): void {
  if (half.request === null) return;
  const { other } = sidesOf(entry, half.router);
  const { id } = half.request;
  processing.out.send({
    type: 'both-installed',
    id,
    source: half.router,
    peer: other.router,
    kind: entry.kind,
  });
}
