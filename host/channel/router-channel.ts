/**
 * A router's path to its setting server, as a pure machine: brings the channel up, wraps and unwraps setting messages,
 * keeps NAT mappings open, notices a server that is gone or was restarted, rekeys both SAs before their lifetimes end.
 *
 * Where rekeying is not possible, a new IKE SA is set up beside the old one and replaces it only when it is authenticated, so
 * a forged hint can cost a handshake but never the channel. What the setting messages say is not its business. RFC 7296, RFC 3948.
 */
import type { SaPair } from '../dataplane/engine.ts';
import type { ChildSa, IkeAction } from '../ike/events.ts';
import { isLostState } from '../ike/lost-state.ts';
import { IkeHeader } from '../ike/wire/header.ts';
import type { Address, Endpoint } from '../model/address.ts';
import { addSeconds, earliest, type Instant } from '../model/instant.ts';
import type { RekeyWhat } from '../model/rekey-order.ts';
import type { Spi } from '../model/security-association.ts';
import type { CertificateStatus, ChannelRekeyings } from '../model/status.ts';
import { channelPair } from './channel-pair.ts';
import { innerAddress } from './inner-address.ts';
import { unwrapInnerPacket, wrapInnerPacket } from './inner-packet.ts';
import { RouterAttempt } from './router-attempt.ts';
import { type RouterCertificateNews, RouterCertificates } from './router-certificates.ts';
import type {
  RouterChannelAction,
  RouterChannelEvent,
  RouterChannelOptions,
  RouterChannelState,
} from './router-channel-events.ts';
import { routerSpan, SaLifetime } from './sa-lifetime.ts';
import { SetUpRetry } from './set-up-retry.ts';
import { type ChannelTimers, defaultChannelTimers } from './timers.ts';

export type { RouterChannelAction, RouterChannelEvent, RouterChannelOptions, RouterChannelState };

