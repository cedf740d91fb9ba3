/**
 * Rekeyings of both SAs from both ends at random moments, over a link that loses, doubles and reorders IKE messages, while
 * ESP flows both ways. Each packet must be opened by the other end whenever it arrives. At rest both ends have one IKE SA and
 * one CHILD SA, the same; after the end no secret is left that is not wiped.
 */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { lateArrivalMs } from '../../../host/ike/child-sas.ts';
import { promptRetransmission } from '../../../host/ike/retransmission.ts';
import { IkeHeader } from '../../../host/ike/wire/header.ts';
import { DataPlane, type Packet } from '../../unit/ike/ends/data-plane.ts';
import { actionsOf, hex, type Link, Pair, seededFraction } from '../../unit/ike/ends/pair.ts';

/** Every secret that was made since the start of a run. */
const secrets = vi.hoisted(() => [] as { reveal(): Uint8Array }[]);

vi.mock('../../../host/model/secret.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../host/model/secret.ts')>();
  class Secret extends original.Secret {
    constructor(octets: Uint8Array) {
      super(octets);
      secrets.push(this);
    }
  }
  return { ...original, Secret };
});

beforeEach(() => {
  secrets.length = 0;
});

interface Faults {
  readonly loss: number;
  readonly duplication: number;
  readonly delayMs: number;
}

const clean: Faults = { loss: 0, duplication: 0, delayMs: 40 };

/** ESP is delayed and reordered, but not lost, since what is lost says nothing about keys. */
const espDelayMs = lateArrivalMs / 2;

class Life {
  readonly pair: Pair;
  readonly router = new DataPlane();
  readonly server = new DataPlane();
  readonly fraction: () => number;
  faults = clean;
  packets = 0;
  readonly #flights: { at: number; toServer: boolean; packet: Packet }[] = [];

  constructor(seed: string) {
    this.fraction = seededFraction(`life ${seed}`);
    const link: Link = () => {
      const { loss, duplication, delayMs } = this.faults;
      const delay = (): number => 1 + this.fraction() * delayMs;
      if (this.fraction() < loss) return [];
      return this.fraction() < duplication ? [delay(), delay()] : [delay()];
    };
    const retransmission = promptRetransmission;
    this.pair = new Pair({ seed, link, initiator: { retransmission }, responder: { retransmission } });
    this.pair.onActions = (atServer, actions) => (atServer ? this.server : this.router).apply(actions);
    this.pair.start();
    this.pair.run();
    expect(this.pair.initiator.isEstablished, 'comes up').toBe(true);
  }

  get saIdAtServer(): string {
    const opened = actionsOf(this.pair.responderActions, 'established')[0]!.saId;
    return actionsOf(this.pair.responderActions, 'ike-sa-rekeyed').at(-1)?.saId ?? opened;
  }

  rekey(atServer: boolean, what: 'rekey-child' | 'rekey-ike-sa'): void {
    if (atServer) this.pair.atResponder({ kind: what, saId: this.saIdAtServer });
    else this.pair.atInitiator({ kind: what });
  }

  /** Lets time pass in steps of up to `stepMs`, with a packet each way in each, and the packets that arrive. */
  pass(ms: number, stepMs = 60): void {
    const until = this.pair.now + ms;
    while (this.pair.now < until) {
      this.#send(true);
      this.#send(false);
      this.pair.run(Math.min(until, this.pair.now + 5 + this.fraction() * stepMs));
      this.#arrive();
    }
  }

  #send(toServer: boolean): void {
    const packet = (toServer ? this.router : this.server).seal();
    if (packet === undefined) throw new Error('nothing to send through');
    const at = this.pair.now + 1 + this.fraction() ** 4 * espDelayMs;
    this.#flights.push({ at, toServer, packet });
  }

  #arrive(): void {
    const due = this.#flights.filter(({ at }) => at <= this.pair.now);
    for (const flight of due.sort((a, b) => a.at - b.at)) {
      this.#flights.splice(this.#flights.indexOf(flight), 1);
      const { toServer, packet } = flight;
      const receiver = toServer ? this.server : this.router;
      if (!receiver.opens(packet)) {
        throw new Error(`a packet to the ${toServer ? 'server' : 'router'} was not opened`);
      }
      this.packets += 1;
      const arrival = { kind: 'child-arrival', inboundSpi: packet.spi } as const;
      if (toServer) this.pair.atResponder({ ...arrival, saId: this.saIdAtServer });
      else this.pair.atInitiator(arrival);
    }
  }
}

