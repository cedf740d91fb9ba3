/**
 * The router's control side put together: packet loop, channel, hello, setting management. It carries the machines' actions
 * out in their order and feeds them what happens; it decides nothing itself and owns no socket, clock or file, which
 * its ports bring. The way of a setting: loop event -> setting management -> channel -> loop command, and back.
 */
import {
  RouterChannel,
  type RouterChannelAction,
  type RouterChannelEvent,
} from '../channel/router-channel.ts';
import type { EngineEvent } from '../dataplane/engine.ts';
import { decodeServerMessage, encodeMessage, wipeMessage } from '../messages/codec.ts';
import { echoPeerName } from '../messages/echo-peer.ts';
import {
  describePair,
  type MessageId,
  type RouterMessage,
  type ServerMessage,
  settingPort,
} from '../messages/message.ts';
import { type Endpoint, formatEndpoint } from '../model/address.ts';
import { defaultChannelSettings } from '../model/channel.ts';
import { earliest, type Instant } from '../model/instant.ts';
import { IntervalLog } from '../model/interval-log.ts';
import type { SpdEntry } from '../model/policy.ts';
import type { RekeyWhat } from '../model/rekey-order.ts';
import type { UtcMs } from '../model/trusted-time.ts';
import { noVersionUp, type VersionUpStanding } from '../model/version-up.ts';
import type { LoopEvent } from '../packet-loop/protocol.ts';
import { HelloExchange } from './hello.ts';
import type { RouterOptions, RouterPorts } from './router-options.ts';
import type { SelfTestResult } from './self-test.ts';
import { SelfTesting } from './self-testing.ts';
import type { SettingAction, SettingEvent } from './setting-management/events.ts';
import { SettingManagement } from './setting-management/setting-management.ts';
import { type VersionUpAction, VersionUpExchange } from './version-up-exchange.ts';

/** Ids of questions that are remembered to recognise a repetition; a forgotten one costs a late liveness check. */
const maximumAsked = 256;

export class Router {
  readonly messageCounters: Record<string, number> = {};
  readonly #options: RouterOptions;
  readonly #ports: RouterPorts;
  readonly #channel: RouterChannel;
  readonly #hello: HelloExchange;
  readonly #settings: SettingManagement;
  readonly #versionUp: VersionUpExchange;
  readonly #selfTest: SelfTesting;
  readonly #drops: IntervalLog;
  #local: Endpoint;
  /** Set while `welcome` has been said on this channel: only then may the setting protocol speak. */
  #isWelcome = false;
  readonly #asked = new Set<MessageId>();

