/**
 * The setting server's parts put together: datagrams, channels, request processing, store. It carries the machines' actions
 * out in their order and decides nothing itself; sockets, clock and disk come in through its ports. The way of a
 * message: datagram -> engine -> channel -> request processing -> store -> channel -> engine -> datagram.
 */
import {
  type ServerChannelAction,
  type ServerChannelEvent,
  ServerChannels,
} from '../channel/server-channels.ts';
import type { Engine } from '../dataplane/engine.ts';
import type { SpiAllocator } from '../dataplane/spi-allocator.ts';
import { decodeRouterMessage, encodeMessage, wipeMessage } from '../messages/codec.ts';
import { echoPeerName } from '../messages/echo-peer.ts';
import { describePair, type ServerMessage, settingPort } from '../messages/message.ts';
import { type Endpoint, formatEndpoint } from '../model/address.ts';
import type { CertificateTrust, CertificateValidity } from '../model/certificate-trust.ts';
import { type ChannelSettings, defaultChannelSettings } from '../model/channel.ts';
import type { Credentials } from '../model/credentials.ts';
import type { EventLog } from '../model/event-log.ts';
import { earliest, type Instant } from '../model/instant.ts';
import { IntervalLog } from '../model/interval-log.ts';
import type { RekeyWhat } from '../model/rekey-order.ts';
import type { Spi } from '../model/security-association.ts';
import type { UtcMs } from '../model/trusted-time.ts';
import { CommitQueue, type StoreAction } from './commit-queue.ts';
import type { PolicySet } from './distribution-policies/policy-set.ts';
import { type EchoAction, EchoPeer } from './echo-peer/echo-peer.ts';
import type { RequestAction, RequestEvent } from './request-processing/events.ts';
import type { RequestProcessing } from './request-processing/request-processing.ts';
import type { RolloutPlan } from './rollout/plan.ts';
import type { Rollout, RolloutAction } from './rollout/rollout.ts';

export interface ServerPorts {
  readonly engine: Engine;
  /** Sends a UDP datagram from the socket that the channels use. */
  readonly send: (datagram: Uint8Array, to: Endpoint) => void;
  readonly now: () => Instant;
  readonly random: (octets: number) => Uint8Array;
  readonly wakeAt: (at: Instant | undefined) => void;
  /** Makes the changes durable as one, or throws. */
  readonly commit: (action: StoreAction) => void;
  /** Keeps the row for the audit log; written later, so it neither waits nor fails. */
  readonly audit: (action: Extract<RequestAction, { kind: 'audit' }>) => void;
  readonly log: (level: 'info' | 'warn', what: string, detail: string) => void;
}

export interface ServerOptions {
  readonly identity: string;
  readonly credentialsFor: (router: string) => Credentials | undefined;
  readonly certificateTrust?: () => CertificateTrust | undefined;
  /** How long the certificate holds that the server shows; undefined without one. */
  readonly ownCertificate?: () => CertificateValidity | undefined;
  /** What time it is at least, by which certificates end. */
  readonly utcAtLeast: (now: Instant) => UtcMs;
  /** Some router has a post-quantum pre-shared key. */
  readonly hasPpks?: () => boolean;
  /** Of the channels; the defaults of the settings file unless given. */
  readonly channel?: ChannelSettings;
  readonly processing: RequestProcessing;
  readonly rollout: Rollout;
  readonly spiAllocator: SpiAllocator;
  readonly ports: ServerPorts;
  readonly events: EventLog;
}

/** RFC 3948 section 2.2: four zero octets where ESP has its SPI. */
const nonEspMarkerOctets = 4;

export class Server {
  readonly messageCounters: Record<string, number> = {};
  readonly dropCounters: Record<string, number> = {};
  readonly channels: ServerChannels;
  readonly echoPeer: EchoPeer;
  readonly rollout: Rollout;
  readonly #options: ServerOptions;
  readonly #ports: ServerPorts;
  readonly #processing: RequestProcessing;
  readonly #drops: IntervalLog;
  readonly #commits: CommitQueue;

