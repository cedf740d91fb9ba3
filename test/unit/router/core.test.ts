/** A router's control side and packet loop in turns: what a trap of the firmware does, and what it may not. */
import { randomFillSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EngineLostError } from '../../../host/dataplane/instance.ts';
import type { EngineSnapshot } from '../../../host/dataplane/snapshot.ts';
import { sharedKey } from '../../../host/model/credentials.ts';
import { Secret } from '../../../host/model/secret.ts';
import { PacketLoop, type PacketLoopOptions } from '../../../host/packet-loop/packet-loop.ts';
import type { LoopCommand } from '../../../host/packet-loop/protocol.ts';
import { MemoryInterface } from '../../../host/rehearsal/memory-interface.ts';
import { RouterCore } from '../../../host/router/core.ts';
import type { FromFollower, ToFollower } from '../../../host/router/follower-protocol.ts';
import { Followers } from '../../../host/router/followers.ts';
import { parseRouterFile } from '../../../host/router/settings-file.ts';
import { address, smallCapacities } from '../../property/dataplane/engines.ts';
import { packetOf, UDP } from '../../property/dataplane/packets.ts';

const settings = parseRouterFile(
  `
version: 1
name: tokyo
credential: { preSharedKeyFile: unused }
server: { address: 203.0.113.1, identity: server }
unprotected: { interface: wan0 }
spd:
  - name: to-osaka
    selector: { local: 10.1.0.0/24, remote: 10.2.0.0/24 }
    action: PROTECT
    requestPeer: osaka
`,
  'test',
);
const random = (octets: number): Uint8Array => randomFillSync(new Uint8Array(octets));

/** A packet loop whose firmware traps when it is told to. */
class TrappingLoop extends PacketLoop {
  trapsIn: 'run' | 'obey' | 'snapshot' | undefined;
  readonly kernel: () => MemoryInterface;

  constructor(options: PacketLoopOptions, kernel: () => MemoryInterface) {
    super(options);
    this.kernel = kernel;
  }

  override run(): number {
    if (this.trapsIn === 'run') throw new EngineLostError('the firmware trapped in run_outbound');
    return super.run();
  }

  override snapshot(): EngineSnapshot {
    if (this.trapsIn === 'snapshot') throw new EngineLostError('the firmware trapped in generation');
    return super.snapshot();
  }

  override obey(command: LoopCommand): void {
    if (this.trapsIn === 'obey') throw new EngineLostError('the firmware trapped in install_sa');
    super.obey(command);
  }
}

class Bench {
  readonly loops: TrappingLoop[] = [];
  readonly said: string[] = [];
  reopened = 0;
  now = 1_000_000.5;
  readonly core: RouterCore;
  /** What the other workers are told, and what they say next. */
  readonly told: ToFollower[][];
  readonly says: FromFollower[][];

  constructor(workers = 1) {
    const others = Array.from({ length: workers - 1 }, (_, index) => index);
    this.told = others.map(() => []);
    this.says = others.map(() => []);
    const followers = new Followers({
      ports: others.map((index) => ({
        post: (message) => void this.told[index]?.push(message),
        take: () => this.says[index]?.shift(),
      })),
      wake: () => {},
      capacities: smallCapacities,
      handOver: () => [],
      ownWakeFd: () => 1,
    });
    this.core = new RouterCore({
      settings,
      software: 'test',
      local: { address: address('192.0.2.1'), port: 4500 },
      credentials: sharedKey(new Secret(random(32))),
      utcAtLeast: (instant) => instant,
      random,
      now: () => this.now,
      log: (_, what) => this.said.push(what),
      openLoop: () => this.#open(),
      onReopened: () => this.reopened++,
      ...(workers === 1 ? {} : { followers }),
    });
    this.core.start();
  }

  get loop(): TrappingLoop {
    const last = this.loops.at(-1);
    if (last === undefined) throw new Error('no loop was opened');
    return last;
  }

  settle(): void {
    for (let rounds = 0; this.core.run() > 0; rounds++) if (rounds > 100) throw new Error('never at rest');
  }

  #open(): TrappingLoop {
    let kernel: MemoryInterface | undefined;
    const loop = new TrappingLoop(
      {
        icmpSources: [],
        unansweredSeconds: 60,
        engine: { random, capacities: smallCapacities },
        openInterface: (memory) => {
          kernel = new MemoryInterface(memory, address('192.0.2.1'), address('2001:db8::1'));
          return kernel;
        },
      },
      () => kernel as MemoryInterface, // the loop opens it at once
    );
    this.loops.push(loop);
    return loop;
  }
}

const outwards = packetOf({ source: '10.1.0.9', destination: '10.2.0.9', protocol: UDP, upper: [1, 53] });

