/** The first worker's end of the others: what each is told, in which form, and what is made of what they say. */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { EngineSnapshot } from '../../../host/dataplane/snapshot.ts';
import type { LoopCommand } from '../../../host/packet-loop/protocol.ts';
import {
  type FromFollower,
  openCommand,
  sealCommand,
  type ToFollower,
} from '../../../host/router/follower-protocol.ts';
import { Followers } from '../../../host/router/followers.ts';
import { address, pair, protect, selector, smallCapacities } from '../../property/dataplane/engines.ts';

const entry = protect('to-b', [selector('10.1.0.0/16', '10.2.0.0/16')]);

/** Two followers, as their messages see them. */
class Bench {
  readonly told: ToFollower[][] = [[], []];
  readonly woken: number[] = [];
  readonly followers: Followers;
  readonly #says: FromFollower[][] = [[], []];

  constructor() {
    this.followers = new Followers({
      ports: [0, 1].map((index) => ({
        post: (message) => void this.told[index]?.push(message),
        take: () => this.#says[index]?.shift(),
      })),
      wake: (fd) => void this.woken.push(fd),
      capacities: { ...smallCapacities, saPairs: 2 },
      handOver: (worker) => [{ worker }],
      ownWakeFd: () => 7,
    });
  }

  says(worker: number, message: FromFollower): void {
    this.#says[worker - 1]?.push(message);
  }

  /** Both have a packet loop, and the SPD. */
  static ready(): Bench {
    const bench = new Bench();
    bench.followers.open(address('192.0.2.1'));
    bench.says(1, { kind: 'ready', wakeFd: 11 });
    bench.says(2, { kind: 'ready', wakeFd: 12 });
    bench.followers.takeNews();
    for (const worker of [1, 2]) bench.followers.order(worker, { kind: 'change', change: { spd: [entry] } });
    return bench;
  }
}

describe('followers', () => {
  it('open with the sockets that are theirs, and are ready when each has said so', () => {
    const bench = new Bench();
    expect(bench.followers.workers).toBe(3);
    bench.followers.open(address('192.0.2.1'));
    expect(bench.told).toMatchObject([
      [{ kind: 'open', sockets: [{ worker: 1 }], wakeFd: 7 }],
      [{ kind: 'open', sockets: [{ worker: 2 }], wakeFd: 7 }],
    ]);
    expect(bench.woken).toEqual([]);
    bench.says(2, { kind: 'ready', wakeFd: 12 });
    bench.followers.takeNews();
    expect(bench.followers.areReady).toBe(false);
    bench.says(1, { kind: 'ready', wakeFd: 11 });
    bench.followers.takeNews();
    expect(bench.followers.areReady).toBe(true);
    bench.followers.order(2, { kind: 'release-held', entry: 'to-b' });
    expect(bench.woken).toEqual([12]);
  });

  it('are known to refuse what their engines would, by the changes before', () => {
    const { followers } = Bench.ready();
    const change = (spi: number) => ({ install: [{ pair: pair(spi, spi + 1), use: true }] });
    expect(followers.refusal(1, change(0x4000_1000))).toBeUndefined();
    followers.order(1, { kind: 'change', change: change(0x4000_1000) });
    expect(followers.refusal(1, change(0x4000_2000))).toContain('is taken by another SA');
    expect(followers.refusal(2, change(0x8000_2000))).toBeUndefined();
    followers.order(1, { kind: 'change', change: { remove: [0x4000_1000] } });
    expect(followers.refusal(1, change(0x4000_2000))).toBeUndefined();
    followers.open(address('192.0.2.1'));
    expect(followers.refusal(1, change(0x4000_2000))).toContain('there is no SPD entry to-b');
  });

  it('tell what happened, but nothing of a loop that was replaced', () => {
    const bench = Bench.ready();
    const trace = { kind: 'trace', atMs: 1, what: 'x' } as const;
    bench.says(1, { kind: 'events', events: [trace] });
    bench.says(2, { kind: 'lost', reason: 'a trap' });
    expect(bench.followers.takeNews()).toEqual([
      { kind: 'events', worker: 1, events: [trace] },
      { kind: 'lost', worker: 2, reason: 'a trap' },
    ]);
    bench.followers.open(address('192.0.2.1'));
    bench.says(1, { kind: 'events', events: [trace] });
    bench.says(1, { kind: 'ready', wakeFd: 13 });
    bench.says(1, { kind: 'events', events: [] });
    expect(bench.followers.takeNews()).toEqual([{ kind: 'events', worker: 1, events: [] }]);
  });

  it('answer together, in their order', () => {
    const bench = Bench.ready();
    const snapshot = (heldPackets: number) => ({ heldPackets }) as EngineSnapshot; // only who it is of matters here
    const got: number[][] = [];
    bench.followers.askSnapshots((all) => void got.push(all.map(({ heldPackets }) => heldPackets)));
    const [asked] = bench.told[0]!.slice(-1);
    const id = asked?.kind === 'snapshot' ? asked.id : -1;
    const bundles = {} as Extract<FromFollower, { kind: 'snapshot' }>['bundles'];
    bench.says(2, { kind: 'snapshot', id, snapshot: snapshot(2), bundles });
    bench.followers.takeNews();
    expect(got).toEqual([]);
    bench.says(1, { kind: 'snapshot', id, snapshot: snapshot(1), bundles });
    bench.followers.takeNews();
    expect(got).toEqual([[1, 2]]);
  });
});

describe('a command on its way to a follower', () => {
  it('arrives as it was, with its keys in memory that moved', () => {
    const made = pair(0x4000_1000, 0x5000_1000);
    const before = Buffer.from(made.inbound.keys.encryptionKey.reveal()).toString('hex');
    const command: LoopCommand = {
      kind: 'change',
      change: { spd: [entry], install: [{ pair: made, use: true }] },
    };
    const { command: sealed, moved } = sealCommand(command);
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(sealed, moved);
    // Of the copies that moved, nothing is left on this side.
    expect(moved.every(({ byteLength }) => byteLength === 0)).toBe(true);
    const arrived = openCommand(receiveMessageOnPort(port2)?.message);
    port1.close();
    if (arrived.kind !== 'change') throw new Error('it is another command now');
    const [installed] = arrived.change.install ?? [];
    expect(Buffer.from(installed?.pair.inbound.keys.encryptionKey.reveal() ?? []).toString('hex')).toBe(
      before,
    );
    expect(installed).toMatchObject({ use: true, pair: { entry: 'to-b', kind: 'all' } });
    expect(installed?.pair.outbound.hard).toEqual(made.outbound.hard);
    expect(arrived.change.spd).toEqual([entry]);
  });

  it.each<LoopCommand>([
    { kind: 'release-held', entry: 'to-b', worker: 1 },
    { kind: 'drop-held', entry: 'to-b', icmp: true },
    { kind: 'send-dummy', spi: 0x4000_1000 },
    { kind: 'change', change: { remove: [0x4000_1000] } },
  ])('is the same without keys: $kind', (command) => {
    const { command: sealed, moved } = sealCommand(command);
    expect(moved).toEqual([]);
    expect(openCommand(structuredClone(sealed))).toEqual(command);
  });
});
