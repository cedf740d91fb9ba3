/** Commit-confirm in virtual time. */
import { describe, expect, it } from 'vitest';
import { type TrialAction, type TrialEvent, TrialMachine } from '../../../host/flash/trial.ts';

const begin = { kind: 'begin', number: 7, seconds: 60, isManual: false } as const;

/** A trial and its clock; `server` says whether the server answers at an instant, and answers take 30 ms. */
class World {
  readonly machine = new TrialMachine();
  readonly done: (readonly [number, TrialAction])[] = [];
  now = 1000;
  answers: (now: number) => boolean = () => false;

  tell(event: TrialEvent): void {
    for (const action of this.machine.handle(event, this.now)) {
      if (action.kind !== 'ask-server') this.done.push([this.now, action]);
      else if (this.answers(this.now)) this.tell({ kind: 'heard', heardAt: this.now + 30 });
    }
  }

  /** Lets time pass, from deadline to deadline. */
  run(seconds: number): void {
    const end = this.now + seconds * 1000;
    for (let steps = 0; steps < 1000; steps++) {
      const next = this.machine.nextDeadline();
      if (next === undefined || next > end) break;
      this.now = Math.max(this.now, next);
      this.tell({ kind: 'deadline' });
    }
    this.now = end;
  }
}

describe('a change of settings', () => {
  it('that cuts the router off from its server is taken back by itself', () => {
    const world = new World();
    world.tell(begin);
    world.run(59.9);
    expect(world.done).toEqual([]);
    expect(world.machine.status(world.now)).toMatchObject({ number: 7, secondsLeft: expect.closeTo(0.1) });
    world.run(10);
    expect(world.done).toEqual([
      [61_000, { kind: 'revert', number: 7, reason: 'the server did not answer within 60 s' }],
    ]);
    expect(world.machine.nextDeadline()).toBeUndefined();
  });

  it('under which the server answers stays', () => {
    const world = new World();
    world.answers = () => true;
    world.tell(begin);
    world.run(200);
    // At 1 s it may have been an answer to something from before.
    expect(world.done).toEqual([[3000, { kind: 'confirm', number: 7, reason: 'the server answered' }]]);
  });

  it('stays when the server answers late, and not when it answers too late', () => {
    const late = new World();
    late.answers = (now) => now > 50_000;
    late.tell(begin);
    late.run(200);
    expect(late.done.map(([, { kind }]) => kind)).toEqual(['confirm']);
    const tooLate = new World();
    tooLate.answers = (now) => now > 61_000;
    tooLate.tell(begin);
    tooLate.run(200);
    expect(tooLate.done.map(([, { kind }]) => kind)).toEqual(['revert']);
  });

  it('is not confirmed by what was on its way before', () => {
    const world = new World();
    world.tell(begin);
    world.now += 100;
    world.tell({ kind: 'heard', heardAt: world.now });
    world.run(100);
    expect(world.done.map(([, { kind }]) => kind)).toEqual(['revert']);
  });

  it('waits for a person where one has to confirm, though the server answers', () => {
    const world = new World();
    world.answers = () => true;
    world.tell({ ...begin, isManual: true });
    world.run(30);
    expect(world.machine.status(world.now)).toMatchObject({ hasHeard: true });
    world.tell({ kind: 'confirm' });
    expect(world.done).toEqual([[31_000, { kind: 'confirm', number: 7, reason: 'confirmed by hand' }]]);
    world.run(100);
    expect(world.done.length).toBe(1);

    const nobody = new World();
    nobody.answers = () => true;
    nobody.tell({ ...begin, isManual: true });
    nobody.run(100);
    expect(nobody.done[0]?.[1]).toEqual({
      kind: 'revert',
      number: 7,
      reason: 'nobody confirmed it within 60 s',
    });
  });

  it('is taken back at once when it cannot be put in force, or a person says so', () => {
    const world = new World();
    world.tell(begin);
    world.tell({ kind: 'give-up', reason: 'wan9 has no address' });
    expect(world.done).toEqual([[1000, { kind: 'revert', number: 7, reason: 'wan9 has no address' }]]);
    // Nothing is on trial: none of this means anything.
    for (const kind of ['confirm', 'deadline'] as const) world.tell({ kind });
    world.tell({ kind: 'heard', heardAt: 99_000 });
    expect(world.done.length).toBe(1);
  });

  it('is confirmed by hand before the server has answered, and says that', () => {
    const world = new World();
    world.tell(begin);
    world.tell({ kind: 'confirm' });
    expect(world.done[0]?.[1]).toMatchObject({ reason: 'confirmed by hand, before the server had answered' });
  });
});