/** One of each, the same at both ends, and nothing that is still to be done. */
function checkAtRest(life: Life): void {
  const { pair, router, server } = life;
  expect(pair.initiator.nextDeadline()).toBeUndefined();
  expect(pair.responders.nextDeadline()).toBeUndefined();
  expect([router.installed.size, server.installed.size], 'CHILD SAs').toEqual([1, 1]);
  expect(server.seal()).toMatchObject({ spi: router.used! });
  expect(router.seal()).toMatchObject({ spi: server.used! });
  expect(pair.responders.size).toBe(1);
  expect(pair.responders.responder(life.saIdAtServer)!.saIds, 'IKE SAs').toEqual([life.saIdAtServer]);
  const alive = (): number => actionsOf(pair.initiatorActions, 'alive').length;
  const before = alive();
  pair.checkLiveness();
  life.pass(1000);
  expect(alive()).toBe(before + 1);
  const ends = [pair.initiatorActions, pair.responderActions];
  for (const actions of ends) expect(actionsOf(actions, 'closed'), 'closed').toEqual([]);
}

/** No key serves two CHILD SAs, and no (key, IV) of IKE two different messages. */
function checkKeys(life: Life): void {
  const { router, server, pair } = life;
  const keys = [...router.outboundKeys, ...router.inboundKeys];
  expect(new Set(keys).size).toBe(keys.length);
  const others = [...server.inboundKeys, ...server.outboundKeys];
  const only = keys.filter((key) => !others.includes(key));
  expect(only, 'keys that the server does not have').toEqual([]);
  const byIv = new Map<string, string>();
  for (const { bytes } of pair.sent) {
    const header = IkeHeader.check(bytes);
    if (!header.ok) throw new Error(header.message);
    const { initiatorSpi, responderSpi, fromInitiator, nextPayload } = header.value;
    if (nextPayload !== 46) continue;
    const iv = `${initiatorSpi} ${responderSpi} ${fromInitiator} ${hex(bytes.subarray(32, 40))}`;
    expect(byIv.get(iv) ?? hex(bytes)).toBe(hex(bytes));
    byIv.set(iv, hex(bytes));
  }
}

function unwiped(): number {
  return secrets.filter((secret) => secret.reveal().some((octet) => octet !== 0)).length;
}

interface Tally {
  rekeyed: number;
  packets: number;
  collisions: number;
}

function live(seed: string, faults: Faults, tally: Tally): void {
  const life = new Life(seed);
  const { fraction, pair } = life;
  const whats = ['rekey-child', 'rekey-ike-sa'] as const;
  life.faults = faults;
  for (let round = 0; round < 6; round++) {
    const choice = fraction();
    const what = fraction() < 0.5 ? whats[0] : whats[1];
    const atServer = fraction() < 0.5;
    life.rekey(atServer, what);
    // A third of them collide, within the time of a message or two, with the same thing or with the other.
    if (choice < 0.35) {
      life.pass(fraction() * faults.delayMs);
      life.rekey(!atServer, choice < 0.25 ? what : whats[1 - whats.indexOf(what)]!);
      tally.collisions += 1;
    }
    if (fraction() < 0.2) pair.checkLiveness();
    life.pass(fraction() * 3000);
  }
  life.faults = clean;
  life.pass(5000);
  life.pass(85_000, 1500);
  checkAtRest(life);
  checkKeys(life);
  const failed = [...pair.initiatorActions, ...pair.responderActions];
  expect(actionsOf(failed, 'rekey-failed')).toEqual([]);
  tally.rekeyed += actionsOf(failed, 'ike-sa-rekeyed').length + life.router.outboundKeys.length - 1;
  tally.packets += life.packets;
  // Five secrets of one IKE SA are in use at each end.
  const before = unwiped();
  pair.close();
  pair.run();
  expect(pair.responders.size).toBe(0);
  expect(pair.initiator.isOver).toBe(true);
  expect(before - unwiped(), 'secrets of the last IKE SA').toBe(10);
  // The pre-shared key at each end, what stands in for an unknown one, and what makes cookies.
  expect(unwiped(), 'secrets that outlive every SA').toBeLessThanOrEqual(4);
  secrets.length = 0;
}

function liveMany(name: string, seeds: number, faults: Faults): Tally {
  const tally: Tally = { rekeyed: 0, packets: 0, collisions: 0 };
  for (let seed = 0; seed < seeds; seed++) {
    try {
      live(`${name} ${seed}`, faults, tally);
    } catch (error) {
      throw new Error(`seed "${name} ${seed}": ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
  return tally;
}

describe('rekeyings of both SAs from both ends', () => {
  it('lose no packet and leave one of each, on a link that only delays', () => {
    const tally = liveMany('delay', 60, { loss: 0, duplication: 0, delayMs: 80 });
    expect(tally.rekeyed).toBeGreaterThan(300);
    expect(tally.collisions).toBeGreaterThan(60);
  });

  it('lose no packet and leave one of each, with doubles and reordering beyond retransmission', () => {
    const tally = liveMany('reorder', 60, { loss: 0, duplication: 0.3, delayMs: 900 });
    expect(tally.rekeyed).toBeGreaterThan(200);
  });

  it('lose no packet and leave one of each, with 20 % loss', () => {
    const tally = liveMany('lossy', 60, { loss: 0.2, duplication: 0.2, delayMs: 300 });
    expect(tally.rekeyed).toBeGreaterThan(200);
    expect(tally.packets).toBeGreaterThan(50_000);
  });
});
