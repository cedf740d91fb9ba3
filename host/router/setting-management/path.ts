/**
 * Whether there is a path to the peer at all. SAs in UDP may have NATs on their way, which let a packet in only after one
 * went out: both ends send dummies (RFC 4303 section 2.6) as soon as they have the SAs, at the same moment as far as the
 * server can bring that about, and again. Packets of hosts are held until the peer is heard, so that the first is not
 * the one that a closed NAT drops. When nothing comes although both ends have the SAs, there is no path: the SAs are
 * taken back, and whoever wants to send is told.
 */
import type { TableChange } from '../../dataplane/engine.ts';
import { formatEndpoint } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import { selectorContains } from '../../model/selector.ts';
import type { InstalledPair } from './pairs.ts';
import { pathKey, removePairs, takeOver } from './renewal.ts';
import { planUnblock } from './requesting.ts';
import type { SettingState } from './setting-state.ts';

/** Once the peer was heard, dummies go on up to this many, because it may not have heard this router yet. */
const triesOnceHeard = 4;

/** Whether the pair's path has to show that it works: only what goes in UDP has NATs on its way. */
export function checksPath(pair: Pick<InstalledPair, 'encapsulation'>): boolean {
  return pair.encapsulation === 'udp';
}

/** Opens the NATs on the way: now, and again until the peer is heard. From the start, if it was tried before. */
export function tryPath(state: SettingState, pair: InstalledPair, now: Instant): void {
  if (!checksPath(pair) || pair.isHeard) return;
  pair.pathTries = 0;
  sendTry(state, pair, now);
  planKeepalive(state, pair.peer, now);
}

function sendTry(state: SettingState, pair: InstalledPair, now: Instant): void {
  const at = now + state.timers.pathIntervalMs * 2 ** pair.pathTries;
  pair.pathTries += 1;
  state.actions.push({ kind: 'send-dummy', spi: pair.spi });
  state.deadlines.set(pathKey(pair), at, { kind: 'path', spi: pair.spi });
}

/**
 * This router moved, or its peer did: NATs are to be opened anew, and a few dummies show the peer, which was heard before,
 * from where. For a pair in UDP.
 */
export function showPlace(state: SettingState, pair: InstalledPair, now: Instant): void {
  pair.pathTries = 0;
  sendTry(state, pair, now);
  planKeepalive(state, pair.peer, now);
}

/** The first authentic packet came through the pair. */
export function hearPeer(state: SettingState, pair: InstalledPair, now: Instant): void {
  if (!pair.isHeard && checksPath(pair)) {
    pair.isHeard = true;
    state.backOff.forgive(pair.entry);
    state.failures.delete(pair.entry);
    // Its own packets may have met a NAT that was closed; ours have opened it now.
    sendTry(state, pair, now);
  }
  takeOver(state, pair, 'the peer sends through it', now);
}

/** The time of the pair's next dummy, or of the end of patience, has come. */
export function pathDue(state: SettingState, pair: InstalledPair, now: Instant): void {
  const { pathTries } = state.timers;
  if (pair.pathTries < (pair.isHeard ? triesOnceHeard : pathTries)) sendTry(state, pair, now);
  // Until the server says that both ends have the SAs, silence means nothing; then it is tried from the start.
  else if (!pair.isHeard && pair.confirmed) abandonPath(state, pair, now);
}

function abandonPath(state: SettingState, pair: InstalledPair, now: Instant): void {
  const place = state.places.of(pair.peer);
  const where = place === undefined ? '' : ` at ${formatEndpoint(place)}`;
  const detail = `no path between the addresses that are seen: nothing comes from ${pair.peer}${where}; a NAT in between lets none of it in`;
  noteNoPath(state, pair, detail, now);
  removePairs(state, [pair], { block: blocksOf(state, pair) }, { report: 'no-path' }, now);
  leaveHeld(state, pair);
}

/** Drops the packets that waited and tells their hosts; where the entry has others too, the engine sorts them. */
export function leaveHeld(state: SettingState, { entry, selectors }: InstalledPair): void {
  const own = state.protectEntry(entry)?.selectors ?? [];
  const isWhole = own.every((one) => selectors.some((other) => selectorContains(other, one)));
  if (isWhole) state.dropHeld(entry, 'no response');
  else state.releaseHeld(entry);
}

/** Every try is made, and the peer not heard: if it is withdrawn now, the peer's patience was over a moment before ours. */
export function isPathDoubtful(state: SettingState, pair: InstalledPair): boolean {
  return checksPath(pair) && pair.confirmed && !pair.isHeard && pair.pathTries >= state.timers.pathTries;
}

/** Refuses the pair's packets for a while; the next try then comes later. */
export function noteNoPath(state: SettingState, pair: InstalledPair, detail: string, now: Instant): void {
  state.log('warn', 'failed', pair, `no response: ${detail}`);
  state.failures.set(pair.entry, { failure: 'no response', detail, at: now });
  state.backOff.add(pair.entry, pair.selectors, 'no response', now);
  planUnblock(state, pair.entry);
}

/** What refuses the packets of the pair's entry, as part of a table change. */
export function blocksOf(state: SettingState, { entry }: InstalledPair): NonNullable<TableChange['block']> {
  return [{ entry, selectors: state.backOff.selectors(entry) }];
}

/** Behind a NAT the mapping towards a peer with SAs in UDP is kept open (RFC 3948 section 4), whether or not there is traffic. */
export function planKeepalive(state: SettingState, peer: string, now: Instant): void {
  if (state.isBehindNat)
    state.deadlines.set(`keepalive:${peer}`, now + state.timers.keepaliveMs, { kind: 'keepalive', peer });
}

/** Sends the peer its keepalive, and goes on while there are such SAs. */
export function keepMapping(state: SettingState, peer: string, now: Instant): void {
  const to = state.places.of(peer);
  if (to === undefined || !state.pairs.ofPeer(peer).some(checksPath)) return;
  if (state.isBehindNat) state.actions.push({ kind: 'send-keepalive', to });
  planKeepalive(state, peer, now);
}
