/**
 * The requests under way at this router: what was asked, under which id and SPI, and how far it got. At most one for an
 * SPD entry, kind and lane at a time; a request whose kind the server has yet to find counts for every kind of its entry.
 *
 * It keeps the table and answers questions about it. Sending, waiting and failing are setting-management.ts.
 */
import type { MessageId, Request, RequestStartup } from '../../messages/message.ts';
import type { Instant } from '../../model/instant.ts';
import type { SpdEntry } from '../../model/policy.ts';
import type { Spi } from '../../model/security-association.ts';
import { type PacketSelector, type Selector, selectorMatches } from '../../model/selector.ts';

/**
 * `waiting`: there is no channel, nothing was sent since it went down. `asked`: repeated until the server says something.
 * `pending`: the server knows it and asks the peer.
 */
export type RequestPhase = 'waiting' | 'asked' | 'pending';

/** One request. The table's owner changes the fields that are not read-only. */
export interface SettingRequest {
  readonly id: MessageId;
  readonly entry: string;
  readonly peer: string;
  readonly spi: Spi;
  /** Which of the pairs with this peer that may stand side by side, one for each worker of the router that has more of them. */
  readonly lane: number;
  /** Why it was made. */
  readonly cause: 'acquire' | 'renewal' | 'startup';
  /** Empty until the server named it. */
  kind: string;
  readonly packet: PacketSelector | null;
  /** Echoed at each repetition; only by a request without a packet, which a startup made or means the same as one. */
  startupId: MessageId | null;
  /** What the pair will be for, where that is known: acquires for other packets are not absorbed. */
  readonly scope: readonly Selector[] | undefined;
  /** The startup that it echoed once in passing, as far as it may turn out to be of another kind than the packet. */
  echoed: RequestStartup | null;
  phase: RequestPhase;
  /** How often it went out. */
  tries: number;
  /** How often it started over with a fresh id. */
  readonly freshIds: number;
  /** It fails then, whatever happened before. */
  giveUpAt: Instant;
  /** An acquire was answered by "wait for this one". */
  absorbed: boolean;
}

export class RequestTable {
  readonly #byId = new Map<MessageId, SettingRequest>();
  readonly #byEntry = new Map<string, Set<SettingRequest>>();

  add(request: SettingRequest): void {
    this.#byId.set(request.id, request);
    const ofEntry = this.#byEntry.get(request.entry);
    if (ofEntry === undefined) this.#byEntry.set(request.entry, new Set([request]));
    else ofEntry.add(request);
  }

  remove(request: SettingRequest): void {
    this.#byId.delete(request.id);
    const ofEntry = this.#byEntry.get(request.entry);
    ofEntry?.delete(request);
    if (ofEntry?.size === 0) this.#byEntry.delete(request.entry);
  }

  find(id: MessageId): SettingRequest | undefined {
    return this.#byId.get(id);
  }

  all(): SettingRequest[] {
    return [...this.#byId.values()];
  }

  ofEntry(entry: string): SettingRequest[] {
    return [...(this.#byEntry.get(entry) ?? [])];
  }

  /** The requests of `entry` for `kind` and `lane`, and none of unknown kind. */
  ofKind(entry: string, kind: string, lane: number): SettingRequest[] {
    return this.ofEntry(entry).filter((request) => request.kind === kind && request.lane === lane);
  }

  /** The request whose answer may be for `packet`, with a lane that `serves`: held packets that it was not for are asked for afterwards. */
  covering(
    entry: string,
    packet: PacketSelector,
    serves: (lane: number) => boolean,
  ): SettingRequest | undefined {
    return this.ofEntry(entry).find(
      ({ scope, lane }) =>
        serves(lane) && (scope === undefined || scope.some((selector) => selectorMatches(selector, packet))),
    );
  }

  /** The request that `startup` means, so that no second one is needed. */
  meantBy(entry: string, { kind, lane, selectors }: RequestStartup): SettingRequest | undefined {
    const ofLane = this.ofEntry(entry).filter((request) => request.lane === lane);
    return (
      ofLane.find((request) => request.kind === kind) ??
      ofLane.find(
        ({ kind: own, packet }) =>
          own === '' && packet !== null && selectors.some((selector) => selectorMatches(selector, packet)),
      )
    );
  }
}

/** The message that asks for `request`, the same at each repetition. */
export function requestMessage(request: SettingRequest, source: string, entry: SpdEntry): Request {
  return {
    type: 'request',
    id: request.id,
    source,
    peer: request.peer,
    kind: request.kind,
    spi: request.spi,
    lane: request.lane,
    selectors: entry.selectors,
    packet: request.packet,
    startupId: request.startupId,
  };
}
