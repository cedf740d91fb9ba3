/**
 * The router's setting management: asks the setting server for what the SPD wants, applies what it distributes, renews it,
 * and forgets it when told. A pure machine: `handle(event, now)` returns what to do, in order; README.md beside host/router
 * has the table of states. DESIGN.md section 5.
 *
 * This file says which event goes to which part: requesting.ts, installing.ts, renewal.ts.
 */
import type { ServerMessage } from '../../messages/message.ts';
import type { Endpoint } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import type { Spi } from '../../model/security-association.ts';
import { intersectSelectorLists, type PacketSelector, selectorContains } from '../../model/selector.ts';
import { giveUpUnanswered } from './dead-pair.ts';
import { recoverEngine } from './engine-lost.ts';
import type { SettingAction, SettingEvent } from './events.ts';
import { distribute } from './installing.ts';
import { followPeer, tellPlace } from './moving.ts';
import { moveOwn } from './own-move.ts';
import type { InstalledPair } from './pairs.ts';
import { checksPath, hearPeer, keepMapping, pathDue, planKeepalive, tryPath } from './path.ts';
import { expire, renew, renewalDue, takeOver } from './renewal.ts';
import {
  ask,
  dropSurplus,
  failRequest,
  hold,
  planUnblock,
  requestDue,
  startOver,
  startRequest,
  wait,
} from './requesting.ts';
import { wipeDistribution } from './sa-pair.ts';
import { type SettingOptions, SettingState, type SettingTimer } from './setting-state.ts';
import { applySpd } from './spd-change.ts';
import { followStartup, settleEcho } from './startup.ts';
import { type RequestStatus, type SettingStatus, statusOf } from './status.ts';
import { withdraw } from './withdrawal.ts';

/** An acquire that the engine raised before it knew of a pair may arrive this much after the pair was installed. */
const lateAcquireMs = 2_000;

type MessageOf<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>;

export class SettingManagement {
  readonly #state: SettingState;

  constructor(options: SettingOptions) {
    this.#state = new SettingState(options);
  }

  /** The first actions: the engine gets the SPD. */
  start(): SettingAction[] {
    this.#state.change({ spd: this.#state.entries });
    return this.#takeActions();
  }

  /** Takes in what happened at `now` and returns what to do, in this order. */
  handle(event: SettingEvent, now: Instant): SettingAction[] {
    this.#dispatch(event, now);
    return this.#takeActions();
  }

  /** When to call `handle` with a deadline at the latest; undefined when nothing waits. */
  nextDeadline(): Instant | undefined {
    return this.#state.deadlines.next();
  }

  /** What is asked for now. */
  requests(): readonly RequestStatus[] {
    return this.#state.requests.all();
  }

  /** Everything that `sekisho status` shows of it; no keys. */
  status(): SettingStatus {
    return statusOf(this.#state);
  }

  #takeActions(): SettingAction[] {
    const { actions } = this.#state;
    this.#state.actions = [];
    return actions;
  }

