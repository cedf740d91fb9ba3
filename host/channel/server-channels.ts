/**
 * The server's ends of all channels, as a pure machine: answers IKE, knows which router is behind which SA pair and where
 * it is seen, wraps and unwraps setting messages. Every step costs the same however many routers there are.
 *
 * A reply goes to the address that the last authentic packet came from. RFC 7296, RFC 3948.
 */
import type { TableChange } from '../dataplane/engine.ts';
import type { IkeAction, SaId } from '../ike/events.ts';
import { defaultDatagramOctets } from '../ike/fragmentation.ts';
import { encodeLostState } from '../ike/lost-state.ts';
import { defaultResponderLimits, type ResponderLimits, ResponderSet } from '../ike/responder-set.ts';
import { formatIdentity, fqdnIdentity, type Identity } from '../ike/wire/identification.ts';
import { trafficSelectorOf } from '../ike/wire/traffic-selector.ts';
import type { Address, Endpoint } from '../model/address.ts';
import type { CertificateTrust } from '../model/certificate-trust.ts';
import type { ChannelProposals, SettledProposals } from '../model/child-proposal.ts';
import type { Credentials } from '../model/credentials.ts';
import { DeadlineHeap } from '../model/deadline-heap.ts';
import { addSeconds, earliest, type Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';
import { channelPair } from './channel-pair.ts';
import { innerAddress } from './inner-address.ts';
import { unwrapInnerPacket, wrapInnerPacket } from './inner-packet.ts';
import { type ChannelTimers, defaultChannelTimers } from './timers.ts';

export type ServerChannelEvent =
  | { readonly kind: 'ike'; readonly bytes: Uint8Array; readonly from: Endpoint; readonly to: Endpoint }
  | { readonly kind: 'inner'; readonly spi: Spi; readonly packet: Uint8Array }
  /** An encoded setting message for a router; dropped when the router has no channel. */
  | { readonly kind: 'send'; readonly router: string; readonly bytes: Uint8Array }
  /** An authentic ESP packet of the pair came from another address. */
  | { readonly kind: 'peer-moved'; readonly spi: Spi; readonly from: Endpoint }
  /** The pair's hard lifetime has ended. */
  | { readonly kind: 'hard-lifetime'; readonly spi: Spi }
  /** The router is not enrolled any more. */
  | { readonly kind: 'expel'; readonly router: string }
  /** An earlier life of this server last saw routers at these places: tell them that their channels are gone. */
  | { readonly kind: 'announce'; readonly endpoints: readonly Endpoint[] }
  | { readonly kind: 'deadline' };

export type ServerChannelAction =
  | { readonly kind: 'send-ike'; readonly bytes: Uint8Array; readonly to: Endpoint }
  | { readonly kind: 'change'; readonly change: TableChange }
  | { readonly kind: 'send-inner'; readonly spi: Spi; readonly packet: Uint8Array }
  | { readonly kind: 'up'; readonly router: string; readonly endpoint: Endpoint; readonly behindNat: boolean }
  | { readonly kind: 'down'; readonly router: string; readonly reason: string }
  | { readonly kind: 'setting'; readonly router: string; readonly bytes: Uint8Array }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly message: string };

export interface ServerChannelsOptions {
  readonly identity: string;
  /** How an enrolled router proves itself; undefined for everybody else. */
  readonly credentialsFor: (router: string) => Credentials | undefined;
  /** Who judges certificates; undefined while no router has one to show. */
  readonly certificateTrust?: () => CertificateTrust | undefined;
  /** Some router has a post-quantum pre-shared key. */
  readonly hasPpks?: () => boolean;
  readonly proposals: ChannelProposals;
  readonly settingPort: number;
  readonly random: (octets: number) => Uint8Array;
  readonly allocateSpi: () => Spi | undefined;
  readonly releaseSpi: (spi: Spi) => void;
  readonly timers?: Partial<ChannelTimers>;
  readonly limits?: ResponderLimits;
}

export interface ServerChannel {
  readonly router: string;
  readonly saId: SaId;
  readonly spi: Spi;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  readonly behindNat: boolean;
  readonly peerInner: Address;
  readonly since: Instant;
  /** What the channel has settled on, by keyword. */
  readonly settled: SettledProposals;
}

/** Time from IKE_SA_INIT to IKE_AUTH: one round trip and its repetitions. */
const halfOpenTimeoutMs = 10_000;

