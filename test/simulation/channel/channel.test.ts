import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RouterChannel, type RouterChannelAction } from '../../../host/channel/router-channel.ts';
import { type ServerChannelAction, ServerChannels } from '../../../host/channel/server-channels.ts';
import type { SaPair } from '../../../host/dataplane/engine.ts';
import { SpiAllocator } from '../../../host/dataplane/spi-allocator.ts';
import { encodeLostState } from '../../../host/ike/lost-state.ts';
import { type Endpoint, parseAddress } from '../../../host/model/address.ts';
import { defaultChannelProposals } from '../../../host/model/child-proposal.ts';
import { sharedKey } from '../../../host/model/credentials.ts';
import { Secret } from '../../../host/model/secret.ts';

/** Deterministic octets that never repeat: SHA-256 of a counter. */
function seeded(seed: string): (octets: number) => Uint8Array {
  let counter = 0;
  return (octets) => {
    const parts: Buffer[] = [];
    for (let length = 0; length < octets; length += 32) {
      parts.push(createHash('sha256').update(`${seed}:${counter++}`).digest());
    }
    return Uint8Array.from(Buffer.concat(parts).subarray(0, octets));
  };
}

function endpoint(text: string, port = 4500): Endpoint {
  const address = parseAddress(text);
  if (!address.ok) throw new Error(address.message);
  return { address: address.value, port };
}

const serverEndpoint = endpoint('203.0.113.1');
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const key = (value: string): Secret => new Secret(text(value));

/** A router, a server and a path of 5 ms between them; ESP is taken as sealed and opened, IKE is real. */
class World {
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

