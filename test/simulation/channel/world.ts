/** A router's channel and the server's in virtual time, for tests that say what happens to them. */
import { RouterChannel, type RouterChannelAction } from '../../../host/channel/router-channel.ts';
import { type ServerChannelAction, ServerChannels } from '../../../host/channel/server-channels.ts';
import type { SaPair } from '../../../host/dataplane/engine.ts';
import { SpiAllocator } from '../../../host/dataplane/spi-allocator.ts';
import { type Endpoint, parseAddress } from '../../../host/model/address.ts';
import { type ChannelSettings, defaultChannelSettings } from '../../../host/model/channel.ts';
import { type Credentials, sharedKey } from '../../../host/model/credentials.ts';
import { Secret } from '../../../host/model/secret.ts';
import { seeded } from '../seeded-octets.ts';

export function endpoint(text: string, port = 4500): Endpoint {
  const address = parseAddress(text);
  if (!address.ok) throw new Error(address.message);
  return { address: address.value, port };
}

export const serverEndpoint = endpoint('203.0.113.1');
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const key = (value: string): Secret => new Secret(text(value));

export interface WorldOptions {
  readonly routerKey?: string;
  /** In place of the key. */
  readonly routerCredentials?: Credentials;
  readonly serverCredentials?: Credentials;
  readonly lifetimeSeconds?: number;
  readonly serverLifetimeSeconds?: number;
  /** Of both ends, in place of the defaults. */
  readonly settings?: Partial<ChannelSettings>;
}

/** A router, a server and a path of 5 ms between them; ESP is taken as sealed and opened, IKE is real. */
export class World {
  now = 1000;
  readonly log: string[] = [];
  readonly settings: string[] = [];
  routerEndpoint = endpoint('192.0.2.10');
  pathIsOpen = true;
  routerAllocator: SpiAllocator;
  serverAllocator!: SpiAllocator;
  router: RouterChannel;
  server: ServerChannels;
  readonly #queue: { at: number; run: () => void }[] = [];
  routerPairs = new Map<number, SaPair>();
  serverPairs = new Map<number, SaPair>();

  /** Lets the server have no room for another pair. */
  serverIsFull = false;
  /** Of the server; the router's are in the options. */
  readonly serverLifetimeSeconds: number;
  /** What both ends take for the time of day when `now` is 0. */
  epochUtcMs = Date.UTC(2026, 10, 27);
  readonly #channel: ChannelSettings;
  /** Lengths of IKE messages as they were sent, by either end. */
  readonly ikeOctets: number[] = [];
  /** The server's for tokyo. */
  serverCredentials: Credentials;

  constructor(options: WorldOptions = {}) {
    this.#channel = { ...defaultChannelSettings, ...options.settings };
    this.serverCredentials = options.serverCredentials ?? sharedKey(key('secret of tokyo'));
    this.serverLifetimeSeconds = options.serverLifetimeSeconds ?? options.lifetimeSeconds ?? 3600;
    const routerSpis = seeded('r-spi');
    const allocator = new SpiAllocator(16, () => Buffer.from(routerSpis(4)).readUInt32BE());
    this.routerAllocator = allocator;
    this.router = new RouterChannel({
      name: 'tokyo',
      serverIdentity: 'server',
      local: this.routerEndpoint,
      server: serverEndpoint,
      credentials: options.routerCredentials ?? sharedKey(key(options.routerKey ?? 'secret of tokyo')),
      settings: this.#channel,
      settingPort: 4510,
      utcAtLeast: () => this.utcMs,
      random: seeded('router'),
      allocateSpi: () => allocator.allocate(),
      releaseSpi: (spi) => allocator.release(spi),
      timers: {
        childSaLifetimeSeconds: options.lifetimeSeconds ?? 3600,
        ikeSaLifetimeSeconds: 4 * (options.lifetimeSeconds ?? 3600),
      },
    });
    this.server = this.newServer('server');
  }

  newServer(seed: string): ServerChannels {
    const spis = seeded(`${seed}-spi`);
    const allocator = new SpiAllocator(16, () => Buffer.from(spis(4)).readUInt32BE());
    this.serverAllocator = allocator;
    this.serverPairs = new Map();
    return new ServerChannels({
      identity: 'server',
      credentialsFor: (name) => (name === 'tokyo' ? this.serverCredentials : undefined),
      certificateTrust: () => {
        const { peer } = this.serverCredentials;
        return peer.kind === 'certificate' ? peer.trust : undefined;
      },
      settings: this.#channel,
      settingPort: 4510,
      utcAtLeast: () => this.utcMs,
      random: seeded(seed),
      allocateSpi: () => (this.serverIsFull ? undefined : allocator.allocate()),
      releaseSpi: (spi) => allocator.release(spi),
      timers: {
        childSaLifetimeSeconds: this.serverLifetimeSeconds,
        ikeSaLifetimeSeconds: 4 * this.serverLifetimeSeconds,
      },
    });
  }

