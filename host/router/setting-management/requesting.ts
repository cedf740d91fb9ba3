/**
 * Asking the server: starting a request, repeating it, starting over with a fresh id, giving up. DESIGN.md section 5,
 * "Router". What a distribution does is installing.ts.
 */
import type { TableChange } from '../../dataplane/engine.ts';
import type { MessageId, RequestStartup } from '../../messages/message.ts';
import { earliest, type Instant } from '../../model/instant.ts';
import type { SpdEntry } from '../../model/policy.ts';
import type { Spi } from '../../model/security-association.ts';
import type { PacketSelector, Selector } from '../../model/selector.ts';
import type { SettingFailure } from './events.ts';
import { requestMessage, type SettingRequest } from './request.ts';
import { formatSpi, type SettingState } from './setting-state.ts';

export interface Wanted {
  readonly entry: SpdEntry & { readonly requestPeer: string };
  readonly cause: SettingRequest['cause'];
  readonly kind: string;
  readonly lane: number;
  readonly packet: PacketSelector | null;
  readonly startupId: MessageId | null;
  readonly scope: readonly Selector[] | undefined;
}

/** Begins a request: reserves an SPI and asks at once, or as soon as there is a channel. */
export function startRequest(state: SettingState, wanted: Wanted, now: Instant): void {
  begin(state, wanted, { freshIds: 0, absorbed: false, avoid: new Set(), release: [] }, now);
}

/**
 * Ends `request` and asks anew under a fresh id and SPI; false when it did so often enough. `isOver` says that the server
 * ended it; otherwise it is told.
 */
export function startOver(
  state: SettingState,
  request: SettingRequest,
  options: { readonly avoid: ReadonlySet<Spi>; readonly isOver: boolean },
  now: Instant,
): boolean {
  const entry = state.protectEntry(request.entry);
  if (entry === undefined || request.freshIds >= state.timers.freshIdTries) return false;
  forget(state, request);
  if (!options.isOver) giveUp(state, request, now);
  const wanted: Wanted = {
    entry,
    cause: request.cause,
    // A packet lets the server find the kind again: its policies may have changed.
    kind: request.packet === null ? request.kind : '',
    lane: request.lane,
    packet: request.packet,
    startupId: request.startupId,
    scope: request.scope,
  };
  begin(
    state,
    wanted,
    {
      freshIds: request.freshIds + 1,
      absorbed: request.absorbed,
      avoid: options.avoid,
      release: [request.spi],
    },
    now,
  );
  return true;
}

function begin(
  state: SettingState,
  wanted: Wanted,
  history: {
    readonly freshIds: number;
    readonly absorbed: boolean;
    readonly avoid: ReadonlySet<Spi>;
    readonly release: readonly Spi[];
  },
  now: Instant,
): void {
  const { entry } = wanted;
  const spi = state.spiAllocator.allocate(history.avoid, state.workerOf(wanted.lane));
  for (const unused of history.release) state.spiAllocator.release(unused);
  const request: SettingRequest = {
    id: state.freshId(),
    entry: entry.name,
    peer: entry.requestPeer,
    spi: spi ?? 0,
    lane: wanted.lane,
    cause: wanted.cause,
    kind: wanted.kind,
    packet: wanted.packet,
    startupId: wanted.startupId,
    scope: wanted.scope,
    phase: 'waiting',
    tries: 0,
    echoed: null,
    freshIds: history.freshIds,
    giveUpAt: now + state.timers.channelWaitMs,
    absorbed: history.absorbed,
  };
  if (spi === undefined) {
    const change = history.release.length === 0 ? {} : { release: history.release };
    settle(state, request, 'refused', 'no place is left for another SA pair', undefined, change, now);
    return;
  }
  state.requests.add(request);
  state.change(
    history.release.length === 0 ? { reserve: [spi] } : { reserve: [spi], release: history.release },
  );
  if (state.channelIsUp) ask(state, request, now);
  else wait(state, request, now);
}

/** Sends `request` now and plans its repetition. */
export function ask(state: SettingState, request: SettingRequest, now: Instant): void {
  const entry = state.protectEntry(request.entry);
  if (entry === undefined) return;
  const { timers } = state;
  if (request.phase === 'waiting') {
    request.phase = 'asked';
    request.giveUpAt = now + timers.requestTries * timers.requestIntervalMs;
  }
  request.tries += 1;
  state.send(requestMessage(request, state.name, entry));
  if (request.tries === 1) {
    const kind = request.kind === '' ? '' : ` kind ${request.kind},`;
    state.log(
      'info',
      request.cause === 'renewal' ? 'renewing' : 'requested',
      request,
      `${request.cause},${kind} id ${request.id}, SPI ${formatSpi(request.spi)}`,
    );
  }
  const intervalMs = request.phase === 'pending' ? timers.pendingIntervalMs : timers.requestIntervalMs;
  plan(state, request, now + intervalMs);
}

/**
 * Sends a request with a packet once more, echoing `startup`. Only once: should the startup be over, the server ignores what
 * echoes it, and the packet is to be answered all the same.
 */
export function echo(state: SettingState, request: SettingRequest, startup: RequestStartup): void {
  const entry = state.protectEntry(request.entry);
  if (entry === undefined || !state.channelIsUp) return;
  request.echoed = startup;
  state.send({ ...requestMessage(request, state.name, entry), startupId: startup.id });
}

/** Without a channel: holds on until it is up, for a bounded time. */
export function wait(state: SettingState, request: SettingRequest, now: Instant): void {
  if (request.phase === 'asked') {
    request.phase = 'waiting';
    request.giveUpAt = now + state.timers.channelWaitMs;
  }
  plan(state, request, undefined);
}

