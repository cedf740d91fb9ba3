/**
 * Where the packets for each peer go: where the setting server sees it, until its own packets show another place. A NAT
 * may give the peer's packets to this router another port than those to the server.
 */
import { type Endpoint, equalAddresses, equalEndpoints } from '../../model/address.ts';

interface Place {
  /** The server's last word. */
  told: Endpoint;
  current: Endpoint;
}

export class PeerPlaces {
  readonly #places = new Map<string, Place>();

  /**
   * The server says where it sees `peer`. Returns where packets go from now on: what it says, unless it said the same
   * before, or names the address that the peer's own packets come from and only another port.
   */
  told(peer: string, endpoint: Endpoint): Endpoint {
    const known = this.#places.get(peer);
    if (known === undefined) {
      this.#places.set(peer, { told: endpoint, current: endpoint });
      return endpoint;
    }
    const isNews = !equalEndpoints(known.told, endpoint);
    const hasShown = !equalEndpoints(known.told, known.current);
    known.told = endpoint;
    if (isNews && !(hasShown && equalAddresses(known.current.address, endpoint.address)))
      known.current = endpoint;
    return known.current;
  }

  /** An authentic packet of `peer` came from there. */
  shown(peer: string, endpoint: Endpoint): void {
    const known = this.#places.get(peer);
    if (known !== undefined) known.current = endpoint;
  }

  of(peer: string): Endpoint | undefined {
    return this.#places.get(peer)?.current;
  }

  /** No SAs with the peer are left. */
  forget(peer: string): void {
    this.#places.delete(peer);
  }
}