export class ServerChannels {
  readonly #options: ServerChannelsOptions;
  readonly #timers: ChannelTimers;
  readonly #localInner: Address;
  readonly #responders: ResponderSet;
  readonly #byRouter = new Map<string, ServerChannel>();
  readonly #bySaId = new Map<SaId, ServerChannel>();
  readonly #bySpi = new Map<Spi, ServerChannel>();
  /** When each channel is to be asked whether its router is still there. */
  readonly #silence = new DeadlineHeap<SaId>();

  constructor(options: ServerChannelsOptions) {
    this.#options = options;
    this.#timers = { ...defaultChannelTimers, ...options.timers };
    this.#localInner = innerAddress(options.identity);
    this.#responders = new ResponderSet(
      {
        identity: fqdnIdentity(options.identity),
        credentialsFor: (identity) => options.credentialsFor(formatIdentity(identity)),
        certificateTrust: options.certificateTrust,
        hasPpks: options.hasPpks,
        ikeProposals: options.proposals.ike,
        espProposals: options.proposals.esp,
        trafficSelectorsFor: (identity) => this.#trafficSelectors(identity),
        allocateSpi: options.allocateSpi,
        // The server has no raw socket: ESP always travels in UDP, as the channel's definition says.
        forceUdpEncapsulation: true,
        longestDatagramOctets: defaultDatagramOctets,
        retransmission: this.#timers.retransmission,
        halfOpenTimeoutMs,
        random: options.random,
      },
      options.limits ?? defaultResponderLimits,
    );
  }

  /** Channels that are up, for `status`. */
  channels(): Iterable<ServerChannel> {
    return this.#byRouter.values();
  }

  /** IKE messages that changed nothing or were refused, by reason. */
  get refusals(): Readonly<Record<string, number>> {
    return this.#responders.counters;
  }

  /** When `handle({kind: 'deadline'})` is due. */
  nextDeadline(): Instant | undefined {
    return earliest(this.#responders.nextDeadline(), this.#silence.earliest);
  }

  /** Takes one event; the actions are to be carried out in order. Buffers of the event are borrowed during the call. */
  handle(event: ServerChannelEvent, now: Instant): ServerChannelAction[] {
    switch (event.kind) {
      case 'ike':
        return this.#carryOut(this.#responders.handle({ ...event, kind: 'message' }, now), now);
      case 'deadline':
        return this.#carryOut(
          [...this.#responders.handle({ kind: 'deadline' }, now), ...this.#ask(now)],
          now,
        );
      case 'inner':
        return this.#inner(event.spi, event.packet, now);
      case 'send':
        return this.#send(event.router, event.bytes);
      case 'peer-moved':
        return this.#moved(this.#bySpi.get(event.spi), event.from);
      case 'hard-lifetime':
        return this.#close(this.#bySpi.get(event.spi), now);
      case 'expel':
        return this.#expel(event.router, now);
      case 'announce':
        return event.endpoints.map((to) => ({ kind: 'send-ike', bytes: encodeLostState(), to }));
    }
  }

  #trafficSelectors(identity: Identity) {
    const remote = innerAddress(formatIdentity(identity));
    return {
      local: [trafficSelectorOf({ address: this.#localInner, length: 128 })],
      remote: [trafficSelectorOf({ address: remote, length: 128 })],
    };
  }

  #inner(spi: Spi, packet: Uint8Array, now: Instant): ServerChannelAction[] {
    const channel = this.#bySpi.get(spi);
    if (channel === undefined) return [];
    this.#heard(channel.saId, now);
    const payload = unwrapInnerPacket(packet, channel.peerInner, this.#localInner, this.#options.settingPort);
    if (payload.ok) return [{ kind: 'setting', router: channel.router, bytes: payload.value }];
    return [
      { kind: 'log', level: 'warn', message: `packet from ${channel.router} dropped: ${payload.message}` },
    ];
  }

  /** Asks the routers that were silent for too long. */
  #ask(now: Instant): IkeAction[] {
    const actions: IkeAction[] = [];
    for (;;) {
      const saId = this.#silence.first;
      if (saId === undefined || (this.#silence.earliest ?? Number.POSITIVE_INFINITY) > now) return actions;
      this.#heard(saId, now);
      actions.push(...this.#responders.handle({ kind: 'check-liveness', saId }, now));
    }
  }

  #heard(saId: SaId, now: Instant): void {
    this.#silence.set(saId, addSeconds(now, this.#timers.serverLivenessSeconds));
  }

  #send(router: string, bytes: Uint8Array): ServerChannelAction[] {
    const channel = this.#byRouter.get(router);
    if (channel === undefined) return [];
    const packet = wrapInnerPacket(this.#localInner, channel.peerInner, this.#options.settingPort, bytes);
    return [{ kind: 'send-inner', spi: channel.spi, packet }];
  }

  #close(channel: ServerChannel | undefined, now: Instant): ServerChannelAction[] {
    if (channel === undefined) return [];
    return this.#carryOut(this.#responders.handle({ kind: 'close', saId: channel.saId }, now), now);
  }

  /** At once: a router that does not answer the delete is cut off like one that does. */
  #expel(router: string, now: Instant): ServerChannelAction[] {
    const told = this.#carryOut(
      this.#responders.handle({ kind: 'expel', identity: fqdnIdentity(router) }, now),
      now,
    );
    const channel = this.#byRouter.get(router);
    if (channel === undefined) return told;
    this.#forget(channel);
    this.#byRouter.delete(router);
    return [
      ...told,
      { kind: 'change', change: { remove: [channel.spi] } },
      { kind: 'down', router, reason: 'expelled' },
    ];
  }

  #carryOut(ikeActions: readonly IkeAction[], now: Instant): ServerChannelAction[] {
    const actions: ServerChannelAction[] = [];
    for (const action of ikeActions) {
      switch (action.kind) {
        case 'send':
          actions.push({ kind: 'send-ike', bytes: action.bytes, to: action.to });
          break;
        case 'established':
          actions.push(...this.#established(action, now));
          break;
        case 'closed':
          actions.push(...this.#closed(this.#bySaId.get(action.saId), action.reason));
          break;
        case 'peer-moved':
          actions.push(...this.#moved(this.#bySaId.get(action.saId), action.peer));
          break;
        default:
          // Refusals are counted by the responders; a line for each would let strangers fill the log.
          break;
      }
    }
    return actions;
  }

  #established(action: Extract<IkeAction, { kind: 'established' }>, now: Instant): ServerChannelAction[] {
    const router = formatIdentity(action.peerIdentity);
    const old = this.#byRouter.get(router);
    const channel: ServerChannel = {
      router,
      saId: action.saId,
      spi: action.childSa.inboundSpi,
      local: action.local,
      peer: action.peer,
      behindNat: action.peerBehindNat,
      peerInner: innerAddress(router),
      since: now,
      settled: { ike: action.ikeProposal, esp: action.childSa.proposal, esn: action.childSa.esn },
    };
    this.#byRouter.set(router, channel);
    this.#bySaId.set(channel.saId, channel);
    this.#bySpi.set(channel.spi, channel);
    this.#heard(channel.saId, now);
    const pair = channelPair({
      childSa: action.childSa,
      local: action.local,
      peer: action.peer,
      localInner: this.#localInner,
      peerInner: channel.peerInner,
      hardSeconds: this.#timers.lifetimeSeconds,
    });
    const remove = old === undefined ? {} : { remove: [this.#forget(old).spi] };
    return [
      { kind: 'change', change: { install: [{ pair, use: true }], ...remove } },
      { kind: 'up', router, endpoint: action.peer, behindNat: action.peerBehindNat },
    ];
  }

  /** A closed SA that was replaced before says nothing more: its router has a channel. */
  #closed(channel: ServerChannel | undefined, reason: string): ServerChannelAction[] {
    // The new one is in the same actions and takes the old one's place without a gap.
    if (channel === undefined || reason === 'replaced') return [];
    this.#forget(channel);
    if (this.#byRouter.get(channel.router) !== channel) return [];
    this.#byRouter.delete(channel.router);
    return [
      { kind: 'change', change: { remove: [channel.spi] } },
      { kind: 'down', router: channel.router, reason },
    ];
  }

  #forget(channel: ServerChannel): ServerChannel {
    this.#bySaId.delete(channel.saId);
    this.#silence.set(channel.saId, undefined);
    this.#bySpi.delete(channel.spi);
    this.#options.releaseSpi(channel.spi);
    return channel;
  }

  #moved(channel: ServerChannel | undefined, peer: Endpoint): ServerChannelAction[] {
    if (channel === undefined) return [];
    const moved = { ...channel, peer };
    this.#byRouter.set(moved.router, moved);
    this.#bySaId.set(moved.saId, moved);
    this.#bySpi.set(moved.spi, moved);
    return [
      { kind: 'change', change: { move: [{ spi: moved.spi, peer }] } },
      { kind: 'up', router: moved.router, endpoint: peer, behindNat: moved.behindNat },
    ];
  }
}