  constructor(options: ServerOptions) {
    const { ports, spiAllocator } = options;
    this.#options = options;
    this.#ports = ports;
    this.#processing = options.processing;
    this.rollout = options.rollout;
    this.#commits = new CommitQueue(ports.commit);
    this.#drops = new IntervalLog((code, message) => this.#say('warn', code, message));
    this.channels = new ServerChannels({
      identity: options.identity,
      credentialsFor: options.credentialsFor,
      ...(options.hasPpks === undefined ? {} : { hasPpks: options.hasPpks }),
      ...(options.certificateTrust === undefined ? {} : { certificateTrust: options.certificateTrust }),
      settings: options.channel ?? defaultChannelSettings,
      settingPort,
      utcAtLeast: options.utcAtLeast,
      random: ports.random,
      allocateSpi: () => spiAllocator.allocate(),
      releaseSpi: (spi) => spiAllocator.release(spi),
    });
    this.echoPeer = new EchoPeer({
      random: ports.random,
      allocateSpi: () => spiAllocator.allocate(),
      releaseSpi: (spi) => spiAllocator.release(spi),
      localOf: (router) => this.channels.channel(router)?.local,
    });
  }

  /** Tells routers at the places where an earlier life of this server last saw them that their channels are gone. */
  announce(endpoints: readonly Endpoint[]): void {
    this.#tellChannels({ kind: 'announce', endpoints }, this.#ports.now());
  }