  #dispatch(event: SettingEvent, now: Instant): void {
    const state = this.#state;
    switch (event.kind) {
      case 'acquire':
        this.#acquire(event.entry, event.packet, event.worker ?? 0, now);
        return;
      case 'soft-lifetime':
      case 'renew':
        this.#withPair(event.spi, (pair) => renew(state, pair, now));
        return;
      case 'hard-lifetime':
        this.#withPair(event.spi, (pair) => expire(state, pair, now < pair.hardAt, now));
        return;
      case 'first-authentic':
        this.#withPair(event.spi, (pair) => hearPeer(state, pair, now));
        return;
      case 'unknown-spi':
        this.#unknownSpi(event.spi, event.from, now);
        return;
      case 'peer-moved':
        this.#withPair(event.spi, (pair) => followPeer(state, pair, event.from));
        return;
      case 'local-moved':
        this.#noteNat(event.behindNat, now);
        moveOwn(state, event.ownAddress, now);
        return;
      case 'unanswered':
        this.#withPair(event.spi, (pair) => giveUpUnanswered(state, pair, now));
        return;
      case 'message':
        this.#message(event.message, now);
        return;
      case 'channel-up':
        this.#channelUp(event.behindNat, now);
        return;
      case 'channel-down':
        this.#channelDown(now);
        return;
      case 'spd':
        applySpd(state, event.entries, now);
        return;
      case 'engine-lost':
        recoverEngine(state, now);
        return;
      case 'deadline':
        this.#deadline(now);
        return;
    }
  }

  #withPair(spi: Spi, act: (pair: InstalledPair) => void): void {
    const pair = this.#state.pairs.withSpi(spi);
    if (pair !== undefined) act(pair);
  }

  /** A worker asks for the lane with its own number, unless another that its engine has will do. */
  #acquire(entryName: string, packet: PacketSelector, worker: number, now: Instant): void {
    const state = this.#state;
    const serves = (lane: number): boolean => state.workerOf(lane) === worker;
    const entry = state.protectEntry(entryName);
    // Edited away, or refused, while the event was on its way: the held packet was dealt with then.
    if (entry === undefined || state.backOff.holds(entryName, packet)) return;
    const underWay = state.requests.covering(entryName, packet, serves);
    if (underWay !== undefined) {
      underWay.absorbed = true;
      // Now a packet of ours waits for it: if the startup was a late duplicate, the server is to answer all the same.
      if (underWay.startupId !== null) state.rememberStartup(underWay.startupId);
      underWay.startupId = null;
      return;
    }
    // It is held until the peer is heard, or there is found to be no path.
    if (state.pairs.awaitingPath(entryName, packet, serves) !== undefined) return;
    const carrying = state.pairs.carrying(entryName, packet, serves);
    if (carrying !== undefined) {
      if (now - carrying.installedAt >= lateAcquireMs) renew(state, carrying, now);
      return;
    }
    startRequest(
      state,
      { entry, cause: 'acquire', kind: '', lane: worker, packet, startupId: null, scope: undefined },
      now,
    );
  }

  #unknownSpi(spi: Spi, from: Endpoint, now: Instant): void {
    const state = this.#state;
    // It is another worker's, and came along with what was this one's: nothing is wrong with it.
    if (!state.channelIsUp || state.pairs.withSpi(spi) !== undefined) return;
    const report = state.reports.unknownSpi(spi, from, now);
    if (report !== undefined) state.send(report);
  }

  #message(message: ServerMessage, now: Instant): void {
    const state = this.#state;
    if (message.source !== state.name) {
      if (message.type === 'distribution') wipeDistribution(message);
      state.ignore(`${message.type} for another router`, message.peer, now);
      return;
    }
    switch (message.type) {
      case 'welcome':
      case 'upgrade':
      case 'upgrade-noted':
        return; // the router's own, router.ts
      case 'distribution':
        distribute(state, message, now);
        return;
      case 'both-installed':
        this.#bothInstalled(message, now);
        return;
      case 'request-startup':
        followStartup(state, message, now);
        return;
      case 'withdraw':
        withdraw(state, message, now);
        return;
      case 'endpoint':
        if (state.pairs.hasPeer(message.peer)) tellPlace(state, message.peer, message.endpoint, now);
        return;
      default:
        this.#answer(message, now);
        return;
    }
  }

  /** What the server says about a request under way. */
  #answer(
    message: MessageOf<
      'pending' | 'no-corresponding-entry' | 'no-response' | 'refused' | 'contents-inconsistent'
    >,
    now: Instant,
  ): void {
    const state = this.#state;
    const request = state.requests.find(message.id);
    if (request === undefined || request.peer !== message.peer) {
      state.ignore(`${message.type} for an id that is not under way`, message.peer, now);
      return;
    }
    switch (message.type) {
      case 'pending': {
        if (request.kind === '') {
          request.kind = message.kind;
          dropSurplus(state, request, now);
        }
        hold(state, request, now);
        settleEcho(state, request, message.kind, now);
        return;
      }
      case 'no-corresponding-entry': {
        const own = state.protectEntry(request.entry)?.selectors ?? [];
        const refused = intersectSelectorLists(message.selectors, own);
        const isWhole = own.every((one) => refused.some((other) => selectorContains(other, one)));
        const scope = refused.length === 0 || isWhole ? undefined : refused;
        failRequest(state, request, 'no corresponding entry', message.reason, scope, now);
        return;
      }
      case 'no-response':
        failRequest(state, request, 'no response', message.reason, undefined, now);
        return;
      case 'refused':
        failRequest(state, request, 'refused', message.reason, undefined, now);
        return;
      case 'contents-inconsistent': {
        const avoid = new Set([request.spi, ...message.entries.map(({ spi }) => spi)]);
        if (startOver(state, request, { avoid, isOver: false }, now)) return;
        failRequest(
          state,
          request,
          'contents inconsistent',
          `still so after ${request.freshIds} fresh ids`,
          undefined,
          now,
        );
        return;
      }
    }
  }

  #bothInstalled(message: MessageOf<'both-installed'>, now: Instant): void {
    const state = this.#state;
    const pair = state.pairs.withId(message.id);
    if (pair === undefined) {
      state.ignore('both-installed for an unknown id', message.peer, now);
      return;
    }
    if (!pair.confirmed) tryPath(state, pair, now);
    pair.confirmed = true;
    const awaitsPath =
      checksPath(pair) && !pair.isHeard && state.pairs.inUse(pair.entry, pair.kind, pair.lane) === undefined;
    if (!awaitsPath) takeOver(state, pair, 'both ends have it', now);
  }

  #channelUp(isBehindNat: boolean, now: Instant): void {
    const state = this.#state;
    state.channelIsUp = true;
    this.#noteNat(isBehindNat, now);
    for (const entry of state.backOff.entries()) {
      if (!state.backOff.keep(entry, ({ failure }) => failure !== 'server unreachable')) continue;
      state.change({ block: [{ entry, selectors: state.backOff.selectors(entry) }] });
      planUnblock(state, entry);
    }
    for (const request of state.requests.all()) ask(state, request, now);
    state.sendReports(now);
  }

  #noteNat(isBehindNat: boolean, now: Instant): void {
    const state = this.#state;
    const isNews = isBehindNat && !state.isBehindNat;
    state.isBehindNat = isBehindNat;
    if (!isNews) return;
    for (const peer of new Set(state.pairs.all().map((pair) => pair.peer))) planKeepalive(state, peer, now);
  }

  #channelDown(now: Instant): void {
    const state = this.#state;
    if (!state.channelIsUp) return;
    state.channelIsUp = false;
    for (const request of state.requests.all()) wait(state, request, now);
    state.sendReports(now);
  }

  #deadline(now: Instant): void {
    for (;;) {
      const timer = this.#state.deadlines.takeDue(now);
      if (timer === undefined) return;
      this.#fire(timer, now);
    }
  }

  #fire(timer: SettingTimer, now: Instant): void {
    const state = this.#state;
    switch (timer.kind) {
      case 'request': {
        const request = state.requests.find(timer.id);
        if (request !== undefined) requestDue(state, request, now);
        return;
      }
      case 'hard-lifetime':
        this.#withPair(timer.spi, (pair) => expire(state, pair, false, now));
        return;
      case 'renewal':
        renewalDue(state, timer.spi, now);
        return;
      case 'unblock': {
        if (state.backOff.keep(timer.entry, ({ until }) => until > now)) {
          state.change({
            block: [{ entry: timer.entry, selectors: state.backOff.selectors(timer.entry) }],
          });
        }
        planUnblock(state, timer.entry);
        return;
      }
      case 'path':
        this.#withPair(timer.spi, (pair) => pathDue(state, pair, now));
        return;
      case 'keepalive':
        keepMapping(state, timer.peer, now);
        return;
      case 'reports':
        state.sendReports(now);
        return;
    }
  }
}
