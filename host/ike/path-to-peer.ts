/**
 * Between which addresses and ports the messages of an established IKE SA travel, and what moves them.
 * RFC 7296 sections 2.11 and 2.23.
 */
import { type Endpoint, equalAddresses } from '../model/address.ts';
import { type SendAction, sendAll } from './events.ts';

export class PathToPeer {
  /** Only the responder follows: an end behind a NAT must not, and its peer's address is fixed (RFC 7296 section 2.23). */
  readonly #follows: boolean;
  #local: Endpoint;
  #peer: Endpoint;

  constructor(role: 'initiator' | 'responder', local: Endpoint, peer: Endpoint) {
    this.#follows = role === 'responder';
    this.#local = local;
    this.#peer = peer;
  }

  /** Where the last new authentic message came from. */
  get peer(): Endpoint {
    return this.#peer;
  }

  /** A new authentic message came from `from` to `to`. True when the peer has moved. */
  follow(from: Endpoint, to: Endpoint): boolean {
    if (!this.#follows) return false;
    this.#local = to;
    if (from.port === this.#peer.port && equalAddresses(from.address, this.#peer.address)) return false;
    this.#peer = from;
    return true;
  }

  send(messages: readonly Uint8Array[]): SendAction[] {
    return sendAll(messages, this.#local, this.#peer);
  }
}
