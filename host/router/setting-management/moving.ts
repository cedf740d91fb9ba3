/**
 * A peer that moved: its SAs go on at its new place, with the keys that they have. The server tells where it sees the peer;
 * the peer's own authentic packets may show another place, and know better (RFC 7296 section 2.23).
 */
import { type Endpoint, equalEndpoints } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import type { InstalledPair } from './pairs.ts';
import { checksPath, showPlace } from './path.ts';
import type { SettingState } from './setting-state.ts';

/**
 * The server says that it sees `peer` at `endpoint`. Returns where its packets go from now on; what SAs there are with it
 * move along, and a NAT before this router is opened for that place.
 */
export function tellPlace(state: SettingState, peer: string, endpoint: Endpoint, now: Instant): Endpoint {
  const before = state.places.of(peer);
  const place = state.places.told(peer, endpoint);
  if (before === undefined || equalEndpoints(before, place)) return place;
  const pairs = state.pairs.ofPeer(peer);
  move(state, pairs, place);
  const pair = pairs.find((one) => checksPath(one) && one.role !== 'old');
  if (pair !== undefined) showPlace(state, pair, now);
  return place;
}

/** An authentic packet of the pair came from `from`: one mapping of a NAT carries all of the peer's SAs in UDP. */
export function followPeer(state: SettingState, { peer }: InstalledPair, from: Endpoint): void {
  state.places.shown(peer, from);
  const pairs = state.pairs.ofPeer(peer).filter(({ encapsulation }) => encapsulation === 'udp');
  move(state, pairs, from);
}

function move(state: SettingState, pairs: readonly InstalledPair[], place: Endpoint): void {
  // SAs cannot move to the other family: their own outer address is of this one.
  if (pairs.length === 0 || state.localEndpoint(place) === undefined) return;
  state.change({ move: pairs.map(({ spi }) => ({ spi, peer: place })) });
}
