import { describe, expect, it } from 'vitest';
import type { Spi } from '../../../host/model/security-association.ts';
import { Liveness } from '../../../host/packet-loop/liveness.ts';
import { pair, protect, selector } from '../../property/dataplane/engines.ts';

const spi: Spi = 0x1001;

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
    this.machine.change({ install: [{ pair: pair(spi, spi + 1), use: true }] }, 0);
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
    for (
      let found = this.machine.takeDue(now, activityOf);
      found !== undefined;
      found = this.machine.takeDue(now, activityOf)
    ) {
      if (found.kind === 'sign-of-life') this.send('dummy');
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

  it('is looked at every five seconds, of the pair in use alone', () => {
    const machine = new Liveness(60);
    const looked: Spi[] = [];
    const look = (until: number) => {
      for (let now = machine.dueAt; now !== undefined && now <= until; now = machine.dueAt) {
        machine.takeDue(now, (one) => {
          looked.push(one);
          return { sent: 0, received: 0, heard: 0 };
        });
      }
      return looked.splice(0);
    };
    machine.change({ install: [{ pair: pair(0x1001, 0x2001), use: true }] }, 0);
    expect(look(14_000)).toEqual([0x1001, 0x1001, 0x1001]);
    machine.change({ install: [{ pair: pair(0x1002, 0x2002), use: false }] }, 14_000);
    expect(look(24_000)).toEqual([0x1001, 0x1001]);
    machine.change({ use: [0x1002] }, 24_000);
    expect(look(30_000)).toEqual([0x1002, 0x1002]);
    machine.change({ remove: [0x1001] }, 30_000);
    expect(look(34_000)).toEqual([0x1002]);
    machine.change({ spd: [protect('another', [selector('10.1.0.0/16', '10.2.0.0/16')])] }, 34_000);
    expect(machine.dueAt).toBeUndefined();
  });

  it('of the channel and of AH is not its business', () => {
    const machine = new Liveness(60);
    machine.change({ install: [{ pair: pair(0x1001, 0x2001, {}, { entry: '' }), use: true }] }, 0);
    const ah = { proposal: 'sha256', protocol: 'ah', encapsulation: 'raw' } as const;
    machine.change({ install: [{ pair: pair(0x1002, 0x2002, ah), use: true }] }, 0);
    expect(machine.dueAt).toBeUndefined();
  });
});