describe('a router’s core', () => {
  it('refuses an SPD that its engine has no room for, and keeps the one in force', () => {
    const bench = new Bench();
    const before = bench.core.snapshot().spd;
    const [entry] = settings.spd;
    if (entry === undefined) throw new Error('the settings have an entry');
    const many = Array.from({ length: smallCapacities.spdEntries + 1 }, (_, index) => ({
      ...entry,
      name: `to-${index}`,
    }));
    expect(bench.core.router.replaceSpd(many)).toBe(
      `no room for more SPD entries: ${many.length} wanted, the engine was built for ${many.length - 1}`,
    );
    expect(bench.core.snapshot().spd).toEqual(before);
    expect(bench.core.router.replaceSpd([{ ...entry, name: 'another' }])).toBe(null);
    expect(bench.core.snapshot().spd.map(({ entry: name }) => name)).toEqual(['another']);
  });

  it('lets setting management see a packet in the round in which it came', () => {
    const bench = new Bench();
    bench.settle();
    bench.loop.kernel().inner.push(outwards);
    bench.core.run();
    expect(bench.core.events.rows().map(({ what }) => what)).toContain('packet in, no SA: held');
  });

  it('does what is due when it is due, and sleeps no longer', () => {
    const bench = new Bench();
    bench.settle();
    const sent = () => bench.loop.kernel().udp4.sent.length;
    const first = sent();
    expect(first).toBeGreaterThan(0); // IKE_SA_INIT
    bench.core.wait();
    const [timeout = 0] = bench.loop.kernel().waits.slice(-1);
    expect(timeout).toBeGreaterThan(0);
    expect(timeout).toBeLessThanOrEqual(1000);
    bench.core.wait(bench.now + timeout / 4);
    expect(bench.loop.kernel().waits.at(-1)).toBeCloseTo(timeout / 4);
    bench.now += 60_000;
    bench.settle();
    expect(sent()).toBeGreaterThan(first);
  });

  it.each(['run', 'obey', 'snapshot'] as const)(
    'opens everything anew when the firmware traps in %s',
    (where) => {
      const bench = new Bench();
      bench.settle();
      const lost = bench.loop;
      lost.trapsIn = where;
      if (where === 'snapshot') expect(bench.core.snapshot().sad).toEqual([]);
      if (where === 'obey') bench.now += 60_000; // something is due, which wants a command
      bench.settle();
      expect(bench.loops).toHaveLength(2);
      expect(lost.kernel().isClosed).toBe(true);
      expect(bench.reopened).toBe(1);
      expect(bench.said).toContain('firmware trap');
      expect(bench.said).toContain('engine lost');
      // The new engine has the SPD: a packet is held, not dropped or passed.
      bench.loop.kernel().inner.push(outwards);
      bench.settle();
      expect(bench.core.snapshot().heldPackets).toBe(1);
      expect(
        bench.loop
          .kernel()
          .sockets.flatMap(({ sent }) => sent)
          .every(({ bytes }) => bytes[0] === 0),
      ).toBe(true);
    },
  );

  it('gives up after eight traps, and says so', () => {
    const bench = new Bench();
    const trap = (): void => {
      bench.loop.trapsIn = 'run';
      bench.core.run();
    };
    for (let traps = 1; traps < 8; traps++) trap();
    expect(trap).toThrow(/trapped 8 times: no packet is carried any more/);
  });
});

describe('the first of several workers', () => {
  /** What was told to worker 1, in short. */
  const words = ({ told }: Bench): string[] =>
    (told[0] ?? []).map((one) => (one.kind === 'obey' ? one.command.kind : one.kind));
  const acquire = {
    kind: 'acquire',
    entry: 'to-osaka',
    packet: {
      local: address('10.1.0.1'),
      remote: address('10.2.0.1'),
      protocol: 17,
      localPort: 1,
      remotePort: 2,
      icmpType: null,
      icmpCode: null,
    },
  } as const;

  it('gives each its packet loop, then the SPD', () => {
    const bench = new Bench(3);
    expect(words(bench)).toEqual(['open', 'change']);
    expect(bench.told[1]).toEqual(bench.told[0]);
  });

  it('asks for the worker that has a packet, and reserves the SPI there', () => {
    const bench = new Bench(2);
    bench.says[0]?.push({ kind: 'ready', wakeFd: 2 });
    bench.says[0]?.push({ kind: 'events', events: [{ kind: 'engine', events: [acquire], atMs: bench.now }] });
    bench.settle();
    const [request] = bench.core.router.settings.status().requests;
    expect(request).toMatchObject({ entry: 'to-osaka', lane: 1 });
    expect(bench.told[0]?.at(-1)).toEqual({
      kind: 'obey',
      command: { kind: 'change', change: { reserve: [request?.spi] } },
    });
    expect((request?.spi ?? 0) >>> 30).toBe(1);
  });

  it('opens all anew when the engine of one is lost, whoever it is', () => {
    const bench = new Bench(2);
    bench.says[0]?.push({ kind: 'ready', wakeFd: 2 });
    bench.says[0]?.push({ kind: 'lost', reason: 'a trap' });
    bench.settle();
    expect([bench.loops.length, bench.reopened]).toEqual([2, 1]);
    expect(words(bench)).toEqual(['open', 'change', 'open', 'change']);
    bench.says[0]?.push({ kind: 'ready', wakeFd: 3 });
    bench.loop.trapsIn = 'run';
    bench.settle();
    expect([bench.loops.length, bench.reopened]).toEqual([3, 2]);
    expect(words(bench).slice(4)).toEqual(['open', 'change']);
  });

  it('asks the others before it says what all have', () => {
    const bench = new Bench(2);
    bench.says[0]?.push({ kind: 'ready', wakeFd: 2 });
    bench.settle();
    const got: number[] = [];
    bench.core.askSnapshots((all) => void got.push(all.length));
    const asked = bench.told[0]?.at(-1);
    if (asked?.kind !== 'snapshot') throw new Error('it was not asked');
    const { id } = asked;
    bench.says[0]?.push({
      kind: 'snapshot',
      id,
      snapshot: bench.core.snapshot(),
      bundles: bench.core.bundles,
    });
    expect(got).toEqual([]);
    bench.settle();
    expect(got).toEqual([2]);
  });
});