  constructor(options: RouterOptions) {
    const { name, ports, spiAllocator, proposals } = options;
    this.#options = options;
    this.#local = options.local;
    this.#ports = ports;
    this.#drops = new IntervalLog((code, message) => this.#say('warn', code, message));
    this.#hello = new HelloExchange({ name, proposals, software: options.software, random: ports.random });
    this.#versionUp = new VersionUpExchange(
      { name, software: options.software, random: ports.random },
      options.versionUp ?? noVersionUp,
    );
    this.#selfTest = new SelfTesting(
      {
        name,
        random: ports.random,
        allocateSpi: () => spiAllocator.allocate(),
        releaseSpi: (spi) => spiAllocator.release(spi),
        refusal: ports.refusal,
        local: () => this.#local,
        server: options.server,
        proposals: new Set(proposals),
      },
      {
        send: (message, now) => this.#send(message, now),
        post: ports.post,
        say: (level, what, detail) => this.#say(level, what, detail),
      },
    );
    this.#channel = new RouterChannel({
      name,
      serverIdentity: options.serverIdentity,
      local: options.local,
      server: options.server,
      credentials: options.credentials,
      settings: options.channel ?? defaultChannelSettings,
      settingPort,
      utcAtLeast: options.utcAtLeast,
      random: ports.random,
      allocateSpi: () => spiAllocator.allocate(),
      releaseSpi: (spi) => spiAllocator.release(spi),
    });
    this.#settings = new SettingManagement({
      name,
      entries: options.entries,
      random: ports.random,
      refusal: ports.refusal,
      spiAllocator,
      timers: options.timers,
      localEndpoint: (peer) => (peer.address.family === this.#local.address.family ? this.#local : undefined),
      proposals: new Set(proposals),
    });
  }

  get channel(): RouterChannel {
    return this.#channel;
  }

  get settings(): SettingManagement {
    return this.#settings;
  }

  /** Gives the engine its SPD and sets the channel up. Call once the packet loop is ready. */
  start(): void {
    const now = this.#ports.now();
    this.#carryOutSettings(this.#settings.start(), now);
    this.#tellChannel({ kind: 'start' }, now);
    this.#plan();
  }

  /** Takes an event of a worker's packet loop; snapshots and the end of the loop are the caller's. */
  loopEvent(event: LoopEvent, worker = 0): void {
    const now = this.#ports.now();
    switch (event.kind) {
      case 'engine':
        for (const one of event.events) this.#engineEvent(one, worker, event.atMs, now);
        break;
      case 'ike':
        this.#count('ike received');
        this.#tellChannel({ kind: 'ike', bytes: event.bytes, from: event.from, to: this.#local }, now);
        break;
      case 'inner':
        if (!this.#selfTest.takes(event.spi, event.packet, now))
          this.#tellChannel({ kind: 'inner', spi: event.spi, packet: event.packet }, now);
        break;
      case 'unanswered':
        this.#tellSettings(event, now);
        break;
      case 'trace':
        this.#options.events.add('info', event.what, '', event.atMs);
        break;
      case 'engine-lost':
        this.#say('warn', 'engine lost', event.reason);
        this.#unwelcome();
        this.#tellSettings({ kind: 'channel-down' }, now);
        this.#tellSettings({ kind: 'engine-lost' }, now);
        this.#selfTest.engineLost(now);
        this.#tellChannel({ kind: 'engine-lost' }, now);
        break;
      default:
        break;
    }
    this.#plan();
  }

  /** Does what is due; to be called at the instant asked for by `wakeAt`. */
  deadline(): void {
    const now = this.#ports.now();
    if ((this.#channel.nextDeadline() ?? Infinity) <= now) this.#tellChannel({ kind: 'deadline' }, now);
    const hello = this.#hello.deadline(now);
    if (hello !== undefined) this.#send(hello, now);
    this.#carryOutVersionUp(this.#versionUp.deadline(now), now);
    this.#selfTest.deadline(now);
    if ((this.#settings.nextDeadline() ?? Infinity) <= now) this.#tellSettings({ kind: 'deadline' }, now);
    this.#plan();
  }

  /** Why the engine has no room for an edited SPD, or null; changes nothing. */
  spdRefusal(entries: readonly SpdEntry[]): string | null {
    return this.#ports.refusal({ spd: entries }) ?? null;
  }

  /**
   * Takes an edited SPD: entries that did not change keep their SAs.
   *
   * @returns why the engine has no room for it, and then nothing has changed; null when it is in force
   */
  replaceSpd(entries: readonly SpdEntry[]): string | null {
    const refusal = this.spdRefusal(entries);
    if (refusal !== null) return refusal;
    this.#tellSettings({ kind: 'spd', entries }, this.#ports.now());
    this.#say('info', 'SPD replaced', `${entries.length} entries`);
    this.#plan();
    return null;
  }

  /** Our address is another one now, and the sockets are bound to it: the channel and the SAs go on there. */
  move(local: Endpoint): void {
    const now = this.#ports.now();
    this.#say('info', 'moved', `${formatEndpoint(this.#local)} -> ${formatEndpoint(local)}`);
    this.#local = local;
    this.#tellChannel({ kind: 'local-moved', local }, now);
    const behindNat = this.#channel.state.localBehindNat;
    this.#tellSettings({ kind: 'local-moved', behindNat, ownAddress: true }, now);
    this.#plan();
  }

  /** Asks the server for a sign of life; returns whether the channel is up, and when the last authentic packet came through it. */
  heard(): { readonly isUp: boolean; readonly heardAt: Instant } {
    const { state, heardAt } = this.#channel.state;
    this.#tellChannel({ kind: 'unanswered' }, this.#ports.now());
    this.#plan();
    return { isUp: state === 'up' && this.#isWelcome, heardAt };
  }

  /** Runs a self-test, or waits for the one that is under way; `ended` is called once, possibly at once. */
  selfTest(withinMs: number, ended: (result: SelfTestResult) => void): void {
    this.#selfTest.run(withinMs, ended, this.#ports.now());
    this.#plan();
  }

  /** Something became of a version-up: the server is told. */
  versionUpChanged(standing: VersionUpStanding): void {
    const now = this.#ports.now();
    this.#carryOutVersionUp(this.#versionUp.changed(standing, now), now);
    this.#plan();
  }

  /** Asks for new SAs now in place of the pairs in use; of one SPD entry, or of all. Returns how many. */
  renew(entry: string | undefined): number {
    const pairs = this.#settings
      .status()
      .pairs.filter((pair) => pair.role === 'in use' && (entry === undefined || pair.entry === entry));
    for (const pair of pairs) this.#tellSettings({ kind: 'renew', spi: pair.inboundSpi }, this.#ports.now());
    this.#plan();
    return pairs.length;
  }

  /** Rekeys one of the channel's SAs now; false without a channel. */
  rekey(what: RekeyWhat): boolean {
    const now = this.#ports.now();
    const isThere = this.#channel.rekeyings(now) !== undefined;
    this.#tellChannel({ kind: 'rekey', what }, now);
    this.#plan();
    return isThere;
  }

  #engineEvent(event: EngineEvent, worker: number, atMs: Instant, now: Instant): void {
    if (event.kind === 'acquire') {
      this.#options.events.add('info', 'packet in, no SA: held', `entry ${event.entry}`, atMs);
      this.#tellSettings({ ...event, worker }, now);
      return;
    }
    // A pair is the channel's or a setting's; the one that it is not ignores it. The server's address is a setting.
    if (event.kind === 'soft-lifetime' || event.kind === 'hard-lifetime') this.#tellChannel(event, now);
    this.#tellSettings(event, now);
  }

  #tellChannel(event: RouterChannelEvent, now: Instant): void {
    this.#carryOutChannel(this.#channel.handle(event, now), now);
  }

  #tellSettings(event: SettingEvent, now: Instant): void {
    this.#carryOutSettings(this.#settings.handle(event, now), now);
  }

  #carryOutChannel(actions: readonly RouterChannelAction[], now: Instant): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'send-ike':
          this.#count('ike sent');
          this.#ports.post(action);
          break;
        case 'send-keepalive':
        case 'send-inner':
        case 'change':
          this.#ports.post(action);
          break;
        case 'up':
          this.#unwelcome();
          this.#say('info', 'channel up', formatEndpoint(this.#options.server));
          this.#send(this.#hello.begin(now), now);
          break;
        case 'moved':
          this.#tellSettings(
            { kind: 'local-moved', behindNat: action.localBehindNat, ownAddress: false },
            now,
          );
          break;
        case 'down':
          this.#unwelcome();
          this.#hello.stop();
          this.#say('warn', 'channel down', action.reason);
          this.#tellSettings({ kind: 'channel-down' }, now);
          break;
        case 'setting':
          this.#receive(action.bytes, now);
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

  #receive(bytes: Uint8Array, now: Instant): void {
    const decoded = decodeServerMessage(bytes);
    bytes.fill(0); // the frame may hold keys; the message has copied them
    if (!decoded.ok) {
      this.#count(`dropped: ${decoded.code}`);
      this.#drops.note(decoded.code, `message from the server dropped: ${decoded.message}`, now);
      return;
    }
    const message = decoded.value;
    this.#count(`${message.type} received`);
    this.#options.events.add('info', `${message.type} received`, describePair(message), this.#ports.now());
    switch (message.type) {
      case 'welcome':
        if (this.#hello.accept(message)) this.#welcome(message.timeMs, now);
        return;
      case 'upgrade':
        this.#carryOutVersionUp(this.#versionUp.order(message, now), now);
        return;
      case 'upgrade-noted':
        this.#versionUp.noted(message);
        return;
      default:
        this.#takeSetting(message, now);
    }
  }

  /** The self-test's or setting management's; a withdrawal may be both's. */
  #takeSetting(message: ServerMessage, now: Instant): void {
    const isSelfTest = message.peer === echoPeerName;
    if (message.source === this.#options.name && (isSelfTest || message.type === 'withdraw'))
      this.#selfTest.receive(message, now);
    if (!isSelfTest) this.#tellSettings({ kind: 'message', message }, now);
    else wipeMessage(message);
  }

  /** The setting protocol may not speak until the next `welcome`. */
  #unwelcome(): void {
    this.#isWelcome = false;
    this.#versionUp.stop();
    this.#selfTest.channelDown();
  }

  #welcome(serverUtcMs: UtcMs, now: Instant): void {
    this.#options.learnTime?.(serverUtcMs);
    this.#isWelcome = true;
    this.#tellSettings({ kind: 'channel-up', behindNat: this.#channel.state.localBehindNat }, now);
    this.#carryOutVersionUp(this.#versionUp.welcome(now), now);
    this.#selfTest.channelUp(now);
  }

  #carryOutVersionUp(actions: readonly VersionUpAction[], now: Instant): void {
    for (const action of actions) {
      if (action.kind === 'send') {
        this.#send(action.message, now);
        continue;
      }
      const { version, url } = action;
      this.#say(
        'info',
        'version-up',
        `the server wants version ${version}${url === '' ? '' : ` from ${url}`}`,
      );
      this.#ports.upgrade?.(version, url);
    }
  }

  #carryOutSettings(actions: readonly SettingAction[], now: Instant): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'send':
          if (this.#isWelcome) this.#send(action.message, now);
          break;
        case 'change': {
          const installed = action.change.install ?? [];
          this.#ports.post(action);
          for (const { pair } of installed) {
            this.#options.events.add('info', 'SAs installed', `entry ${pair.entry}`, this.#ports.now());
          }
          break;
        }
        case 'send-dummy':
        case 'send-keepalive':
        case 'release-held':
          this.#ports.post(action);
          break;
        case 'drop-held':
          this.#ports.post({ kind: 'drop-held', entry: action.entry, icmp: true });
          this.#options.events.add(
            'warn',
            `held packets dropped: ${action.failure}`,
            `entry ${action.entry}`,
            now,
          );
          break;
        case 'log':
          this.#say(
            action.level,
            action.what,
            `entry ${action.entry}, peer ${action.peer}: ${action.detail}`,
          );
          break;
      }
    }
  }

  #send(message: RouterMessage, now: Instant): void {
    const key = `${message.type} sent`;
    this.#count(key);
    this.#options.events.add('info', key, describePair(message), this.#ports.now());
    this.#tellChannel({ kind: 'send', bytes: encodeMessage(message) }, now);
    // What goes out a second time has had no answer: the server may have been restarted and know this channel no more.
    const awaitsAnswer = message.type === 'request' || message.type === 'hello';
    if (!awaitsAnswer) return;
    if (this.#asked.has(message.id)) this.#tellChannel({ kind: 'unanswered' }, now);
    if (this.#asked.size >= maximumAsked) this.#asked.clear();
    this.#asked.add(message.id);
  }

  #plan(): void {
    let next = earliest(this.#channel.nextDeadline(), this.#settings.nextDeadline());
    for (const machine of [this.#hello, this.#versionUp, this.#selfTest])
      next = earliest(next, machine.nextDeadline());
    this.#ports.wakeAt(next);
  }

  #count(key: string): void {
    this.messageCounters[key] = (this.messageCounters[key] ?? 0) + 1;
  }

  #say(level: 'info' | 'warn', what: string, detail: string): void {
    this.#options.events.add(level, what, detail, this.#ports.now());
    this.#ports.log(level, what, detail);
  }
}
