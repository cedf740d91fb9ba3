/**
 * Paths that take less than the interface they begin at. The kernel hears of one by ICMP (RFC 1191, RFC 8201), and then refuses our
 * datagrams that must not be fragmented; the engine is told, and from then on tells hosts what fits (RFC 4301 section 8.2). A host
 * whose packet was refused so has lost that one, and learns with the next. What the kernel has forgotten, it does after ten
 * minutes, is forgotten here.
 */
import type { Dataplane } from '../dataplane/dataplane.ts';
import { type Address, formatAddress } from '../model/address.ts';
import { addSeconds, type Instant } from '../model/instant.ts';

const lookSeconds = 60;
/** A burst that does not fit makes one question of it. */
const pauseMs = 20;

export class PathMtus {
  readonly #pathMtu: (peer: Address) => number | undefined;
  readonly #dataplane: Dataplane;
  /** Those that are not as at the start, by the text of the peer's address. */
  readonly #known = new Map<string, Address>();
  #askedAt: Instant | undefined;
  #dueAt: Instant | undefined;

  /** @param pathMtu asks the kernel; undefined where there is no way to the peer */
  constructor(pathMtu: (peer: Address) => number | undefined, dataplane: Dataplane) {
    this.#pathMtu = pathMtu;
    this.#dataplane = dataplane;
  }

  /** When the next look is due; undefined while all paths are as at the start. */
  get dueAt(): Instant | undefined {
    return this.#dueAt;
  }

  /** A datagram to `peer` was too long for its path. */
  refused(peer: Address, now: Instant): void {
    if (this.#askedAt !== undefined && now - this.#askedAt < pauseMs) return;
    this.#askedAt = now;
    this.#ask(peer);
    this.#dueAt ??= addSeconds(now, lookSeconds);
  }

  /** Asks again about the paths that were found short, when it is time. Returns how many there were. */
  look(now: Instant): number {
    if (this.#dueAt === undefined || now < this.#dueAt) return 0;
    const looked = this.#known.size;
    for (const peer of [...this.#known.values()]) this.#ask(peer);
    this.#dueAt = this.#known.size === 0 ? undefined : addSeconds(now, lookSeconds);
    return looked;
  }

  #ask(peer: Address): void {
    const octets = this.#pathMtu(peer);
    if (octets === undefined) return;
    const name = formatAddress(peer);
    if (this.#dataplane.setPathMtu(peer, octets)) this.#known.set(name, peer);
    else this.#known.delete(name);
  }
}