  constructor(
    options: { routerKey?: string; lifetimeSeconds?: number; serverLifetimeSeconds?: number } = {},
  ) {
    this.serverLifetimeSeconds = options.serverLifetimeSeconds ?? options.lifetimeSeconds ?? 3600;
    const routerSpis = seeded('r-spi');
    const allocator = new SpiAllocator(16, () => Buffer.from(routerSpis(4)).readUInt32BE());
    this.routerAllocator = allocator;
    this.router = new RouterChannel({
      name: 'tokyo',
      serverIdentity: 'server',
      local: this.routerEndpoint,
      server: serverEndpoint,
      credentials: sharedKey(key(options.routerKey ?? 'secret of tokyo')),
      proposals: defaultChannelProposals,
      settingPort: 4510,
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
      credentialsFor: (name) => (name === 'tokyo' ? sharedKey(key('secret of tokyo')) : undefined),
      proposals: defaultChannelProposals,
      settingPort: 4510,
      random: seeded(seed),
      allocateSpi: () => (this.serverIsFull ? undefined : allocator.allocate()),
      releaseSpi: (spi) => allocator.release(spi),
      timers: {
        childSaLifetimeSeconds: this.serverLifetimeSeconds,
        ikeSaLifetimeSeconds: 4 * this.serverLifetimeSeconds,
      },
    });
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
    }
  }

  serverActs(actions: readonly ServerChannelAction[]): void {
    for (const action of actions) {
      if (action.kind === 'send-ike') {
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

/** 0 to 1, the same for the same number. */
const seededShare = (number: number): number => (seeded(String(number))(1)[0] ?? 0) / 256;

function apply(
  pairs: Map<number, SaPair>,
  change: Extract<RouterChannelAction, { kind: 'change' }>['change'],
): void {
  for (const { pair } of change.install ?? []) pairs.set(pair.inbound.spi, pair);
  for (const spi of change.remove ?? []) pairs.delete(spi);
}

describe('the channel', () => {
  it('comes up in two round trips and carries setting messages both ways', () => {
    const world = new World();
    world.start();
    world.pass(0.021);
    expect(world.log).toEqual(['server: tokyo up', 'router up']);
    world.routerActs(world.router.handle({ kind: 'send', bytes: text('request') }, world.now));
    world.serverActs(
      world.server.handle({ kind: 'send', router: 'tokyo', bytes: text('answer') }, world.now),
    );
    world.pass(0.01);
    expect(world.settings).toEqual(['server got request of tokyo', 'router got answer']);
  });

  it('gives both ends the same keys, crosswise', () => {
    const world = new World();
    world.start();
    world.pass(1);
    const [router] = world.routerPairs.values();
    const [server] = world.serverPairs.values();
    expect(router?.inbound.spi).toBe(server?.outbound.spi);
    expect(router?.inbound.keys.encryptionKey.reveal()).toEqual(server?.outbound.keys.encryptionKey.reveal());
    expect(router?.outbound.keys.salt.reveal()).toEqual(server?.inbound.keys.salt.reveal());
    expect(router?.outbound.keys.encryptionKey.reveal()).not.toEqual(
      router?.inbound.keys.encryptionKey.reveal(),
    );
  });

  it('does not come up with a wrong key, and tries again ever more slowly', () => {
    const world = new World({ routerKey: 'wrong' });
    world.start();
    world.pass(300);
    expect(world.log).toEqual([]);
    expect(world.router.state.state).not.toBe('up');
    expect(world.router.state.lastFailure).toContain('authentication-failed');
    expect(world.server.refusals['authentication-failed']).toBeGreaterThan(4);
    expect(world.server.refusals['authentication-failed']).toBeLessThan(30);
  });

  it('finds a restarted server out as soon as an answer is missing', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.server = world.newServer('second life');
    world.log.length = 0;
    world.routerActs(world.router.handle({ kind: 'unanswered' }, world.now));
    world.pass(0.05);
    expect(world.log).toEqual(['server: tokyo up', 'router up']);
    expect(world.routerPairs.size).toBe(1);
  });

  it('follows the notice of a restarted server, but believes only what is authenticated', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.log.length = 0;
    const notice = {
      kind: 'ike',
      bytes: encodeLostState(),
      from: serverEndpoint,
      to: world.routerEndpoint,
    } as const;
    world.routerActs(world.router.handle(notice, world.now));
    world.pass(5);
    expect(world.log, 'a forged notice costs a question').toEqual([]);
    world.server = world.newServer('second life');
    world.routerActs(world.router.handle(notice, world.now));
    world.pass(0.05);
    expect(world.log).toEqual(['server: tokyo up', 'router up']);
  });

  it('asks after silence, gives a dead server up and comes back when it is there again', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.pathIsOpen = false;
    world.pass(60);
    expect(world.log).toContain('router down: no-response');
    world.pathIsOpen = true;
    world.log.length = 0;
    world.pass(45);
    expect(world.log.filter((line) => line !== 'keepalive')).toEqual(['server: tokyo up', 'router up']);
  });

  it('keeps a NAT mapping open while it is idle', () => {
    const world = new World();
    world.start();
    world.pass(119);
    expect(world.log.filter((line) => line === 'keepalive')).toHaveLength(5);
  });

  it('rekeys its CHILD SA before its lifetime ends, without a new set-up', () => {
    const world = new World({ lifetimeSeconds: 1000 });
    world.start();
    world.pass(1);
    const [before] = world.routerPairs.keys();
    world.pass(900);
    const [after] = world.routerPairs.keys();
    expect(after).not.toBe(before);
    expect(world.log.filter((line) => line.startsWith('router '))).toEqual(['router up']);
    expect(world.router.state).toMatchObject({ setUps: 1, rekeys: 1 });
    expect(world.routerPairs.size).toBe(1);
    expect(world.serverPairs.size).toBe(1);
  });

  it.each([
    ['the router', { lifetimeSeconds: 1000 }],
    ['the server', { lifetimeSeconds: 100_000, serverLifetimeSeconds: 1000 }],
  ])('rekeys both SAs all day from %s, and loses no setting message', (_, options) => {
    const world = new World(options);
    world.start();
    world.pass(1);
    // Often enough that messages are under way in every part of a rekeying.
    for (let message = 0; message < 20_000; message++) {
      world.talk();
      world.pass(message % 2 === 0 ? 0.003 : 8.6 * seededShare(message));
    }
    world.pass(1);
    expect(world.settings.length).toBe(2 * world.asked);
    expect(world.router.state.setUps).toBe(1);
    expect(world.router.state.rekeys).toBeGreaterThan(40);
    expect([world.routerPairs.size, world.serverPairs.size]).toEqual([1, 1]);
  });

  it('rekeys its CHILD SA when its octets or sequence numbers are used up', () => {
    const world = new World();
    world.start();
    world.pass(1);
    const [spi] = world.routerPairs.keys();
    world.routerActs(world.router.handle({ kind: 'soft-lifetime', spi: spi ?? 0 }, world.now));
    world.pass(10);
    expect([...world.routerPairs.keys()]).not.toContain(spi);
    const [atServer] = world.serverPairs.keys();
    world.serverActs(world.server.handle({ kind: 'soft-lifetime', spi: atServer ?? 0 }, world.now));
    world.pass(10);
    expect(world.router.state).toMatchObject({ setUps: 1, rekeys: 2 });
  });

  it('is set up anew beside the old one where rekeying is refused', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.log.length = 0;
    const [spi] = world.routerPairs.keys();
    world.serverIsFull = true;
    world.routerActs(world.router.handle({ kind: 'soft-lifetime', spi: spi ?? 0 }, world.now));
    world.pass(0.012);
    world.serverIsFull = false;
    world.pass(1);
    expect(world.log).toEqual(['server: tokyo up', 'router up']);
    expect(world.router.state).toMatchObject({ setUps: 2, rekeys: 0 });
    expect([...world.routerPairs.keys()]).not.toContain(spi);
    expect([world.routerPairs.size, world.serverPairs.size]).toEqual([1, 1]);
  });

  it('stays up while neither rekeying nor a new set-up is possible', () => {
    const world = new World({ lifetimeSeconds: 1000, serverLifetimeSeconds: 100_000 });
    world.start();
    world.pass(1);
    world.serverIsFull = true;
    world.pass(940);
    world.talk();
    world.serverIsFull = false;
    world.pass(60);
    expect(world.settings.length).toBe(2);
    expect(world.router.state).toMatchObject({ state: 'up', setUps: 2 });
    expect(world.log.filter((line) => line.startsWith('router down'))).toEqual([]);
  });

  it('gives every SPI back, whatever became of a rekeying', () => {
    const world = new World({ lifetimeSeconds: 100 });
    world.start();
    for (let round = 0; round < 60; round++) {
      world.serverIsFull = round % 5 === 0;
      world.pathIsOpen = round % 7 !== 3;
      world.pass(60);
    }
    world.serverIsFull = false;
    world.pathIsOpen = true;
    world.pass(120);
    expect([world.routerPairs.size, world.serverPairs.size]).toEqual([1, 1]);
    expect([world.routerAllocator.available, world.serverAllocator.available]).toEqual([15, 15]);
  });

  it('moves with the router when authentic packets come from another address', () => {
    const world = new World();
    world.start();
    world.pass(1);
    const [spi] = world.serverPairs.keys();
    const from = endpoint('198.51.100.77', 61234);
    const actions = world.server.handle({ kind: 'peer-moved', spi: spi ?? 0, from }, world.now);
    expect(actions).toEqual([
      { kind: 'change', change: { move: [{ spi, peer: from }] } },
      { kind: 'up', router: 'tokyo', endpoint: from, behindNat: false },
    ]);
  });

  it('is given up by the server when the router is gone without a word', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.log.length = 0;
    // The router's process is killed: nothing of it acts or is answered any more.
    world.router = { nextDeadline: () => undefined, handle: () => [] } as unknown as RouterChannel;
    world.pass(59);
    expect(world.log).toEqual([]);
    world.pass(30);
    expect(world.log).toEqual(['server: tokyo down: no-response']);
    expect(world.serverPairs.size).toBe(0);
  });

  it('ends for a router that is expelled', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.serverActs(world.server.handle({ kind: 'expel', router: 'tokyo' }, world.now));
    // At once: whoever does not answer the delete is cut off all the same.
    expect(world.log).toContain('server: tokyo down: expelled');
    expect(world.serverPairs.size).toBe(0);
    world.pass(0.1);
    expect(world.log.some((line) => line.startsWith('router down'))).toBe(true);
  });
});
