/**
 * The server's ends of all channels, as a pure machine: answers IKE, knows which router is behind which SA pair and where
 * it is seen, wraps and unwraps setting messages. Every step costs the same however many routers there are.
 *
 * A reply goes to the address that the last authentic packet came from. RFC 7296, RFC 3948.
 */
import type { SaPair } from '../dataplane/engine.ts';
import { wipeChildSa } from '../ike/child-sa.ts';
import type { ChildSa, IkeAction, RefusalReason, SaId } from '../ike/events.ts';
import { encodeLostState } from '../ike/lost-state.ts';
import { defaultResponderLimits, ResponderSet } from '../ike/responder-set.ts';
import { fqdnIdentity, fqdnOf, type Identity } from '../ike/wire/identification.ts';
import { trafficSelectorOf } from '../ike/wire/traffic-selector.ts';
import type { Address, Endpoint } from '../model/address.ts';
import { certificateRefusals } from '../model/certificate-trust.ts';
import { DeadlineHeap } from '../model/deadline-heap.ts';
import { addSeconds, earliest, type Instant } from '../model/instant.ts';
import type { RekeyWhat } from '../model/rekey-order.ts';
import type { Spi } from '../model/security-association.ts';
import type { CertificateStatus } from '../model/status.ts';
import { type CertificateNews, CertificateWatch } from './certificate-watch.ts';
import { channelPair } from './channel-pair.ts';
import { innerAddress } from './inner-address.ts';
import { unwrapInnerPacket, wrapInnerPacket } from './inner-packet.ts';
import { SaLifetime, serverSpan } from './sa-lifetime.ts';
import type {
  ServerChannel,
  ServerChannelAction,
  ServerChannelEvent,
  ServerChannelsOptions,
} from './server-channel-events.ts';
import { type ChannelTimers, defaultChannelTimers } from './timers.ts';

export type { ServerChannel, ServerChannelAction, ServerChannelEvent, ServerChannelsOptions };

/** Refusals of who got as far as a proof or a proposal, which its owner will want to know of. */
const reportedRefusals: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  'no-proposal-chosen',
  'authentication-failed',
  ...certificateRefusals,
  'ts-unacceptable',
  'no-additional-sas',
]);

/** A channel as it changes: each rekeying gives it another name or another pair. */
interface Channel extends ServerChannel {
  saId: SaId;
  /** The pair through which setting messages are sent. */
  spi: Spi;
  /** All of its pairs: around a rekeying these are several. */
  readonly spis: Set<Spi>;
  peer: Endpoint;
  behindNat: boolean;
  readonly childSa: SaLifetime;
  readonly ikeSa: SaLifetime;
}

/** Time from IKE_SA_INIT to IKE_AUTH: one round trip and its repetitions. */
const halfOpenTimeoutMs = 10_000;

export class ServerChannels {
  readonly #options: ServerChannelsOptions;
  readonly #timers: ChannelTimers;
  readonly #localInner: Address;
  readonly #responders: ResponderSet;
  readonly #byRouter = new Map<string, Channel>();
  readonly #bySaId = new Map<SaId, Channel>();
  readonly #bySpi = new Map<Spi, Channel>();
  /** When each channel is to be asked whether its router is still there. */
  readonly #silence = new DeadlineHeap<Channel>();
  /** When each is to be rekeyed from here, or has come to its end. */
  readonly #lifetimes = new DeadlineHeap<Channel>();
  /** Of the server itself, and of the routers that have shown one. */
  readonly #certificates: CertificateWatch<Channel | 'server'>;