/** The server has it: waits for the final word, repeating rarely. */
export function hold(state: SettingState, request: SettingRequest, now: Instant): void {
  if (request.phase !== 'pending') {
    request.phase = 'pending';
    request.giveUpAt = now + state.timers.pendingWaitMs;
  }
  plan(state, request, now + state.timers.pendingIntervalMs);
}

function plan(state: SettingState, request: SettingRequest, at: Instant | undefined): void {
  const due = earliest(at, request.giveUpAt) ?? request.giveUpAt;
  state.deadlines.set(timerKey(request), due, { kind: 'request', id: request.id });
}

/** The request's timer fired: repeats it, or gives it up. */
export function requestDue(state: SettingState, request: SettingRequest, now: Instant): void {
  if (now >= request.giveUpAt) {
    const [failure, detail] = unanswered(state, request);
    giveUp(state, request, now);
    failRequest(state, request, failure, detail, undefined, now);
  } else if (state.channelIsUp) {
    ask(state, request, now);
  } else {
    wait(state, request, now);
  }
}

/** Tells the server that nobody waits for this request any more, so that the peer does not install what nobody has here. */
function giveUp(state: SettingState, request: SettingRequest, now: Instant): void {
  if (request.tries === 0) return;
  state.reports.deleted(request, now);
  state.sendReports(now);
}

function unanswered(state: SettingState, request: SettingRequest): [SettingFailure, string] {
  if (!state.channelIsUp || request.phase === 'waiting')
    return ['server unreachable', 'there is no channel to the setting server'];
  if (request.phase === 'pending')
    return ['no response', 'the setting server knows the request but gave no final answer in time'];
  return ['server unreachable', `the setting server answered none of ${request.tries} requests`];
}

/**
 * Gives `request` up. `refused` says how far the failure reaches, undefined being the whole entry: matching packets are
 * refused for a while, those held already are dropped.
 */
export function failRequest(
  state: SettingState,
  request: SettingRequest,
  failure: SettingFailure,
  detail: string,
  refused: readonly Selector[] | undefined,
  now: Instant,
): void {
  forget(state, request);
  state.spiAllocator.release(request.spi);
  settle(state, request, failure, detail, refused, { release: [request.spi] }, now);
}

/** Ends a request that nobody needs any more; the caller tells the engine and gives the SPI back. */
export function forget(state: SettingState, request: SettingRequest): void {
  state.requests.remove(request);
  state.deadlines.clear(timerKey(request));
  if (request.startupId !== null) state.rememberStartup(request.startupId);
}

/**
 * Ends the other requests for what `request` turned out to be for: the server goes by the newest id, and nothing is asked
 * for twice.
 */
export function dropSurplus(state: SettingState, request: SettingRequest, now: Instant): void {
  const { entry, kind, lane } = request;
  const surplus = state.requests.ofKind(entry, kind, lane).filter((other) => other !== request);
  if (surplus.length === 0) return;
  for (const one of surplus) {
    forget(state, one);
    state.spiAllocator.release(one.spi);
    state.reports.deleted(one, now);
    if (one.absorbed) request.absorbed = true;
  }
  state.change({ release: surplus.map(({ spi }) => spi) });
  state.sendReports(now);
}

function settle(
  state: SettingState,
  request: SettingRequest,
  failure: SettingFailure,
  detail: string,
  refused: readonly Selector[] | undefined,
  change: TableChange,
  now: Instant,
): void {
  if (request.cause === 'startup') {
    // Nothing of ours waits for it: the startup was a late one, or the peer's own request failed and it knows why.
    state.log('info', 'ignored', request, `startup, kind ${request.kind}: ${failure}: ${detail}`);
  } else {
    state.log('warn', 'failed', request, `${failure}: ${detail}`);
    state.failures.set(request.entry, { failure, detail, at: now });
  }
  if (request.packet === null) {
    // Nothing of ours waits for a renewal or a startup; what was told to wait for it is asked for by itself now.
    if (Object.keys(change).length > 0) state.change(change);
    planRenewalRetry(state, request, now);
    if (request.absorbed) state.releaseHeld(request.entry, request.lane);
    return;
  }
  const entry = state.protectEntry(request.entry);
  state.backOff.add(request.entry, refused ?? entry?.selectors ?? [], failure, now);
  planUnblock(state, request.entry);
  state.change({
    ...change,
    block: [{ entry: request.entry, selectors: state.backOff.selectors(request.entry) }],
  });
  // With part of the entry refused, the held packets are sorted by the engine: blocked, or asked for again.
  if (refused === undefined) state.dropHeld(request.entry, failure);
  else state.releaseHeld(request.entry);
}

/** Tries the renewal again later, if the pair it was for still carries traffic. */
export function planRenewalRetry(
  state: SettingState,
  about: { readonly entry: string; readonly kind: string; readonly lane: number },
  now: Instant,
): void {
  const pair = state.pairs.inUse(about.entry, about.kind, about.lane);
  if (pair?.isDue !== true) return;
  const { renewalRetryMs, backOffMaxMs } = state.timers;
  const at = now + Math.min(renewalRetryMs * 2 ** Math.min(pair.failedRenewals, 16), backOffMaxMs);
  pair.failedRenewals += 1;
  if (at < pair.hardAt) state.deadlines.set(`renewal:${pair.spi}`, at, { kind: 'renewal', spi: pair.spi });
}

/** Sets the timer that ends the entry's first block. */
export function planUnblock(state: SettingState, entry: string): void {
  const at = state.backOff.nextEnd(entry);
  if (at === undefined) state.deadlines.clear(`unblock:${entry}`);
  else state.deadlines.set(`unblock:${entry}`, at, { kind: 'unblock', entry });
}

function timerKey(request: SettingRequest): string {
  return `request:${request.id}`;
}
