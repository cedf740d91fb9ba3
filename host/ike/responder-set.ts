/**
 * All IKE SAs of a responder: finds the one that a message belongs to at a cost that does not depend on their number,
 * answers IKE_SA_INIT, holds off floods with cookies and limits, replaces the SAs of an initiator that starts anew.
 * RFC 7296 sections 2.1, 2.4, 2.5, 2.6 and 2.21.
 */
import { createHash } from 'node:crypto';
import type { Address } from '../model/address.ts';
import { DeadlineHeap } from '../model/deadline-heap.ts';
import type { Instant } from '../model/instant.ts';
import { Secret } from '../model/secret.ts';
import {
  type IkeAction,
  type MessageEvent,
  type RefusalCounters,
  type RefusalReason,
  type ResponderEvent,
  type SaId,
  saIdOf,
  zeroRefusalCounters,
} from './events.ts';
import { addressedSaId, freshSpi } from './ike-spi.ts';
import { Responder, type ResponderConfig } from './responder.ts';
import { Cookies } from './sa-init/cookies.ts';
import { parseSaInit, parseUnprotected } from './sa-init/sa-init.ts';
import { answerSaInit, type SaInitOutcome } from './sa-init/sa-init-answer.ts';
import { refuseUnknownCritical } from './wire/critical-payload.ts';
import { IkeHeader } from './wire/header.ts';
import { exchangeTypes, ikeMajorVersion, notifyTypes, payloadTypes } from './wire/iana-numbers.ts';
import { identityKey } from './wire/identification.ts';
import { parseNonce } from './wire/key-exchange.ts';
import { encodeNotify } from './wire/notify.ts';
import { encodeMessage, type PayloadValue } from './wire/payload-chain.ts';
import type { PayloadSet } from './wire/payload-set.ts';
import { plainOctets } from './wire/syntax.ts';

export interface ResponderLimits {
  /** IKE SAs that are not authenticated, from which on cookies are demanded. */
  readonly cookieThreshold: number;
  /** IKE SAs that are not authenticated, at which the oldest of them gives way to a new one. */
  readonly halfOpenLimit: number;
  /**
   * Those of one address, or of one IPv6 network of 64 bits, that has shown by a cookie that it receives there. Below the
   * cookie threshold nothing is counted: anybody could use up the share of an address that is not his.
   */
  readonly halfOpenPerAddress: number;
  /** Established IKE SAs of one identity; the oldest gives way. Room for make-before-break and lost deletes. */
  readonly sasPerIdentity: number;
  /** Unprotected answers a second to messages for IKE SAs unknown here. */
  readonly hintsPerSecond: number;
}

export const defaultResponderLimits: ResponderLimits = {
  cookieThreshold: 256,
  halfOpenLimit: 4096,
  halfOpenPerAddress: 64,
  sasPerIdentity: 4,
  hintsPerSecond: 100,
};

export class ResponderSet {
  /** Messages that changed nothing or were refused, by reason. */
  readonly counters: RefusalCounters = zeroRefusalCounters();
  readonly #config: ResponderConfig;
  readonly #limits: ResponderLimits;
  readonly #cookies: Cookies;
  readonly #unknownKey: Secret;
  /** By every name that it has: around a rekeying these are several. */
  readonly #bySaId = new Map<SaId, Responder>();
  readonly #saIdsOf = new Map<Responder, readonly SaId[]>();
  /** By digest of the IKE_SA_INIT request, so that a repetition finds its answer (RFC 7296 section 2.1). */
  readonly #byInitRequest = new Map<string, Responder>();
  readonly #initRequestOf = new Map<Responder, string>();
  /** Established SAs by identity, oldest first. */
  readonly #byIdentity = new Map<string, Set<Responder>>();
  readonly #identityOf = new Map<Responder, string>();
  /** Oldest first. */
  readonly #halfOpen = new Set<Responder>();
  /** How many of them each address has that has sent a cookie, and which address each of those is from. */
  readonly #halfOpenAt = new Map<string, number>();
  readonly #provenAddressOf = new Map<Responder, string>();
  readonly #deadlines = new DeadlineHeap<Responder>();
  #hints = { since: 0, count: 0 };

  constructor(config: ResponderConfig, limits: ResponderLimits = defaultResponderLimits) {
    this.#config = config;
    this.#limits = limits;
    this.#cookies = new Cookies(config.random);
    this.#unknownKey = new Secret(config.random(32));
  }

  /** IKE SAs of any state; one and those that it replaces count once. */
  get size(): number {
    return this.#saIdsOf.size;
  }

