import { describe, expect, it } from 'vitest';
import type { Spi } from '../../../host/model/security-association.ts';
import { Liveness } from '../../../host/packet-loop/liveness.ts';
import type { KnownPair } from '../../../host/packet-loop/pairs-in-use.ts';

const spi: Spi = 0x1001;

const idle = { sent: 0, received: 0, heard: 0 };

const known = (one: Spi): KnownPair => ({
  spi: one,
  protocol: 'esp',
  dummiesPerSecond: 0,
  entry: 'to-peer',
  purpose: String(one),
});

/** A function that says at which pairs `machine` looks up to an instant. */
function looks(machine: Liveness): (until: number) => Spi[] {
  return (until) => {
    const looked: Spi[] = [];
    for (let now = machine.dueAt; now !== undefined && now <= until; now = machine.dueAt) {
      machine.look(now, (one) => {
        looked.push(one);
        return idle;
      });
    }
    return looked;
  };
}

/** One end of a pair: the machine, and the counts that its engine would have. */
class End {
  readonly machine: Liveness;
  readonly counts = { sent: 0, received: 0, heard: 0 };
  peer: End | undefined;
  /** True when nothing of what it sends arrives. */
  isCut = false;
  dummies = 0;
  readonly unansweredAt: number[] = [];

  constructor(unansweredSeconds = 60) {
    this.machine = new Liveness(unansweredSeconds);
    this.machine.start(known(spi), { ...this.counts }, 0);
  }

  send(kind: 'packet' | 'dummy'): void {
    this.counts.sent += 1;
    if (kind === 'dummy') {
      this.dummies += 1;
      this.machine.sentDummy(spi);
    }
    if (this.isCut || this.peer === undefined) return;
    this.peer.counts.heard += 1;
    if (kind === 'packet') this.peer.counts.received += 1;
  }

  turn(now: number): void {
    const activityOf = () => ({ ...this.counts });
    for (const { kind } of this.machine.look(now, activityOf)) {
      if (kind === 'sign-of-life') this.send('dummy');
      else this.unansweredAt.push(now / 1000);
    }
  }
}

/** Two ends with a path between them. */
function ends(unansweredSeconds = 60): [End, End] {
  const [a, b] = [new End(unansweredSeconds), new End(unansweredSeconds)];
  a.peer = b;
  b.peer = a;
  return [a, b];
}

/** Lets seconds pass from `from` on, a tenth at a time; `act` is told each of them. */
function pass(
  [a, b]: [End, End],
  from: number,
  seconds: number,
  act: (tenth: number) => void = () => {},
): void {
  for (let tenth = 1; tenth <= 10 * seconds; tenth++) {
    act(tenth);
    a.turn(1000 * from + 100 * tenth);
    b.turn(1000 * from + 100 * tenth + 50);
  }
}