  get utcMs(): number {
    return this.epochUtcMs + this.now;
  }

  /** A setting message each way, as of now; each must arrive. */
  talk(): void {
    this.asked += 1;
    const bytes = text(String(this.asked));
    this.routerActs(this.router.handle({ kind: 'send', bytes }, this.now));
    this.serverActs(this.server.handle({ kind: 'send', router: 'tokyo', bytes }, this.now));
  }

  asked = 0;

  routerActs(actions: readonly RouterChannelAction[]): void {
    for (const action of actions) {
      if (action.kind === 'send-ike') {
        this.ikeOctets.push(action.bytes.length);
        const from = this.routerEndpoint;
        this.#later(() =>
          this.serverActs(
            this.server.handle({ kind: 'ike', bytes: action.bytes, from, to: serverEndpoint }, this.now),
          ),
        );
      } else if (action.kind === 'change') {
        apply(this.routerPairs, action.change);
      } else if (action.kind === 'send-inner') {
        const outbound = this.routerPairs.get(action.spi)?.outbound.spi ?? 0;
        this.#later(() => {
          if (!this.serverPairs.has(outbound)) return;
          this.serverActs(
            this.server.handle({ kind: 'inner', spi: outbound, packet: action.packet }, this.now),
          );
        });
      } else if (action.kind === 'setting') this.settings.push(`router got ${Buffer.from(action.bytes)}`);
      else if (action.kind === 'up') this.log.push('router up');
      else if (action.kind === 'down') this.log.push(`router down: ${action.reason}`);
      else if (action.kind === 'send-keepalive') this.log.push('keepalive');
      else if (action.kind === 'certificate-warning') this.log.push(`router warns: ${action.message}`);
    }
  }

  serverActs(actions: readonly ServerChannelAction[]): void {
    for (const action of actions) {
      if (action.kind === 'send-ike') {
        this.ikeOctets.push(action.bytes.length);
        this.#later(() =>
          this.routerActs(
            this.router.handle(
              { kind: 'ike', bytes: action.bytes, from: serverEndpoint, to: this.routerEndpoint },
              this.now,
            ),
          ),
        );
      } else if (action.kind === 'change') apply(this.serverPairs, action.change);
      else if (action.kind === 'send-inner') {
        const outbound = this.serverPairs.get(action.spi)?.outbound.spi ?? 0;
        this.#later(() => {
          if (!this.routerPairs.has(outbound)) return;
          this.routerActs(
            this.router.handle({ kind: 'inner', spi: outbound, packet: action.packet }, this.now),
          );
        });
      } else if (action.kind === 'setting')
        this.settings.push(`server got ${Buffer.from(action.bytes)} of ${action.router}`);
      else if (action.kind === 'up') this.log.push(`server: ${action.router} up`);
      else if (action.kind === 'down') this.log.push(`server: ${action.router} down: ${action.reason}`);
      else if (action.kind === 'certificate-warning') this.log.push(`server warns: ${action.message}`);
    }
  }

  #later(run: () => void): void {
    if (this.pathIsOpen) this.#queue.push({ at: this.now + 5, run });
  }

  /** Lets the time pass, from one moment at which something happens to the next. */
  pass(seconds: number): void {
    const until = this.now + seconds * 1000;
    for (let steps = 0; ; steps++) {
      if (steps > 20_000) throw new Error('the machines never come to rest');
      const moments = [this.#queue[0]?.at, this.router.nextDeadline(), this.server.nextDeadline()];
      const next = Math.min(...moments.map((moment) => moment ?? Infinity));
      if (next > until) break;
      this.now = Math.max(this.now, next);
      if (this.#queue[0] !== undefined && this.#queue[0].at <= this.now) this.#queue.shift()?.run();
      else if ((this.router.nextDeadline() ?? Infinity) <= this.now) {
        this.routerActs(this.router.handle({ kind: 'deadline' }, this.now));
      } else this.serverActs(this.server.handle({ kind: 'deadline' }, this.now));
    }
    this.now = until;
  }

  start(): void {
    this.routerActs(this.router.handle({ kind: 'start' }, this.now));
  }
}

function apply(
  pairs: Map<number, SaPair>,
  change: Extract<RouterChannelAction, { kind: 'change' }>['change'],
): void {
  for (const { pair } of change.install ?? []) pairs.set(pair.inbound.spi, pair);
  for (const spi of change.remove ?? []) pairs.delete(spi);
}