  get halfOpenCount(): number {
    return this.#halfOpen.size;
  }

  /** The IKE SA of that name, for its `established` state and its peer's present address. */
  responder(saId: SaId): Responder | undefined {
    return this.#bySaId.get(saId);
  }

  /** When `deadline` is to be handled; undefined for never. Costs nothing. */
  nextDeadline(): Instant | undefined {
    return this.#deadlines.earliest;
  }

  /** Takes `event` in at `now`; the actions are to be carried out in order. */
  handle(event: ResponderEvent, now: Instant): IkeAction[] {
    const actions = this.#dispatch(event, now);
    for (const action of actions) if (action.kind === 'refused') this.counters[action.reason] += 1;
    return actions;
  }

  #dispatch(event: ResponderEvent, now: Instant): IkeAction[] {
    switch (event.kind) {
      case 'message':
        return this.#receive({ ...event, bytes: plainOctets(event.bytes) }, now);
      case 'deadline':
        return this.#expire(now);
      case 'check-liveness':
        return this.#update(this.#bySaId.get(event.saId), (sa) => sa.checkLiveness(now));
      case 'rekey-child':
        return this.#update(this.#bySaId.get(event.saId), (sa) => sa.rekey('child', now));
      case 'rekey-ike-sa':
        return this.#update(this.#bySaId.get(event.saId), (sa) => sa.rekey('ike-sa', now));
      case 'child-arrival':
        return this.#update(this.#bySaId.get(event.saId), (sa) => sa.noteChildArrival(event.inboundSpi));
      case 'close':
        return this.#update(this.#bySaId.get(event.saId), (sa) => sa.close(now));
      case 'expel':
        return [...(this.#byIdentity.get(identityKey(event.identity)) ?? [])].flatMap((one) =>
          this.#update(one, (sa) => sa.close(now)),
        );
    }
  }

  #receive(event: MessageEvent, now: Instant): IkeAction[] {
    const { bytes, from, to } = event;
    const checked = IkeHeader.check(bytes);
    if (!checked.ok) return refuse(event, 'malformed', checked.message);
    const header = checked.value;
    if (header.majorVersion !== ikeMajorVersion) return this.#refuseVersion(header, event, now);
    if (header.responderSpi === 0n) return this.#receiveInit(header, event, now);
    const sa = this.#bySaId.get(addressedSaId(header));
    if (sa === undefined || !sa.isAddressed(header)) {
      const hint = header.isResponse
        ? []
        : this.#hint(header, event, now, [encodeNotify(notifyTypes.invalidIkeSpi)]);
      return [
        ...refuse(event, 'unknown-spi', 'expected SPIs of an IKE SA known here, found others'),
        ...hint,
      ];
    }
    const wasHalfOpen = sa.isHalfOpen;
    const actions = this.#update(sa, () => sa.handleMessage(header, bytes, from, to, now));
    // One that came without a CHILD SA is of no use, and does not take the place of one that has it.
    const isOfUse = sa.established?.isChildless === false;
    return wasHalfOpen && isOfUse ? [...this.#enlist(sa, now), ...actions] : actions;
  }

  #receiveInit(header: IkeHeader, event: MessageEvent, now: Instant): IkeAction[] {
    const { bytes, from, to } = event;
    if (
      header.exchangeType !== exchangeTypes.ikeSaInit ||
      header.isResponse ||
      !header.fromInitiator ||
      header.messageId !== 0 ||
      header.initiatorSpi === 0n
    ) {
      return refuse(event, 'unexpected', 'expected a request of IKE_SA_INIT, found another message');
    }
    const digest = createHash('sha256').update(bytes).digest('base64');
    const known = this.#byInitRequest.get(digest);
    if (known !== undefined) {
      const response = known.initResponse;
      if (response === undefined) return refuse(event, 'message-id', 'expected no repetition after IKE_AUTH');
      return [{ kind: 'send', bytes: response, from: to, to: from }];
    }
    const outcome = this.#answerInit(header, event, now);
    if (outcome.kind === 'refused') {
      const { reason, message, notify } = outcome;
      return [
        ...refuse(event, reason, message),
        ...(notify === undefined ? [] : [unprotectedAnswer(header, event, [notify])]),
      ];
    }
    const evicted = this.#halfOpen.size >= this.#limits.halfOpenLimit ? this.#evict(event) : [];
    const setup = {
      ...outcome.setup,
      unknownKey: this.#unknownKey,
      freshIkeSpi: () => this.#freshIkeSpi(),
    };
    const responder = new Responder(this.#config, setup, now);
    this.#index(responder);
    this.#byInitRequest.set(digest, responder);
    this.#initRequestOf.set(responder, digest);
    this.#halfOpen.add(responder);
    if (outcome.isProven) this.#countProven(responder, shareOf(from.address));
    this.#deadlines.set(responder, responder.nextDeadline);
    const response = outcome.setup.transcript.responderMessage;
    return [...evicted, { kind: 'send', bytes: response, from: to, to: from }];
  }

