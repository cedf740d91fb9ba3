/**
 * A router's path to its setting server, as a pure machine: brings the channel up, wraps and unwraps setting messages,
 * keeps NAT mappings open, notices a server that is gone or was restarted, renews the channel before its lifetime ends.
 *
 * A new IKE SA is always set up beside the old one and replaces it only when it is authenticated, so a forged hint can
 * cost a handshake but never the channel. What the setting messages say is not its business. RFC 7296, RFC 3948.
 */
import type { TableChange } from '../dataplane/engine.ts';
import type { IkeAction } from '../ike/events.ts';
import { defaultDatagramOctets } from '../ike/fragmentation.ts';
import { Initiator } from '../ike/initiator.ts';
import { isLostState } from '../ike/lost-state.ts';
import { fqdnIdentity } from '../ike/wire/identification.ts';
import { trafficSelectorOf } from '../ike/wire/traffic-selector.ts';
import type { Address, Endpoint } from '../model/address.ts';
import type { ChannelProposals, SettledProposals } from '../model/child-proposal.ts';
import type { Credentials } from '../model/credentials.ts';
import { addSeconds, earliest, type Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';
import { channelPair } from './channel-pair.ts';
import { innerAddress } from './inner-address.ts';
import { unwrapInnerPacket, wrapInnerPacket } from './inner-packet.ts';
import { type ChannelTimers, defaultChannelTimers } from './timers.ts';

export type RouterChannelEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'ike'; readonly bytes: Uint8Array; readonly from: Endpoint; readonly to: Endpoint }
  /** A packet that came out of the inbound SA of the pair `spi`. */
  | { readonly kind: 'inner'; readonly spi: Spi; readonly packet: Uint8Array }
  /** Our own address is another one now, and the sockets are bound to it. */
  | { readonly kind: 'local-moved'; readonly local: Endpoint }
  /** An encoded setting message for the server. */
  | { readonly kind: 'send'; readonly bytes: Uint8Array }
  /** The protocol above misses an answer: see whether the server still knows this channel. */
  | { readonly kind: 'unanswered' }
  /** The engine was started anew and has no SA any more. */
  | { readonly kind: 'engine-lost' }
  | { readonly kind: 'deadline' };

export type RouterChannelAction =
  | { readonly kind: 'send-ike'; readonly bytes: Uint8Array; readonly to: Endpoint }
  | { readonly kind: 'send-keepalive'; readonly to: Endpoint }
  | { readonly kind: 'change'; readonly change: TableChange }
  | { readonly kind: 'send-inner'; readonly spi: Spi; readonly packet: Uint8Array }
  /** The channel is there, for the first time or anew. */
  | { readonly kind: 'up'; readonly localBehindNat: boolean; readonly natDetected: boolean }
  | { readonly kind: 'down'; readonly reason: string }
  /** Octets of a setting message, authentic; a view into the packet of the event. */
  | { readonly kind: 'setting'; readonly bytes: Uint8Array }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly message: string };

export interface RouterChannelOptions {
  readonly name: string;
  readonly serverIdentity: string;
  readonly local: Endpoint;
  readonly server: Endpoint;
  readonly credentials: Credentials;
  readonly proposals: ChannelProposals;
  readonly settingPort: number;
  readonly random: (octets: number) => Uint8Array;
  readonly allocateSpi: () => Spi | undefined;
  readonly releaseSpi: (spi: Spi) => void;
  readonly timers?: Partial<ChannelTimers>;
}

interface Attempt {
  readonly ike: Initiator;
  readonly spi: Spi;
}

export interface RouterChannelState {
  readonly state: 'connecting' | 'up' | 'down';
  readonly since: Instant;
  readonly localBehindNat: boolean;
  readonly lastFailure: string;
  readonly setUps: number;
  /** What the channel has settled on, by keyword; undefined before its first. */
  readonly settled: SettledProposals | undefined;
}