describe('the liveness of a pair', () => {
  it('costs nothing while nobody sends', () => {
    const both = ends();
    pass(both, 0, 1000);
    expect(both.map(({ dummies, unansweredAt }) => [dummies, unansweredAt])).toEqual([
      [0, []],
      [0, []],
    ]);
  });

  it('is shown by traffic both ways, without a dummy while it goes on and with one from each end after it', () => {
    const both = ends();
    const [a, b] = both;
    pass(both, 0, 600, (tenth) => {
      a.send('packet');
      if (tenth % 3 === 0) b.send('packet');
    });
    expect([a.dummies, b.dummies]).toEqual([0, 0]);
    pass(both, 600, 600);
    expect([a.dummies, b.dummies]).toEqual([1, 1]);
    expect([a.unansweredAt, b.unansweredAt]).toEqual([[], []]);
  });

  it('of traffic that goes one way is shown by dummies of the other end, one for two looks', () => {
    const both = ends();
    const [a, b] = both;
    pass(both, 0, 600, () => a.send('packet'));
    expect(a.unansweredAt).toEqual([]);
    expect(a.dummies).toBe(0);
    expect(b.dummies).toBeGreaterThan(55);
    expect(b.dummies).toBeLessThanOrEqual(60);
  });

  it('is shown in time for a packet that came just after the last one of the other end', () => {
    for (let tenth = 1; tenth <= 100; tenth++) {
      const both = ends();
      const [a, b] = both;
      pass(both, 0, 1);
      pass(both, 1, 30, (at) => {
        if (at === tenth) b.send('packet');
        if (at === tenth) a.send('packet');
      });
      // Whenever in its interval that was: an answer within two looks.
      expect(b.dummies).toBe(1);
    }
  });

  it('is not doubted for a packet now and then, though every second answer is lost', () => {
    const both = ends();
    const [a, b] = both;
    let answers = 0;
    pass(both, 0, 3600, (tenth) => {
      if (tenth % 600 === 1) {
        a.send('packet');
        answers += 1;
        b.isCut = answers % 2 === 0;
      }
    });
    expect(a.unansweredAt).toEqual([]);
  });

  it('ends for the one that sends when nothing comes back for so long, and again after that', () => {
    const both = ends();
    const [a, b] = both;
    pass(both, 0, 100, () => a.send('packet'));
    b.isCut = true;
    pass(both, 100, 150, () => a.send('packet'));
    expect(a.unansweredAt.length).toBe(2);
    const [first = 0, second = 0] = a.unansweredAt;
    expect(first).toBeGreaterThanOrEqual(160);
    expect(first).toBeLessThanOrEqual(175);
    expect(second - first).toBeGreaterThanOrEqual(60);
    expect(b.unansweredAt).toEqual([]);
  });

  it('is not judged by the one that is silent itself', () => {
    const both = ends();
    const [a, b] = both;
    pass(both, 0, 20, () => a.send('packet'));
    [a.isCut, b.isCut] = [true, true];
    pass(both, 20, 600);
    expect([a.unansweredAt, b.unansweredAt]).toEqual([[], []]);
  });

  it('is not judged by dummies that are not answered, since none is', () => {
    const both = ends();
    const [a, b] = both;
    pass(both, 0, 300, (tenth) => {
      if (tenth % 10 === 0) a.send('dummy');
    });
    expect([a.unansweredAt, b.dummies]).toEqual([[], 0]);
  });

  it('is not judged at all where the settings say so', () => {
    const both = ends(0);
    const [a, b] = both;
    b.isCut = true;
    pass(both, 0, 600, () => a.send('packet'));
    expect(a.unansweredAt).toEqual([]);
  });

  it('needs no dummies of its own where the policy wants some', () => {
    const both = ends();
    const [a, b] = both;
    pass(both, 0, 300, (tenth) => {
      a.send('packet');
      if (tenth % 10 === 0) b.send('dummy');
    });
    expect(b.dummies).toBe(300);
    expect(a.unansweredAt).toEqual([]);
  });

  it('is looked at every five seconds, and at no pair that has ended', () => {
    const machine = new Liveness(60);
    const look = looks(machine);
    machine.start(known(0x1001), idle, 0);
    expect(look(14_000)).toEqual([0x1001, 0x1001]);
    machine.start(known(0x1002), idle, 14_000);
    expect(look(19_000).toSorted()).toEqual([0x1001, 0x1002]);
    machine.stop(0x1001);
    expect(look(24_000)).toEqual([0x1002]);
    machine.stop(0x1002);
    expect(machine.dueAt).toBeUndefined();
    expect(look(60_000)).toEqual([]);
  });

  it('of a thousand pairs wakes nobody more often than that of one, and takes several rounds', () => {
    const machine = new Liveness(60);
    for (let at = 0; at < 1000; at++) machine.start(known(0x1001 + at), idle, 4 * at);
    const wakes = new Set<number>();
    let longest = 0;
    let total = 0;
    for (let now = machine.dueAt ?? 0; now <= 60_000; now = Math.max(now, machine.dueAt ?? Infinity)) {
      wakes.add(now);
      let looked = 0;
      machine.look(now, () => {
        looked += 1;
        return idle;
      });
      longest = Math.max(longest, looked);
      total += looked;
    }
    expect(wakes.size).toBe(12);
    expect(total).toBeGreaterThanOrEqual(11 * 1000);
    expect(longest).toBe(256);
  });

  it('begins with what a pair counts when its packets start, also in the middle of a beat', () => {
    const late = { sent: 7, received: 70, heard: 70 };
    const machine = new Liveness(60);
    machine.start(known(0x1001), idle, 0);
    machine.start(known(0x1002), late, 4999);
    const found = [5000, 10_000, 15_000].flatMap((now) =>
      machine.look(now, (one) => (one === 0x1002 ? late : idle)),
    );
    // What it received before is another end's to answer.
    expect(found).toEqual([]);
  });

  it('of AH is not its business', () => {
    const machine = new Liveness(60);
    machine.start({ ...known(0x1002), protocol: 'ah' }, idle, 0);
    expect(machine.dueAt).toBeUndefined();
  });
});
