/**
 * The SA pairs that this router installed, and which one of an SPD entry, kind and lane is in use for outbound packets.
 *
 * Make before break: a newer pair waits until the peer is known to have it, an older one keeps its inbound half to its
 * hard lifetime. Keys and counters are in the engine, never here.
 */
import type { SaPair } from '../../dataplane/engine.ts';
import type { MessageId } from '../../messages/message.ts';
import type { Instant } from '../../model/instant.ts';
import type { SaProtocol, Spi } from '../../model/security-association.ts';
import { type PacketSelector, type Selector, selectorMatches } from '../../model/selector.ts';

/**
 * `waiting`: inbound works, outbound still goes through an older pair, or is held until the path is known to work (path.ts).
 * `in use`: outbound goes through it. `old`: a newer one took over, inbound still works.
 */
export type PairRole = 'waiting' | 'in use' | 'old';

export interface InstalledPair {
  /** Of the request that it answers. */
  readonly id: MessageId;
  /** SPI of the inbound SA: the pair's name in the engine. */
  readonly spi: Spi;
  readonly outboundSpi: Spi;
  readonly entry: string;
  readonly kind: string;
  readonly lane: number;
  /**
   * Of the lanes that one worker has for this entry and kind, packets go through the one with the lowest: the first that there
   * was, and that again after each of its renewals, so that a flow stays where it is. Where every lane has a worker, all have 0.
   */
  readonly turn: number;
  readonly peer: string;
  readonly revision: number;
  readonly proposal: string;
  readonly protocol: SaProtocol;
  readonly encapsulation: 'udp' | 'raw';
  readonly selectors: readonly Selector[];
  readonly precedents: SaPair['precedents'];
  readonly installedAt: Instant;
  readonly hardAt: Instant;
  /** Rises with each installation. */
  readonly order: number;
  role: PairRole;
  /** The server said that both ends have it. */
  confirmed: boolean;
  /** Its soft lifetime passed, or a person asked for a renewal. */
  isDue: boolean;
  /** How often its renewal failed. */
  failedRenewals: number;
  /** An authentic packet came through it: there is a way from the peer to here. */
  isHeard: boolean;
  /** Dummies sent to find out. */
  pathTries: number;
}

export class PairTable {
  readonly #bySpi = new Map<Spi, InstalledPair>();
  readonly #byId = new Map<MessageId, InstalledPair>();
  readonly #byEntry = new Map<string, Set<InstalledPair>>();
  readonly #byPeer = new Map<string, Set<InstalledPair>>();
  #order = 0;

  /** The number of the next installation. */
  nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  add(pair: InstalledPair): void {
    this.#bySpi.set(pair.spi, pair);
    this.#byId.set(pair.id, pair);
    join(this.#byEntry, pair.entry, pair);
    join(this.#byPeer, pair.peer, pair);
  }

  remove(pair: InstalledPair): void {
    this.#bySpi.delete(pair.spi);
    this.#byId.delete(pair.id);
    leave(this.#byEntry, pair.entry, pair);
    leave(this.#byPeer, pair.peer, pair);
  }

  withSpi(spi: Spi): InstalledPair | undefined {
    return this.#bySpi.get(spi);
  }

  withId(id: MessageId): InstalledPair | undefined {
    return this.#byId.get(id);
  }

  all(): InstalledPair[] {
    return [...this.#bySpi.values()];
  }

  ofEntry(entry: string): InstalledPair[] {
    return [...(this.#byEntry.get(entry) ?? [])];
  }

  ofPeer(peer: string): InstalledPair[] {
    return [...(this.#byPeer.get(peer) ?? [])];
  }

  hasPeer(peer: string): boolean {
    return this.#byPeer.has(peer);
  }

  /** The pairs of `kind` and `lane`, the oldest first. */
  ofLane(entry: string, kind: string, lane: number): InstalledPair[] {
    return this.ofEntry(entry).filter((pair) => pair.kind === kind && pair.lane === lane);
  }

  /** The pair that is in use for outbound packets of `kind` and `lane`. */
  inUse(entry: string, kind: string, lane: number): InstalledPair | undefined {
    return this.ofLane(entry, kind, lane).find(({ role }) => role === 'in use');
  }

  /** The newest pair of `kind` and `lane` that waits to take over. */
  newestWaiting(entry: string, kind: string, lane: number): InstalledPair | undefined {
    return this.ofLane(entry, kind, lane)
      .filter(({ role }) => role === 'waiting')
      .reduce<InstalledPair | undefined>(
        (newest, pair) => (newest === undefined || pair.order > newest.order ? pair : newest),
        undefined,
      );
  }

  /** The newest pair, with a lane that `serves`, that waits for its path and would then carry `packet`. */
  awaitingPath(
    entry: string,
    packet: PacketSelector,
    serves: (lane: number) => boolean,
  ): InstalledPair | undefined {
    return this.ofEntry(entry).findLast(
      (pair) =>
        serves(pair.lane) &&
        pair.role === 'waiting' &&
        takes(pair, packet) &&
        this.inUse(entry, pair.kind, pair.lane) === undefined,
    );
  }

  /** A pair in use, with a lane that `serves`, through which `packet` would leave: it is selected, and no kind goes before. */
  carrying(
    entry: string,
    packet: PacketSelector,
    serves: (lane: number) => boolean,
  ): InstalledPair | undefined {
    return this.ofEntry(entry).find(
      (pair) => serves(pair.lane) && pair.role === 'in use' && takes(pair, packet),
    );
  }

  /**
   * Makes `pair` the one that carries outbound packets and the pairs before it old. False when it already does, or when a
   * newer one does: outbound never goes back to an older pair.
   */
  takeOver(pair: InstalledPair): boolean {
    const current = this.inUse(pair.entry, pair.kind, pair.lane);
    if (current === pair || pair.role === 'old') return false;
    if (current !== undefined && current.order > pair.order) return false;
    for (const other of this.ofLane(pair.entry, pair.kind, pair.lane)) {
      if (other.order < pair.order) other.role = 'old';
    }
    pair.role = 'in use';
    return true;
  }
}

/** The packet is selected, and no kind goes before. */
function takes({ selectors, precedents }: InstalledPair, packet: PacketSelector): boolean {
  return (
    selectors.some((selector) => selectorMatches(selector, packet)) &&
    !precedents.some((precedent) => precedent.selectors.some((selector) => selectorMatches(selector, packet)))
  );
}

function join(index: Map<string, Set<InstalledPair>>, key: string, pair: InstalledPair): void {
  const members = index.get(key);
  if (members === undefined) index.set(key, new Set([pair]));
  else members.add(pair);
}

function leave(index: Map<string, Set<InstalledPair>>, key: string, pair: InstalledPair): void {
  const members = index.get(key);
  members?.delete(pair);
  if (members?.size === 0) index.delete(key);
}