export class RouterChannel {
  readonly #options: RouterChannelOptions;
  readonly #timers: ChannelTimers;
  /** Our address now. */
  #local: Endpoint;
  readonly #localInner: Address;
  readonly #serverInner: Address;
  #current: Attempt | undefined;
  #attempt: Attempt | undefined;
  #retryAt: Instant | undefined;
  #retrySeconds: number;
  #keepaliveAt: Instant | undefined;
  #livenessAt: Instant | undefined;
  #renewAt: Instant | undefined;
  #lastHintAt: Instant | undefined;
  #noticedAt: Instant | undefined;
  #state: RouterChannelState = {
    state: 'down',
    since: 0,
    localBehindNat: false,
    lastFailure: '',
    setUps: 0,
    settled: undefined,
  };

  constructor(options: RouterChannelOptions) {
    this.#options = options;
    this.#local = options.local;
    this.#timers = { ...defaultChannelTimers, ...options.timers };
    this.#retrySeconds = this.#timers.firstRetrySeconds;
    this.#localInner = innerAddress(options.name);
    this.#serverInner = innerAddress(options.serverIdentity);
  }

  get state(): RouterChannelState {
    return this.#state;
  }

  /** When `handle({kind: 'deadline'})` is due; undefined when nothing is under way. */
  nextDeadline(): Instant | undefined {
    let next = earliest(this.#retryAt, this.#attempt?.ike.nextDeadline());
    if (this.#current !== undefined) {
      next = earliest(next, this.#current.ike.nextDeadline());
      next = earliest(next, earliest(this.#keepaliveAt, this.#livenessAt));
      next = earliest(next, this.#renewAt);
    }
    return next;
  }

  /** Takes one event; the actions are to be carried out in order. Buffers of the event are borrowed during the call. */
  handle(event: RouterChannelEvent, now: Instant): RouterChannelAction[] {
    switch (event.kind) {
      case 'start':
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
      case 'engine-lost':
        return this.#engineLost(now);
      case 'deadline':
        return this.#deadline(now);
    }
  }

  /** Starts a handshake unless one is under way. */
  #connect(now: Instant): RouterChannelAction[] {
    this.#retryAt = undefined;
    if (this.#attempt !== undefined) return [];
    const spi = this.#options.allocateSpi();
    if (spi === undefined) {
      this.#retryAt = addSeconds(now, this.#timers.longestRetrySeconds);
      return [
        { kind: 'log', level: 'warn', message: 'no place is left for the channel: raise capacity.saPairs' },
      ];
    }
    const ike = new Initiator({
      identity: fqdnIdentity(this.#options.name),
      peerIdentity: fqdnIdentity(this.#options.serverIdentity),
      credentials: this.#options.credentials,
      ikeProposals: this.#options.proposals.ike,
      espProposals: this.#options.proposals.esp,
      local: this.#local,
      peer: this.#options.server,
      localTrafficSelectors: [trafficSelectorOf({ address: this.#localInner, length: 128 })],
      remoteTrafficSelectors: [trafficSelectorOf({ address: this.#serverInner, length: 128 })],
      random: this.#options.random,
      // One channel a router: a new one takes the place of whatever the server still has.
      initialContact: true,
      // The server asks for UDP encapsulation; this end says honestly whether it is behind a NAT.
      forceUdpEncapsulation: false,
      longestDatagramOctets: defaultDatagramOctets,
      retransmission: this.#timers.retransmission,
    });
    this.#attempt = { ike, spi };
    if (this.#current === undefined) this.#enter('connecting', now);
    return this.#carryOut(this.#attempt, ike.handle({ kind: 'start', inboundSpi: spi }, now), now);
  }

  #ike(event: { bytes: Uint8Array; from: Endpoint; to: Endpoint }, now: Instant): RouterChannelAction[] {
    if (isLostState(event.bytes)) return this.#mayHaveLostState(now);
    // RFC 7296 section 3.1: the first eight octets are the initiator's SPI, which is ours.
    const initiatorSpi = Buffer.from(event.bytes.subarray(0, 8)).toString('hex');
    const attempt = [this.#attempt, this.#current].find((one) => one?.ike.saId === initiatorSpi);
    if (attempt === undefined) return [];
    return this.#carryOut(attempt, attempt.ike.handle({ ...event, kind: 'message' }, now), now);
  }

  #inner(spi: Spi, packet: Uint8Array, now: Instant): RouterChannelAction[] {
    if (spi !== this.#current?.spi) return [];
    this.#heard(now);
    const payload = unwrapInnerPacket(packet, this.#serverInner, this.#localInner, this.#options.settingPort);
    if (!payload.ok)
      return [{ kind: 'log', level: 'warn', message: `channel packet dropped: ${payload.message}` }];
    return [{ kind: 'setting', bytes: payload.value }];
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
    return this.#checkLiveness(now);
  }

  #checkLiveness(now: Instant): RouterChannelAction[] {
    if (this.#current === undefined) return [];
    this.#livenessAt = addSeconds(now, this.#timers.livenessSeconds);
    return this.#carryOut(this.#current, this.#current.ike.handle({ kind: 'check-liveness' }, now), now);
  }

  #engineLost(now: Instant): RouterChannelAction[] {
    for (const one of [this.#current, this.#attempt])
      if (one !== undefined) this.#options.releaseSpi(one.spi);
    this.#current = undefined;
    this.#attempt = undefined;
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
    if (this.#retryAt !== undefined && this.#retryAt <= now) actions.push(...this.#connect(now));
    if (this.#current === undefined) return actions;
    if (this.#renewAt !== undefined && this.#renewAt <= now) {
      this.#renewAt = undefined;
      actions.push(...this.#connect(now));
    }
    if (this.#livenessAt !== undefined && this.#livenessAt <= now) actions.push(...this.#checkLiveness(now));
    if (this.#keepaliveAt !== undefined && this.#keepaliveAt <= now) {
      this.#keepaliveAt = addSeconds(now, this.#timers.keepaliveSeconds);
      actions.push({ kind: 'send-keepalive', to: this.#options.server });
    }
    return actions;
  }

  #carryOut(source: Attempt, ikeActions: readonly IkeAction[], now: Instant): RouterChannelAction[] {
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
        case 'peer-moved':
          // The server's address is a setting; it answers from there or not at all.
          break;
      }
    }
    return actions;
  }

  #established(
    source: Attempt,
    action: Extract<IkeAction, { kind: 'established' }>,
    now: Instant,
  ): RouterChannelAction[] {
    const old = this.#current;
    this.#current = source;
    this.#attempt = undefined;
    this.#retrySeconds = this.#timers.firstRetrySeconds;
    this.#renewAt = addSeconds(now, this.#timers.lifetimeSeconds * this.#renewalFraction());
    this.#keepaliveAt = addSeconds(now, this.#timers.keepaliveSeconds);
    this.#heard(now);
    this.#state = {
      ...this.#state,
      localBehindNat: action.localBehindNat,
      setUps: this.#state.setUps + 1,
      settled: { ike: action.ikeProposal, esp: action.childSa.proposal, esn: action.childSa.esn },
    };
    this.#enter('up', now);
    const pair = channelPair({
      childSa: action.childSa,
      local: this.#local,
      peer: this.#options.server,
      localInner: this.#localInner,
      peerInner: this.#serverInner,
      hardSeconds: this.#timers.lifetimeSeconds,
    });
    if (old !== undefined) this.#options.releaseSpi(old.spi);
    return [
      {
        kind: 'change',
        change: { install: [{ pair, use: true }], ...(old === undefined ? {} : { remove: [old.spi] }) },
      },
      { kind: 'up', localBehindNat: action.localBehindNat, natDetected: action.natDetected },
    ];
  }

  /** 0.75 to 0.9, so that a fleet that came up together does not renew together. */
  #renewalFraction(): number {
    return 0.75 + (0.15 * (this.#options.random(1)[0] ?? 0)) / 256;
  }

  #failed(source: Attempt, reason: string, now: Instant): RouterChannelAction[] {
    if (source !== this.#attempt) return [];
    this.#attempt = undefined;
    this.#options.releaseSpi(source.spi);
    this.#retryAt = addSeconds(
      now,
      this.#retrySeconds * (0.75 + (0.5 * (this.#options.random(1)[0] ?? 0)) / 256),
    );
    this.#retrySeconds = Math.min(this.#retrySeconds * 2, this.#timers.longestRetrySeconds);
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

  #closed(source: Attempt, reason: string, now: Instant): RouterChannelAction[] {
    if (source !== this.#current) return [];
    this.#current = undefined;
    this.#options.releaseSpi(source.spi);
    this.#enter('down', now, reason);
    return [
      { kind: 'change', change: { remove: [source.spi] } },
      { kind: 'down', reason },
      ...this.#connect(now),
    ];
  }

  /** Somebody says, unauthenticated, that the server lost this channel: a new one is tried beside it, at a bounded rate. */
  #hinted(source: Attempt, now: Instant): RouterChannelAction[] {
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