  constructor(options: ServerChannelsOptions) {
    this.#options = options;
    this.#timers = { ...defaultChannelTimers, ...options.settings.lifetimes, ...options.timers };
    this.#certificates = new CertificateWatch(options.utcAtLeast, (subject) =>
      subject === 'server' ? options.identity : subject.router,
    );
    this.#localInner = innerAddress(options.identity);
    this.#responders = new ResponderSet(
      {
        identity: fqdnIdentity(options.identity),
        credentialsFor: (identity) => {
          const router = fqdnOf(identity);
          return router === undefined ? undefined : options.credentialsFor(router);
        },
        certificateTrust: options.certificateTrust,
        hasPpks: options.hasPpks,
        ikeProposals: options.settings.proposals.ike,
        espProposals: options.settings.proposals.esp,
        trafficSelectorsFor: (identity) => this.#trafficSelectors(identity),
        allocateSpi: options.allocateSpi,
        // The server has no raw socket: ESP always travels in UDP, as the channel's definition says.
        forceUdpEncapsulation: true,
        longestDatagramOctets: options.settings.datagramOctets,
        retransmission: this.#timers.retransmission,
        halfOpenTimeoutMs,
        random: options.random,
      },
      options.limits ?? defaultResponderLimits,
    );
  }

  /** The router's channel, while it is up. */
  channel(router: string): ServerChannel | undefined {
    return this.#byRouter.get(router);
  }

  /** Channels that are up, for `status`. */
  channels(): Iterable<ServerChannel> {
    return this.#byRouter.values();
  }

  /** The server's own certificate and those by which channels came about, by whose they are. */
  certificates(now: Instant): CertificateStatus[] {
    return this.#certificates.standings(now);
  }

  /** IKE messages that changed nothing or were refused, by reason. */
  get refusals(): Readonly<Record<string, number>> {
    return this.#responders.counters;
  }

  /** When `handle({kind: 'deadline'})` is due. */
  nextDeadline(): Instant | undefined {
    const own = earliest(this.#silence.earliest, this.#lifetimes.earliest);
    return earliest(earliest(this.#responders.nextDeadline(), own), this.#certificates.deadline);
  }

  /** Takes one event; the actions are to be carried out in order. Buffers of the event are borrowed during the call. */
  handle(event: ServerChannelEvent, now: Instant): ServerChannelAction[] {
    switch (event.kind) {
      case 'ike':
        return this.#carryOut(this.#responders.handle({ ...event, kind: 'message' }, now), now);
      case 'deadline':
        return [
          ...this.#carryOut(this.#responders.handle({ kind: 'deadline' }, now), now),
          ...this.#carryOut(this.#ask(now), now),
          ...this.#age(now),
          ...this.#certificates.due(now).flatMap((news) => this.#certificateNews(news, now)),
        ];
      case 'inner':
        return this.#inner(event.spi, event.packet, now);
      case 'send':
        return this.#send(event.router, event.bytes);
      case 'peer-moved':
        return this.#moved(this.#bySpi.get(event.spi), event.from);
      case 'soft-lifetime':
        return this.#rekey(this.#inUse(event.spi), 'child', now);
      case 'hard-lifetime':
        return this.#close(this.#inUse(event.spi), now);
      case 'rekey':
        return this.#rekey(this.#byRouter.get(event.router), event.what, now);
      case 'expel':
        return this.#expel(event.router, 'expelled', now);
      case 'own-certificate':
        this.#certificates.watch('server', event.validity, now);
        return [];
      case 'announce':
        return event.endpoints.map((to) => ({ kind: 'send-ike', bytes: encodeLostState(), to }));
    }
  }

  #trafficSelectors(identity: Identity) {
    const remote = innerAddress(routerOf(identity));
    return {
      local: [trafficSelectorOf({ address: this.#localInner, length: 128 })],
      remote: [trafficSelectorOf({ address: remote, length: 128 })],
    };
  }

  #inner(spi: Spi, packet: Uint8Array, now: Instant): ServerChannelAction[] {
    const channel = this.#bySpi.get(spi);
    if (channel === undefined) return [];
    this.#heard(channel, now);
    const actions = spi === channel.spi ? [] : this.#noteArrival(channel, spi, now);
    const payload = unwrapInnerPacket(packet, channel.peerInner, this.#localInner, this.#options.settingPort);
    if (payload.ok) return [...actions, { kind: 'setting', router: channel.router, bytes: payload.value }];
    return [
      ...actions,
      { kind: 'log', level: 'warn', message: `packet from ${channel.router} dropped: ${payload.message}` },
    ];
  }

  /** The first packet through a pair that the router has set up says that the router can receive on it. */
  #noteArrival({ saId }: Channel, inboundSpi: Spi, now: Instant): ServerChannelAction[] {
    return this.#carryOut(this.#responders.handle({ kind: 'child-arrival', saId, inboundSpi }, now), now);
  }

  /** Asks the routers that were silent for too long. */
  #ask(now: Instant): IkeAction[] {
    const actions: IkeAction[] = [];
    for (;;) {
      const channel = this.#silence.takeDue(now);
      if (channel === undefined) return actions;
      this.#heard(channel, now);
      actions.push(...this.#responders.handle({ kind: 'check-liveness', saId: channel.saId }, now));
    }
  }

  #heard(channel: Channel, now: Instant): void {
    this.#silence.set(channel, addSeconds(now, this.#timers.serverLivenessSeconds));
  }

  /** Rekeys what its router has not rekeyed in time, and closes what could not be rekeyed: its router sets up another. */
  #age(now: Instant): ServerChannelAction[] {
    const actions: ServerChannelAction[] = [];
    for (;;) {
      const channel = this.#lifetimes.takeDue(now);
      if (channel === undefined) return actions;
      const childSa = channel.childSa.due(now);
      const ikeSa = channel.ikeSa.due(now);
      this.#planLifetimes(channel);
      if (childSa === 'end' || ikeSa === 'end') actions.push(...this.#close(channel, now));
      if (ikeSa === 'rekey') actions.push(...this.#rekey(channel, 'ike-sa', now));
      if (childSa === 'rekey') actions.push(...this.#rekey(channel, 'child', now));
    }
  }

  #planLifetimes(channel: Channel): void {
    this.#lifetimes.set(channel, earliest(channel.childSa.deadline, channel.ikeSa.deadline));
  }

  #rekey(channel: Channel | undefined, what: RekeyWhat, now: Instant): ServerChannelAction[] {
    if (channel === undefined) return [];
    return this.#carryOut(this.#responders.handle({ kind: `rekey-${what}`, saId: channel.saId }, now), now);
  }

  /** The channel that sends through this pair; those that are on their way out do not count. */
  #inUse(spi: Spi): Channel | undefined {
    const channel = this.#bySpi.get(spi);
    return channel?.spi === spi ? channel : undefined;
  }

  #send(router: string, bytes: Uint8Array): ServerChannelAction[] {
    const channel = this.#byRouter.get(router);
    if (channel === undefined) return [];
    const packet = wrapInnerPacket(this.#localInner, channel.peerInner, this.#options.settingPort, bytes);
    return [{ kind: 'send-inner', spi: channel.spi, packet }];
  }

  #close(channel: Channel | undefined, now: Instant): ServerChannelAction[] {
    if (channel === undefined) return [];
    return this.#carryOut(this.#responders.handle({ kind: 'close', saId: channel.saId }, now), now);
  }

  /** At once: a router that does not answer the delete is cut off like one that does. */
  #expel(router: string, reason: string, now: Instant): ServerChannelAction[] {
    const told = this.#carryOut(
      this.#responders.handle({ kind: 'expel', identity: fqdnIdentity(router) }, now),
      now,
    );
    const channel = this.#byRouter.get(router);
    if (channel === undefined) return told;
    const remove = this.#forget(channel, now);
    this.#byRouter.delete(router);
    return [...told, { kind: 'change', change: { remove } }, { kind: 'down', router, reason }];
  }

  /** Rekeying goes on with who was authenticated once: when the time of its certificate is over, the channel is too. */
  #certificateNews(
    { subject, kind, message }: CertificateNews<Channel | 'server'>,
    now: Instant,
  ): ServerChannelAction[] {
    if (subject === 'server' || kind === 'ending') return [{ kind: 'certificate-warning', message }];
    return this.#expel(subject.router, `certificate-expired: ${message}`, now);
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
          actions.push(...this.#closed(this.#bySaId.get(action.saId), action.reason, now));
          break;
        case 'peer-moved':
          actions.push(...this.#moved(this.#bySaId.get(action.saId), action.peer, action.nat?.peerBehindNat));
          break;
        case 'child-installed':
          actions.push(...this.#install(action, now));
          break;
        case 'child-used': {
          const channel = this.#bySaId.get(action.saId);
          if (channel !== undefined) channel.spi = action.inboundSpi;
          break;
        }
        case 'child-removed':
          actions.push({ kind: 'change', change: { remove: [action.inboundSpi] } });
          this.#release(action.inboundSpi);
          break;
        case 'ike-sa-rekeyed':
          this.#rename(action.replaced, action.saId, now);
          break;
        case 'rekey-failed':
          actions.push({ kind: 'log', level: 'warn', message: this.#describe(action) });
          break;
        case 'refused':
          // The others are counted by the responders: anybody can send what they are about.
          if (reportedRefusals.has(action.reason)) actions.push({ ...action, kind: 'refused' });
          break;
        default:
          break;
      }
    }
    return actions;
  }

  #established(action: Extract<IkeAction, { kind: 'established' }>, now: Instant): ServerChannelAction[] {
    const router = routerOf(action.peerIdentity);
    const old = this.#byRouter.get(router);
    const { random } = this.#options;
    const { childSaLifetimeSeconds, ikeSaLifetimeSeconds } = this.#timers;
    const childSa = new SaLifetime(serverSpan, childSaLifetimeSeconds, random);
    const ikeSa = new SaLifetime(serverSpan, ikeSaLifetimeSeconds, random);
    const channel: Channel = {
      router,
      saId: action.saId,
      spi: action.childSa.inboundSpi,
      spis: new Set([action.childSa.inboundSpi]),
      childSa,
      ikeSa,
      rekeyings: (at) => ({ ikeSa: ikeSa.rekeyings(at), childSa: childSa.rekeyings(at) }),
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
    this.#heard(channel, now);
    channel.childSa.start(now);
    channel.ikeSa.start(now);
    this.#planLifetimes(channel);
    this.#certificates.watch(channel, action.peerCertificate, now);
    const pair = this.#pair(channel, action.childSa);
    const remove = old === undefined ? {} : { remove: this.#forget(old, now) };
    return [
      { kind: 'change', change: { install: [{ pair, use: true }], ...remove } },
      { kind: 'up', router, endpoint: action.peer, behindNat: action.peerBehindNat },
    ];
  }

  #pair(channel: Channel, childSa: ChildSa): SaPair {
    return channelPair({
      childSa,
      local: channel.local,
      peer: channel.peer,
      localInner: this.#localInner,
      peerInner: channel.peerInner,
      hardSeconds: this.#timers.childSaLifetimeSeconds,
    });
  }

  /** Both halves work at once; whether messages go through it yet is decided here, packet by packet. */
  #install(
    { saId, childSa, use }: Extract<IkeAction, { kind: 'child-installed' }>,
    now: Instant,
  ): ServerChannelAction[] {
    const channel = this.#bySaId.get(saId);
    if (channel === undefined) {
      wipeChildSa(childSa);
      this.#options.releaseSpi(childSa.inboundSpi);
      return [];
    }
    channel.spis.add(childSa.inboundSpi);
    this.#bySpi.set(childSa.inboundSpi, channel);
    if (use) channel.spi = childSa.inboundSpi;
    channel.childSa.renew(now);
    this.#planLifetimes(channel);
    return [{ kind: 'change', change: { install: [{ pair: this.#pair(channel, childSa), use: true }] } }];
  }

  #release(spi: Spi): void {
    this.#bySpi.get(spi)?.spis.delete(spi);
    this.#bySpi.delete(spi);
    this.#options.releaseSpi(spi);
  }

  #rename(replaced: SaId, saId: SaId, now: Instant): void {
    const channel = this.#bySaId.get(replaced);
    if (channel === undefined) return;
    this.#bySaId.delete(replaced);
    this.#bySaId.set(saId, channel);
    channel.saId = saId;
    channel.ikeSa.renew(now);
    this.#planLifetimes(channel);
  }

  #describe({ saId, what, reason, message }: Extract<IkeAction, { kind: 'rekey-failed' }>): string {
    const router = this.#bySaId.get(saId)?.router ?? 'a router without a channel';
    return `the ${what === 'child' ? 'CHILD SA' : 'IKE SA'} of ${router} was not rekeyed: ${reason}, ${message}`;
  }

  /** A closed SA that was replaced before says nothing more: its router has a channel. */
  #closed(channel: Channel | undefined, reason: string, now: Instant): ServerChannelAction[] {
    // The new one is in the same actions and takes the old one's place without a gap.
    if (channel === undefined || reason === 'replaced') return [];
    const remove = this.#forget(channel, now);
    if (this.#byRouter.get(channel.router) !== channel) return [];
    this.#byRouter.delete(channel.router);
    return [
      { kind: 'change', change: { remove } },
      { kind: 'down', router: channel.router, reason },
    ];
  }

  /** Returns the SPIs that the channel had. */
  #forget(channel: Channel, now: Instant): Spi[] {
    this.#certificates.watch(channel, undefined, now);
    this.#bySaId.delete(channel.saId);
    this.#silence.set(channel, undefined);
    this.#lifetimes.set(channel, undefined);
    const spis = [...channel.spis];
    for (const spi of spis) this.#release(spi);
    return spis;
  }

  #moved(
    channel: Channel | undefined,
    peer: Endpoint,
    behindNat = channel?.behindNat ?? false,
  ): ServerChannelAction[] {
    if (channel === undefined) return [];
    channel.peer = peer;
    channel.behindNat = behindNat;
    return [
      { kind: 'change', change: { move: [...channel.spis].map((spi) => ({ spi, peer })) } },
      { kind: 'up', router: channel.router, endpoint: peer, behindNat: channel.behindNat },
    ];
  }
}

/** The name of an initiator that was let in, and so is a router: nobody else has credentials. */
function routerOf(identity: Identity): string {
  const name = fqdnOf(identity);
  if (name === undefined) throw new Error('an initiator without a name was let in');
  return name;
}