  /** A router goes on with IKE_AUTH in one round trip: of so many, the oldest is the likeliest to be no router. */
  #evict(event: MessageEvent): IkeAction[] {
    const [oldest] = this.#halfOpen;
    this.#update(oldest, (sa) => sa.discard());
    const message = `expected fewer than ${this.#limits.halfOpenLimit} half-open IKE SAs: the oldest gave way`;
    return refuse(event, 'half-open-limit', message);
  }

  /** Cheap checks first, the key pair last. `isProven`: the initiator has sent our cookie. */
  #answerInit(
    header: IkeHeader,
    event: MessageEvent,
    now: Instant,
  ): SaInitOutcome & { readonly isProven?: boolean } {
    const payloads = parseUnprotected(header, event.bytes);
    if (!payloads.ok) return { kind: 'refused', reason: 'malformed', message: payloads.message };
    const critical = refuseUnknownCritical(payloads.value);
    if (critical !== undefined) return { kind: 'refused', ...critical };
    const isProven = this.#halfOpen.size >= this.#limits.cookieThreshold;
    if (isProven) {
      const refusal = this.#demandCookie(header, event, payloads.value, now);
      if (refusal !== undefined) return refusal;
    }
    const init = parseSaInit(payloads.value);
    if (!init.ok) return { kind: 'refused', reason: 'malformed', message: init.message };
    const outcome = answerSaInit(
      this.#config,
      header,
      event,
      payloads.value,
      init.value,
      this.#freshIkeSpi(),
    );
    return { ...outcome, isProven };
  }

  /** What stands against the initiator while many IKE SAs are half-open: no cookie of ours, or too many of its own. */
  #demandCookie(
    header: IkeHeader,
    event: MessageEvent,
    payloads: PayloadSet,
    now: Instant,
  ): SaInitOutcome | undefined {
    const nonce = parseNonce(payloads.body(payloadTypes.nonce) ?? new Uint8Array(0));
    if (!nonce.ok) return { kind: 'refused', reason: 'malformed', message: nonce.message };
    const { address } = event.from;
    const { initiatorSpi } = header;
    const cookie = payloads.notify(notifyTypes.cookie)?.data;
    if (cookie === undefined || !this.#cookies.check(cookie, nonce.value, address, initiatorSpi, now)) {
      return {
        kind: 'refused',
        reason: 'cookie-demanded',
        message: 'expected our cookie, since many IKE SAs are half-open',
        notify: encodeNotify(notifyTypes.cookie, this.#cookies.make(nonce.value, address, initiatorSpi, now)),
      };
    }
    const { halfOpenPerAddress } = this.#limits;
    if ((this.#halfOpenAt.get(shareOf(address)) ?? 0) < halfOpenPerAddress) return undefined;
    const message = `expected fewer than ${halfOpenPerAddress} half-open IKE SAs of one address`;
    return { kind: 'refused', reason: 'half-open-limit', message };
  }

  #countProven(sa: Responder, share: string): void {
    this.#provenAddressOf.set(sa, share);
    this.#halfOpenAt.set(share, (this.#halfOpenAt.get(share) ?? 0) + 1);
  }

  #leaveHalfOpen(sa: Responder): void {
    if (!this.#halfOpen.delete(sa)) return;
    const share = this.#provenAddressOf.get(sa);
    if (share === undefined) return;
    this.#provenAddressOf.delete(sa);
    const rest = (this.#halfOpenAt.get(share) ?? 0) - 1;
    if (rest > 0) this.#halfOpenAt.set(share, rest);
    else this.#halfOpenAt.delete(share);
  }

  #freshIkeSpi(): bigint {
    for (;;) {
      const spi = freshSpi(this.#config.random);
      if (!this.#bySaId.has(saIdOf(spi))) return spi;
    }
  }

  /** RFC 7296 section 2.5: a higher major version is answered with the highest known here, version 1 is not. */
  #refuseVersion(header: IkeHeader, event: MessageEvent, now: Instant): IkeAction[] {
    const isNewer = header.majorVersion > ikeMajorVersion && !header.isResponse;
    const notify = encodeNotify(notifyTypes.invalidMajorVersion);
    return [
      ...refuse(event, 'major-version', `expected IKE version 2, found ${header.majorVersion}`),
      ...(isNewer ? this.#hint(header, event, now, [notify]) : []),
    ];
  }

  /** An unprotected answer about something that is not known here: never longer than the question, and not too often. */
  #hint(header: IkeHeader, event: MessageEvent, now: Instant, payloads: PayloadValue[]): IkeAction[] {
    if (now - this.#hints.since >= 1000) this.#hints = { since: now, count: 0 };
    if (this.#hints.count >= this.#limits.hintsPerSecond) return [];
    const answer = unprotectedAnswer(header, event, payloads);
    if (answer.bytes.length > event.bytes.length) return [];
    this.#hints.count += 1;
    return [answer];
  }

  /** Files a newly established SA under its identity; returns the end of those that it replaces. */
  #enlist(sa: Responder, now: Instant): IkeAction[] {
    const key = sa.established && identityKey(sa.established.peerIdentity);
    if (key === undefined) return [];
    const others = [...(this.#byIdentity.get(key) ?? [])];
    const actions: IkeAction[] = [];
    if (sa.hasInitialContact) {
      for (const other of others) actions.push(...this.#update(other, () => other.replace()));
    } else {
      const surplus = others.slice(0, Math.max(0, others.length + 1 - this.#limits.sasPerIdentity));
      for (const other of surplus) actions.push(...this.#update(other, () => other.close(now)));
    }
    const same = this.#byIdentity.get(key) ?? new Set();
    this.#byIdentity.set(key, same.add(sa));
    this.#identityOf.set(sa, key);
    return actions;
  }

  #expire(now: Instant): IkeAction[] {
    const actions: IkeAction[] = [];
    for (;;) {
      const deadline = this.#deadlines.earliest;
      const sa = this.#deadlines.first;
      if (sa === undefined || deadline === undefined || deadline > now) return actions;
      actions.push(...this.#update(sa, () => sa.handleDeadline(now)));
    }
  }

  /** Lets `step` change one SA, then brings the indexes up to date. */
  #update(sa: Responder | undefined, step: (sa: Responder) => IkeAction[]): IkeAction[] {
    if (sa === undefined) return [];
    const actions = step(sa);
    if (!sa.isHalfOpen) this.#leaveHalfOpen(sa);
    this.#deadlines.set(sa, sa.nextDeadline);
    if (sa.isGone) this.#forget(sa);
    else this.#index(sa);
    return actions;
  }

  /** Makes `sa` found by its present names, and by no other. */
  #index(sa: Responder): void {
    const before = this.#saIdsOf.get(sa) ?? [];
    const { saIds } = sa;
    if (before === saIds) return;
    for (const saId of before) if (!saIds.includes(saId)) this.#bySaId.delete(saId);
    for (const saId of saIds) this.#bySaId.set(saId, sa);
    this.#saIdsOf.set(sa, saIds);
  }

  #forget(sa: Responder): void {
    for (const saId of this.#saIdsOf.get(sa) ?? []) this.#bySaId.delete(saId);
    this.#saIdsOf.delete(sa);
    const digest = this.#initRequestOf.get(sa);
    if (digest !== undefined) this.#byInitRequest.delete(digest);
    this.#initRequestOf.delete(sa);
    const key = this.#identityOf.get(sa);
    if (key === undefined) return;
    this.#identityOf.delete(sa);
    const same = this.#byIdentity.get(key);
    same?.delete(sa);
    if (same?.size === 0) this.#byIdentity.delete(key);
  }
}

/** Who shares a limit: an IPv4 address, or an IPv6 network of 64 bits, within which one host has all the addresses. */
function shareOf(address: Address): string {
  return Buffer.from(address.octets.subarray(0, 8)).toString('hex');
}

function refuse(event: MessageEvent, reason: RefusalReason, message: string): IkeAction[] {
  return [{ kind: 'refused', reason, message, from: event.from }];
}

/** A response in the clear that leaves no state: SPIs and message ID as in the request. */
function unprotectedAnswer(
  header: IkeHeader,
  event: MessageEvent,
  payloads: readonly PayloadValue[],
): Extract<IkeAction, { kind: 'send' }> {
  const { initiatorSpi, responderSpi, exchangeType, messageId } = header;
  const bytes = encodeMessage(
    {
      initiatorSpi,
      responderSpi,
      exchangeType,
      fromInitiator: !header.fromInitiator,
      isResponse: true,
      messageId,
    },
    payloads,
  );
  return { kind: 'send', bytes, from: event.to, to: event.from };
}