  /** Takes a datagram that arrived on the channels' socket: IKE, ESP or a keepalive (RFC 3948 section 2). Borrows it. */
  datagram(bytes: Uint8Array, from: Endpoint, to: Endpoint): void {
    const now = this.#ports.now();
    if (bytes.length < 8) {
      if (bytes.length !== 1 || bytes[0] !== 0xff)
        this.#drop('datagram too short', formatEndpoint(from), now);
    } else if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0) {
      this.#count('ike received');
      this.#tellChannels({ kind: 'ike', bytes: bytes.subarray(nonEspMarkerOctets), from, to }, now);
    } else {
      this.#receiveEsp(bytes, from, to, now);
    }
    this.#plan();
  }

  /** Does what is due; to be called at the instant asked for by `wakeAt`. */
  deadline(): void {
    const now = this.#ports.now();
    if ((this.channels.nextDeadline() ?? Infinity) <= now) this.#tellChannels({ kind: 'deadline' }, now);
    if ((this.#processing.nextDeadline() ?? Infinity) <= now) this.#tellProcessing({ kind: 'deadline' }, now);
    this.#carryOutEcho(this.echoPeer.deadline(now), now);
    if ((this.rollout.nextDeadline() ?? Infinity) <= now)
      this.#carryOutRollout(this.rollout.deadline(now), now);
    this.#plan();
  }

  /** Takes a new policy set; routers that are in it no more lose their channel. */
  replacePolicies(policies: PolicySet, expelled: readonly string[]): void {
    const now = this.#ports.now();
    this.#tellProcessing({ kind: 'policies', policies }, now);
    for (const router of expelled) this.#tellChannels({ kind: 'expel', router }, now);
    this.#carryOutRollout(this.rollout.expelled(expelled, now), now);
    this.#watchOwnCertificate(now);
    this.#plan();
  }

  /** Rekeys one of the SAs of a router's channel now; false without a channel. */
  rekey(router: string, what: RekeyWhat): boolean {
    const isThere = this.channels.channel(router) !== undefined;
    this.#tellChannels({ kind: 'rekey', router, what }, this.#ports.now());
    this.#plan();
    return isThere;
  }

  /** Starts a roll-out to enrolled routers. Throws HostError USAGE. */
  startRollout(plan: RolloutPlan): void {
    const now = this.#ports.now();
    const known = [...this.#processing.enrolled()].map(({ name }) => {
      const { software = '', versionUp = null } = this.#processing.standing(name) ?? {};
      return { name, software, standing: versionUp };
    });
    this.#carryOutRollout(this.rollout.start(plan, known, now), now);
    this.#plan();
  }

  /** Throws HostError USAGE where its state does not allow it. */
  orderRollout(order: 'pause' | 'resume' | 'abort', maxFailures?: number): void {
    const now = this.#ports.now();
    const { rollout } = this;
    const actions = order === 'resume' ? rollout.resume(now, maxFailures) : rollout[order](now);
    this.#carryOutRollout(actions, now);
    this.#plan();
  }

  /** Carries out what request processing wants done at the start. */
  start(actions: readonly RequestAction[]): void {
    const now = this.#ports.now();
    this.#watchOwnCertificate(now);
    this.#carryOut(actions, now);
    this.#plan();
  }

  #watchOwnCertificate(now: Instant): void {
    this.#tellChannels({ kind: 'own-certificate', validity: this.#options.ownCertificate?.() }, now);
  }

  #receiveEsp(esp: Uint8Array, from: Endpoint, to: Endpoint, now: Instant): void {
    const { engine } = this.#ports;
    const outcome = engine.inbound({ esp, from, to: to.address, encapsulation: 'udp', tos: 0 }, now);
    for (const event of engine.drainEvents()) {
      const { kind } = event;
      if (kind === 'peer-moved') this.#carryOutEcho(this.echoPeer.moved(event.spi, event.from), now);
      if (kind === 'peer-moved' || kind === 'soft-lifetime' || kind === 'hard-lifetime') {
        this.#tellChannels(event, now);
      }
    }
    if (outcome.kind === 'deliver' && this.echoPeer.owns(outcome.spi)) {
      this.#carryOutEcho(this.echoPeer.inner(outcome.spi, outcome.packet), now);
    } else if (outcome.kind === 'deliver') {
      this.#tellChannels({ kind: 'inner', spi: outcome.spi, packet: outcome.packet }, now);
    } else if (outcome.kind === 'dropped') {
      this.#drop(outcome.reason, `ESP from ${formatEndpoint(from)}`, now);
    }
  }

  #tellChannels(event: ServerChannelEvent, now: Instant): void {
    this.#carryOutChannels(this.channels.handle(event, now), now);
  }

  #tellProcessing(event: RequestEvent, now: Instant): void {
    this.#carryOut(this.#processing.handle(event, now), now);
  }

  #carryOutChannels(actions: readonly ServerChannelAction[], now: Instant): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'send-ike':
          this.#sendIke(action.bytes, action.to);
          break;
        case 'change':
          this.#ports.engine.change(action.change, now);
          break;
        case 'send-inner':
          this.#sendInner(action.spi, action.packet, 'channel packet', now);
          break;
        case 'up':
          this.#say('info', 'channel up', `${action.router} at ${formatEndpoint(action.endpoint)}`);
          this.#tellProcessing({ ...action, kind: 'channel-up' }, now);
          break;
        case 'down':
          this.#say('warn', 'channel down', `${action.router}: ${action.reason}`);
          this.#tellProcessing({ ...action, kind: 'channel-down' }, now);
          this.rollout.gone(action.router);
          break;
        case 'setting':
          this.#receive(action.router, action.bytes, now);
          break;
        case 'refused':
          this.#drops.note(action.reason, `IKE of ${formatEndpoint(action.from)}: ${action.message}`, now);
          break;
        case 'certificate-warning':
          this.#say('warn', 'certificate', action.message);
          break;
        case 'log':
          this.#drops.note(`channel ${action.level}`, action.message, now);
          break;
      }
    }
  }

  #carryOutEcho(actions: readonly EchoAction[], now: Instant): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'message':
          this.#tellProcessing({ kind: 'message', router: echoPeerName, message: action.message }, now);
          break;
        case 'change':
          this.#ports.engine.change(action.change, now);
          break;
        case 'send-inner':
          this.#sendInner(action.spi, action.packet, 'echo reply', now);
          break;
      }
    }
  }

  /** Zeroes the packet. */
  #sendInner(spi: Spi, packet: Uint8Array, what: string, now: Instant): void {
    const outcome = this.#ports.engine.outboundThrough(spi, packet, now);
    packet.fill(0);
    if (outcome.kind === 'send') this.#ports.send(outcome.esp, outcome.to);
    else this.#drop(outcome.kind === 'dropped' ? outcome.reason : outcome.kind, what, now);
  }

  #receive(router: string, bytes: Uint8Array, now: Instant): void {
    const decoded = decodeRouterMessage(bytes);
    if (!decoded.ok) {
      this.#drop(decoded.code, `message from ${router}: ${decoded.message}`, now);
      return;
    }
    const message = decoded.value;
    this.#count(`${message.type} received`);
    this.#options.events.add(
      'info',
      `${message.type} from ${message.source}`,
      describePair(message),
      this.#ports.now(),
    );
    this.#tellProcessing({ kind: 'message', router, message }, now);
    if (message.type !== 'upgrade-report' || message.source !== router) return;
    const { software = '' } = this.#processing.standing(router) ?? {};
    this.#carryOutRollout(this.rollout.report(router, software, message, now), now);
  }

  /** As `#carryOut`: what is stored is durable before anything that depends on it is said. */
  #carryOutRollout(actions: readonly RolloutAction[], now: Instant): void {
    const none = { put: [], remove: [], routers: [] };
    for (const action of actions) {
      if (action.kind === 'log') {
        this.#say(action.level, action.what, action.detail);
        const about = { router: '', peer: '', kindName: '' };
        this.#audit({ kind: 'audit', what: action.what, ...about, detail: action.detail });
      }
    }
    const carried = actions.flatMap((action): RequestAction[] => {
      if (action.kind === 'log') return [];
      return [action.kind === 'send' ? action : { kind: 'store', ...none, rollout: action.change }];
    });
    this.#carryOut(carried, now);
  }

  #carryOut(actions: readonly RequestAction[], now: Instant): void {
    let isDurable: boolean | undefined;
    for (const action of actions) {
      switch (action.kind) {
        case 'store':
          isDurable = this.#store(() => this.#commits.add(action), now);
          break;
        case 'send':
          // A repetition has no store of its own, and what it depends on may still wait for the disk.
          isDurable ??= this.#store(() => this.#commits.retry(), now);
          if (isDurable && action.router === echoPeerName)
            this.#carryOutEcho(this.echoPeer.receive(action.message, now), now);
          else if (isDurable) this.#send(action.router, action.message, now);
          wipeMessage(action.message);
          break;
        case 'audit':
          this.#audit(action);
          break;
      }
    }
  }

  #store(commit: () => void, now: Instant): boolean {
    try {
      commit();
      return true;
    } catch (error) {
      this.#drop('store', error instanceof Error ? error.message : String(error), now);
      return false;
    }
  }

  #send(router: string, message: ServerMessage, now: Instant): void {
    this.#count(`${message.type} sent`);
    this.#options.events.add(
      'info',
      `${message.type} to ${router}`,
      describePair(message),
      this.#ports.now(),
    );
    const bytes = encodeMessage(message);
    this.#tellChannels({ kind: 'send', router, bytes }, now);
    bytes.fill(0);
  }

  #audit(action: Extract<RequestAction, { kind: 'audit' }>): void {
    this.#count(action.what);
    this.#ports.audit(action);
  }

  #sendIke(bytes: Uint8Array, to: Endpoint): void {
    this.#count('ike sent');
    const datagram = new Uint8Array(nonEspMarkerOctets + bytes.length);
    datagram.set(bytes, nonEspMarkerOctets);
    this.#ports.send(datagram, to);
  }

  #plan(): void {
    const machines = earliest(this.channels.nextDeadline(), this.#processing.nextDeadline());
    const others = earliest(this.echoPeer.nextDeadline(), this.rollout.nextDeadline());
    this.#ports.wakeAt(earliest(machines, others));
  }

  #drop(code: string, detail: string, now: Instant): void {
    this.dropCounters[code] = (this.dropCounters[code] ?? 0) + 1;
    this.#drops.note(code, detail, now);
  }

  #count(key: string): void {
    this.messageCounters[key] = (this.messageCounters[key] ?? 0) + 1;
  }

  #say(level: 'info' | 'warn', what: string, detail: string): void {
    this.#options.events.add(level, what, detail, this.#ports.now());
    this.#ports.log(level, what, detail);
  }
}