export class RouterChannel {
  readonly #options: RouterChannelOptions;
  readonly #timers: ChannelTimers;
  /** Our address now. */
  #local: Endpoint;
  readonly #localInner: Address;
  readonly #serverInner: Address;
  #current: RouterAttempt | undefined;
  #attempt: RouterAttempt | undefined;
  readonly #retry: SetUpRetry;
  #keepaliveAt: Instant | undefined;
  #livenessAt: Instant | undefined;
  readonly #childSa: SaLifetime;
  readonly #ikeSa: SaLifetime;
  readonly #certificates: RouterCertificates;
  #lastHintAt: Instant | undefined;
  #noticedAt: Instant | undefined;
  #state: RouterChannelState & { heardAt: Instant } = {
    state: 'down',
    since: 0,
    heardAt: 0,
    localBehindNat: false,
    lastFailure: '',
    setUps: 0,
    settled: undefined,
  };

  constructor(options: RouterChannelOptions) {
    this.#options = options;
    this.#local = options.local;
    this.#timers = { ...defaultChannelTimers, ...options.settings.lifetimes, ...options.timers };
    this.#retry = new SetUpRetry(this.#timers, options.random);
    const { childSaLifetimeSeconds, ikeSaLifetimeSeconds } = this.#timers;
    this.#childSa = new SaLifetime(routerSpan, childSaLifetimeSeconds, options.random);
    this.#ikeSa = new SaLifetime(routerSpan, ikeSaLifetimeSeconds, options.random);
    this.#certificates = new RouterCertificates(options);
    this.#localInner = innerAddress(options.name);
    this.#serverInner = innerAddress(options.serverIdentity);
  }

  get state(): RouterChannelState {
    return this.#state;
  }

  /** The router's own certificate and the one of the server, where there are such. */
  certificates(now: Instant): CertificateStatus[] {
    return this.#certificates.status(now);
  }

  /** Undefined while there is no channel. */
  rekeyings(now: Instant): ChannelRekeyings | undefined {
    if (this.#current === undefined) return undefined;
    return { ikeSa: this.#ikeSa.rekeyings(now), childSa: this.#childSa.rekeyings(now) };
  }

  /** When `handle({kind: 'deadline'})` is due; undefined when nothing is under way. */
  nextDeadline(): Instant | undefined {
    let next = earliest(this.#retry.deadline, this.#attempt?.ike.nextDeadline());
    next = earliest(next, this.#certificates.deadline);
    if (this.#current !== undefined) {
      next = earliest(next, this.#current.ike.nextDeadline());
      next = earliest(next, earliest(this.#keepaliveAt, this.#livenessAt));
      next = earliest(next, earliest(this.#childSa.deadline, this.#ikeSa.deadline));
    }
    return next;
  }

  /** Takes one event; the actions are to be carried out in order. Buffers of the event are borrowed during the call. */
  handle(event: RouterChannelEvent, now: Instant): RouterChannelAction[] {
    switch (event.kind) {
      case 'start':
        this.#certificates.start(now);
        return this.#connect(now);
      case 'ike':
        return this.#ike(event, now);
      case 'inner':
        return this.#inner(event.spi, event.packet, now);
      case 'local-moved':
        return this.#localMoved(event.local, now);
      case 'send':
        return this.#send(event.bytes, now);
      case 'unanswered':
        return this.#checkLiveness(now);
      case 'rekey':
        return this.#rekey(event.what, now);
      case 'engine-lost':
        return this.#engineLost(now);
      case 'soft-lifetime':
        return event.spi === this.#current?.spi ? this.#rekey('child', now) : [];
      case 'hard-lifetime':
        return event.spi === this.#current?.spi ? this.#connect(now) : [];
      case 'deadline':
        return this.#deadline(now);
    }
  }

  /** Starts a handshake unless one is under way. */
  #connect(now: Instant): RouterChannelAction[] {
    this.#retry.stop();
    if (this.#attempt !== undefined) return [];
    const spi = this.#options.allocateSpi();
    if (spi === undefined) {
      this.#retry.afterLongest(now);
      return [
        { kind: 'log', level: 'warn', message: 'no place is left for the channel: raise capacity.saPairs' },
      ];
    }
    const inner = { local: this.#localInner, server: this.#serverInner };
    const attempt = new RouterAttempt(this.#options, this.#timers, this.#local, inner, spi);
    this.#attempt = attempt;
    if (this.#current === undefined) this.#enter('connecting', now);
    return this.#carryOut(attempt, attempt.ike.handle({ kind: 'start', inboundSpi: spi }, now), now);
  }

  #ike(event: { bytes: Uint8Array; from: Endpoint; to: Endpoint }, now: Instant): RouterChannelAction[] {
    if (isLostState(event.bytes)) return this.#mayHaveLostState(now);
    const header = IkeHeader.check(event.bytes);
    if (!header.ok) return [];
    const attempt = [this.#attempt, this.#current].find((one) => one?.ike.isAddressed(header.value));
    if (attempt === undefined) return [];
    return this.#carryOut(attempt, attempt.ike.handle({ ...event, kind: 'message' }, now), now);
  }

  #inner(spi: Spi, packet: Uint8Array, now: Instant): RouterChannelAction[] {
    const source = this.#current;
    if (source === undefined || !source.spis.has(spi)) return [];
    this.#heard(now);
    // The first packet through a pair that the server has set up says that the server can receive on it.
    const arrival = { kind: 'child-arrival', inboundSpi: spi } as const;
    const actions = spi === source.spi ? [] : this.#carryOut(source, source.ike.handle(arrival, now), now);
    const payload = unwrapInnerPacket(packet, this.#serverInner, this.#localInner, this.#options.settingPort);
    if (payload.ok) return [...actions, { kind: 'setting', bytes: payload.value }];
    return [
      ...actions,
      { kind: 'log', level: 'warn', message: `channel packet dropped: ${payload.message}` },
    ];
  }

  #send(bytes: Uint8Array, now: Instant): RouterChannelAction[] {
    if (this.#current === undefined) return [];
    this.#keepaliveAt = addSeconds(now, this.#timers.keepaliveSeconds);
    const packet = wrapInnerPacket(this.#localInner, this.#serverInner, this.#options.settingPort, bytes);
    return [{ kind: 'send-inner', spi: this.#current.spi, packet }];
  }

  /** Goes on from the new address: a packet from there, which is authentic, moves the server's end. */
  #localMoved(local: Endpoint, now: Instant): RouterChannelAction[] {
    this.#local = local;
    const current = this.#current;
    if (current === undefined) return [];
    if (!current.ike.canMove) return this.#connect(now);
    return this.#carryOut(current, current.ike.handle({ kind: 'move', local }, now), now);
  }

  /** The server goes along: packets to peers are to open NATs anew. */
  #moved(source: RouterAttempt, localBehindNat: boolean, now: Instant): RouterChannelAction[] {
    if (source !== this.#current) return [];
    this.#heard(now);
    this.#state = { ...this.#state, localBehindNat };
    return [{ kind: 'moved', localBehindNat }];
  }

  #checkLiveness(now: Instant): RouterChannelAction[] {
    if (this.#current === undefined) return [];
    this.#livenessAt = addSeconds(now, this.#timers.livenessSeconds);
    return this.#carryOut(this.#current, this.#current.ike.handle({ kind: 'check-liveness' }, now), now);
  }

  #engineLost(now: Instant): RouterChannelAction[] {
    for (const one of [this.#current, this.#attempt]) one?.abandon(now);
    this.#current = undefined;
    this.#attempt = undefined;
    this.#certificates.forgetServer(now);
    this.#enter('down', now, 'the engine was restarted');
    return [{ kind: 'down', reason: 'the engine was restarted' }, ...this.#connect(now)];
  }

  #deadline(now: Instant): RouterChannelAction[] {
    const actions: RouterChannelAction[] = [];
    for (const one of [this.#attempt, this.#current]) {
      const due = one?.ike.nextDeadline();
      if (one !== undefined && due !== undefined && due <= now) {
        actions.push(...this.#carryOut(one, one.ike.handle({ kind: 'deadline' }, now), now));
      }
    }
    if ((this.#retry.deadline ?? Infinity) <= now) actions.push(...this.#connect(now));
    for (const news of this.#certificates.due(now)) actions.push(...this.#certificateNews(news, now));
    if (this.#current === undefined) return actions;
    const childSa = this.#childSa.due(now);
    const ikeSa = this.#ikeSa.due(now);
    if (childSa === 'end' || ikeSa === 'end') actions.push(...this.#connect(now));
    if (ikeSa === 'rekey') actions.push(...this.#rekey('ike-sa', now));
    if (childSa === 'rekey') actions.push(...this.#rekey('child', now));
    if (this.#livenessAt !== undefined && this.#livenessAt <= now) actions.push(...this.#checkLiveness(now));
    if (this.#keepaliveAt !== undefined && this.#keepaliveAt <= now) {
      this.#keepaliveAt = addSeconds(now, this.#timers.keepaliveSeconds);
      actions.push({ kind: 'send-keepalive', to: this.#options.server });
    }
    return actions;
  }

  #certificateNews(news: RouterCertificateNews, now: Instant): RouterChannelAction[] {
    if (news.kind === 'warn') return [{ kind: 'certificate-warning', message: news.message }];
    if (news.kind === 'look-again') return this.#connect(now);
    if (this.#current === undefined) return [];
    const { ike } = this.#current;
    // Said once: a server that does not hear it misses this router soon.
    const told = this.#carryOut(this.#current, ike.handle({ kind: 'close' }, now), now);
    return [...told, ...this.#closed(this.#current, `certificate-expired: ${news.message}`, now)];
  }

  #carryOut(source: RouterAttempt, ikeActions: readonly IkeAction[], now: Instant): RouterChannelAction[] {
    const actions: RouterChannelAction[] = [];
    for (const action of ikeActions) {
      switch (action.kind) {
        case 'send':
          actions.push({ kind: 'send-ike', bytes: action.bytes, to: action.to });
          break;
        case 'established':
          actions.push(...this.#established(source, action, now));
          break;
        case 'failed':
          actions.push(...this.#failed(source, `${action.reason}: ${action.message}`, now));
          break;
        case 'closed':
          actions.push(...this.#closed(source, action.reason, now));
          break;
        case 'alive':
          this.#heard(now);
          break;
        case 'peer-lost-state':
          actions.push(...this.#hinted(source, now));
          break;
        case 'refused':
          actions.push({
            kind: 'log',
            level: 'info',
            message: `IKE message refused: ${action.reason}, ${action.message}`,
          });
          break;
        case 'child-installed':
          actions.push(...this.#install(source, action.childSa, action.use, now));
          break;
        case 'child-used':
          source.spi = action.inboundSpi;
          break;
        case 'child-removed':
          actions.push({ kind: 'change', change: { remove: [action.inboundSpi] } });
          source.release(action.inboundSpi);
          break;
        case 'ike-sa-rekeyed':
          this.#ikeSa.renew(now);
          break;
        case 'rekey-failed':
          actions.push(...this.#rekeyFailed(source, action, now));
          break;
        case 'moved':
          actions.push(...this.#moved(source, action.nat?.localBehindNat ?? false, now));
          break;
        case 'move-refused':
          actions.push({ kind: 'log', level: 'warn', message: `${action.message}: a new channel is set up` });
          if (source === this.#current) actions.push(...this.#connect(now));
          break;
        case 'peer-moved':
          // The server's address is a setting; it answers from there or not at all.
          break;
      }
    }
    return actions;
  }

  #established(
    source: RouterAttempt,
    action: Extract<IkeAction, { kind: 'established' }>,
    now: Instant,
  ): RouterChannelAction[] {
    const old = this.#current;
    this.#current = source;
    this.#attempt = undefined;
    this.#retry.reset();
    this.#childSa.start(now);
    this.#ikeSa.start(now);
    this.#keepaliveAt = addSeconds(now, this.#timers.keepaliveSeconds);
    this.#heard(now);
    this.#certificates.authenticated(action.peerCertificate, now);
    this.#state = {
      ...this.#state,
      localBehindNat: action.localBehindNat,
      setUps: this.#state.setUps + 1,
      settled: { ike: action.ikeProposal, esp: action.childSa.proposal, esn: action.childSa.esn },
    };
    this.#enter('up', now);
    const pair = this.#pair(action.childSa);
    const remove = old === undefined ? {} : { remove: old.abandon(now) };
    return [
      { kind: 'change', change: { install: [{ pair, use: true }], ...remove } },
      { kind: 'up', localBehindNat: action.localBehindNat, natDetected: action.natDetected },
    ];
  }

  #pair(childSa: ChildSa): SaPair {
    return channelPair({
      childSa,
      local: this.#local,
      peer: this.#options.server,
      localInner: this.#localInner,
      peerInner: this.#serverInner,
      hardSeconds: this.#timers.childSaLifetimeSeconds,
    });
  }

  /** Both halves work at once; whether messages go through it yet is decided here, packet by packet. */
  #install(source: RouterAttempt, childSa: ChildSa, use: boolean, now: Instant): RouterChannelAction[] {
    source.spis.add(childSa.inboundSpi);
    if (use) source.spi = childSa.inboundSpi;
    this.#childSa.renew(now);
    return [{ kind: 'change', change: { install: [{ pair: this.#pair(childSa), use: true }] } }];
  }

  #rekey(what: RekeyWhat, now: Instant): RouterChannelAction[] {
    if (this.#current === undefined) return [];
    return this.#carryOut(this.#current, this.#current.ike.handle({ kind: `rekey-${what}` }, now), now);
  }

  /** What cannot be rekeyed is replaced by a new IKE SA beside it. */
  #rekeyFailed(
    source: RouterAttempt,
    { what, reason, message }: Extract<IkeAction, { kind: 'rekey-failed' }>,
    now: Instant,
  ): RouterChannelAction[] {
    const text = `the ${what === 'child' ? 'CHILD SA' : 'IKE SA'} was not rekeyed: ${reason}, ${message}`;
    return [
      { kind: 'log', level: 'warn', message: text },
      ...(source === this.#current ? this.#connect(now) : []),
    ];
  }

  #failed(source: RouterAttempt, reason: string, now: Instant): RouterChannelAction[] {
    if (source !== this.#attempt) return [];
    this.#attempt = undefined;
    source.abandon(now);
    this.#retry.afterFailure(now);
    this.#state = { ...this.#state, lastFailure: reason };
    if (this.#current === undefined) this.#enter('down', now, reason);
    return [
      {
        kind: 'log',
        level: 'warn',
        message: `the channel to ${this.#options.serverIdentity} failed: ${reason}`,
      },
    ];
  }

  #closed(source: RouterAttempt, reason: string, now: Instant): RouterChannelAction[] {
    if (source !== this.#current) return [];
    this.#current = undefined;
    this.#certificates.forgetServer(now);
    const remove = source.abandon(now);
    this.#enter('down', now, reason);
    return [{ kind: 'change', change: { remove } }, { kind: 'down', reason }, ...this.#connect(now)];
  }

  /** Somebody says, unauthenticated, that the server lost this channel: a new one is tried beside it, at a bounded rate. */
  #hinted(source: RouterAttempt, now: Instant): RouterChannelAction[] {
    if (source !== this.#current) return [];
    if (
      this.#lastHintAt !== undefined &&
      now < addSeconds(this.#lastHintAt, this.#timers.hintIntervalSeconds)
    )
      return [];
    this.#lastHintAt = now;
    return this.#connect(now);
  }

  /** A notice that anybody can forge: ask the server within the channel, at a bounded rate. */
  #mayHaveLostState(now: Instant): RouterChannelAction[] {
    if (this.#noticedAt !== undefined && now < addSeconds(this.#noticedAt, this.#timers.hintIntervalSeconds))
      return [];
    this.#noticedAt = now;
    return this.#current === undefined && this.#attempt === undefined
      ? this.#connect(now)
      : this.#checkLiveness(now);
  }

  #heard(now: Instant): void {
    this.#state.heardAt = now;
    this.#livenessAt = addSeconds(now, this.#timers.livenessSeconds);
  }

  #enter(state: RouterChannelState['state'], now: Instant, failure?: string): void {
    this.#state = {
      ...this.#state,
      state,
      since: now,
      ...(failure === undefined ? {} : { lastFailure: failure }),
    };
  }
}
