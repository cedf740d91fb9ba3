import { describe, expect, it } from 'vitest';
import { parsePlan, type RolloutPlan, rolloutOrder } from '../../../host/server/rollout/plan.ts';
import { Prng } from '../prng.ts';
import { type Behaviour, Fleet, FleetRouter } from './fleet.ts';

const minute = 60_000;

function plan(more: Partial<RolloutPlan> = {}): RolloutPlan {
  const stages = [1, 10, 100];
  return {
    version: '2.0.0',
    url: '',
    stages,
    maxFailures: 3,
    stageSeconds: 600,
    routers: undefined,
    ...more,
  };
}

/** `count` routers, all online; the first places in the order behave as named, the rest well. */
function fleetOf(
  count: number,
  behaviours: readonly Behaviour[] = [],
  more: Partial<RolloutPlan> = {},
): Fleet {
  const wanted = plan(more);
  const names = Array.from({ length: count }, (_, index) => `router-${index}`);
  const order = rolloutOrder(wanted.version, names);
  const routers = order.map((name, place) => new FleetRouter(name, behaviours[place] ?? 'good', '1.0.0'));
  for (const router of routers) router.isOnline = true;
  return new Fleet(1, routers, wanted);
}

function at(fleet: Fleet, place: number): FleetRouter {
  const name = rolloutOrder(fleet.plan.version, [...fleet.routers.keys()])[place] ?? '';
  const router = fleet.routers.get(name);
  if (router === undefined) throw new Error(`no router at place ${place}`);
  return router;
}

describe('a roll-out', () => {
  it('brings every router there, stage by stage, and tells each once', () => {
    const fleet = fleetOf(200);
    fleet.start();
    fleet.pass(0.1);
    const touched: number[] = [];
    for (let seconds = 0; seconds < 120; seconds += 5) {
      fleet.pass(5000);
      touched.push(fleet.touched.size);
    }
    expect(touched).toEqual(expect.arrayContaining([2, 20, 200]));
    expect(touched[0]).toBe(2);
    expect(fleet.state).toBe('done');
    expect(fleet.rollout.status(fleet.now)).toMatchObject({
      done: 200,
      failed: 0,
      away: 0,
      toCome: 0,
      left: 0,
    });
    expect(fleet.sentTo).toHaveLength(200);
    expect(
      [...fleet.routers.values()].every(({ software, upgrades }) => software === '2.0.0' && upgrades === 1),
    ).toBe(true);
    expect(fleet.broken).toEqual([]);
  });

  it('stops when as many failed as the limit says, and names them with their reasons', () => {
    const fleet = fleetOf(100, ['good', 'reverts', 'refuses', 'good', 'refuses']);
    fleet.start();
    fleet.pass(10 * minute);
    expect(fleet.state).toBe('stopped');
    expect(fleet.touched.size).toBe(10);
    const { reason = '', failures } = fleet.rollout.status(fleet.now) ?? {};
    expect(reason).toContain('3 of at most 3 routers failed');
    expect(reason).toContain(`${at(fleet, 1).name} (reverted: no channel)`);
    expect(reason).toContain(`${at(fleet, 2).name} (refused: the signature is wrong)`);
    expect(failures).toHaveLength(3);
    expect(fleet.broken).toEqual([]);
  });

  it('does not count what a router had come to before it was told', () => {
    const fleet = fleetOf(1);
    const router = at(fleet, 0);
    router.standing = {
      ...router.standing,
      version: '2.0.0',
      stage: 'reverted',
      reason: 'of last week',
      at: 5,
    };
    router.restart();
    fleet.start();
    fleet.pass(2 * minute);
    expect(fleet.state).toBe('done');
    expect(router.software).toBe('2.0.0');
  });

  it('counts whoever runs the version as done, untold, unless it is on trial there', () => {
    const fleet = fleetOf(3, [], { stages: [100] });
    const [there, trying] = [at(fleet, 0), at(fleet, 1)];
    there.software = '2.0.0';
    there.restart();
    trying.software = '2.0.0';
    trying.standing = { ...trying.standing, version: '2.0.0', stage: 'trial', at: 7 };
    trying.restart();
    fleet.start();
    fleet.pass(minute);
    expect(fleet.sentTo).not.toContain(there.name);
    expect(fleet.rollout.status(fleet.now)).toMatchObject({ done: 2, underWay: 1 });
  });

  it('takes a silent router for failed after its time, and for done if it comes to it later', () => {
    const fleet = fleetOf(20, ['good', 'silent'], { stages: [10, 100], maxFailures: 1 });
    fleet.start();
    fleet.pass(9 * minute);
    expect(fleet.state).toBe('running');
    fleet.pass(2 * minute);
    expect(fleet.rollout.status(fleet.now)?.reason).toMatch(
      /silent: told 600 s ago, heard it, and has not confirmed/,
    );
    const late = at(fleet, 1);
    late.software = '2.0.0';
    late.standing = { ...late.standing, version: '2.0.0', stage: 'confirmed', at: fleet.now };
    fleet.disconnect(late);
    late.restart();
    fleet.connect(late);
    fleet.pass(minute);
    expect(fleet.rollout.status(fleet.now)).toMatchObject({ state: 'stopped', failed: 0, done: 2 });
    fleet.do(() => fleet.rollout.resume(fleet.now));
    fleet.pass(5 * minute);
    expect(fleet.state).toBe('done');
    expect(fleet.broken).toEqual([]);
  });

  it('goes on without routers that are away, and tells them when they come', () => {
    const fleet = fleetOf(50, [], { stages: [10, 100] });
    for (const place of [1, 2, 30]) at(fleet, place).isOnline = false;
    fleet.start();
    fleet.pass(9 * minute);
    expect(fleet.rollout.status(fleet.now)).toMatchObject({ done: 3, away: 2 });
    fleet.pass(30 * minute);
    expect(fleet.rollout.status(fleet.now)).toMatchObject({
      state: 'running',
      done: 47,
      away: 3,
      stageSecondsLeft: null,
    });
    for (const place of [1, 2, 30]) fleet.connect(at(fleet, place));
    fleet.pass(2 * minute);
    expect(fleet.state).toBe('done');
    expect(fleet.broken).toEqual([]);
  });

  it('stops when nobody of a stage confirmed, and goes on when a person says so', () => {
    const fleet = fleetOf(30, ['reverts'], { stages: [1, 100] });
    fleet.start();
    fleet.pass(2 * minute);
    expect(fleet.rollout.status(fleet.now)?.reason).toBe(
      'none of the 1 routers that the stage of 1 % added has confirmed: 1 failed, 0 away',
    );
    fleet.do(() => fleet.rollout.resume(fleet.now));
    fleet.pass(5 * minute);
    expect(fleet.rollout.status(fleet.now)).toMatchObject({ state: 'done', done: 29, failed: 1 });
  });

  it('leaves routers without slots and those that are enrolled no more aside, and fails none that knows no upgrades', () => {
    const fleet = fleetOf(10, ['good', 'no board', 'old', 'good'], { stages: [50, 100] });
    fleet.start();
    fleet.pass(5 * minute);
    fleet.do(() => fleet.rollout.expelled([at(fleet, 9).name], fleet.now));
    fleet.pass(60 * minute);
    expect(fleet.rollout.status(fleet.now)).toMatchObject({
      done: 7,
      left: 2,
      failed: 0,
      away: 1,
      absent: [at(fleet, 2).name],
    });
    expect(fleet.touched).not.toContain(at(fleet, 2).name);
  });

  it('tells nobody while it is paused or after it was aborted', () => {
    const fleet = fleetOf(100);
    fleet.start();
    fleet.pass(1000);
    fleet.do(() => fleet.rollout.pause(fleet.now));
    fleet.pass(20 * minute);
    expect(fleet.touched.size).toBe(1);
    expect(fleet.rollout.status(fleet.now)).toMatchObject({ state: 'paused', done: 1 });
    fleet.do(() => fleet.rollout.resume(fleet.now));
    fleet.pass(1000);
    fleet.do(() => fleet.rollout.abort(fleet.now));
    fleet.pass(20 * minute);
    expect(fleet.touched.size).toBeLessThanOrEqual(10);
    expect(() => fleet.rollout.resume(fleet.now)).toThrow(
      'the roll-out of 2.0.0 is aborted, not paused or stopped',
    );
    expect(fleet.broken).toEqual([]);
  });

  it('refuses a second one while the first is under way', () => {
    const fleet = fleetOf(2);
    fleet.start();
    const start = () => fleet.rollout.start(plan({ version: '3.0.0' }), [], fleet.now);
    expect(start).toThrow('the roll-out of 2.0.0 is running: abort it first');
  });

  it('touches only the routers that it was given', () => {
    const fleet = fleetOf(20, [], { routers: ['router-3', 'router-7'], stages: [100] });
    fleet.start();
    fleet.pass(5 * minute);
    expect([...fleet.touched].sort()).toEqual(['router-3', 'router-7']);
    expect(fleet.state).toBe('done');
    const stranger = () => fleet.rollout.start(plan({ routers: ['nobody'] }), [], fleet.now);
    expect(stranger).toThrow('router nobody is not enrolled');
  });

  it('keeps its promises under loss, restarts of the server at any moment and routers that come and go (300 seeds)', () => {
    const wrong: string[] = [];
    let [stopped, done] = [0, 0];
    for (let seed = 1; seed <= 300; seed++) {
      const prng = new Prng(seed);
      const count = 1 + prng.below(40);
      const bad = prng.below(4);
      const names = Array.from({ length: count }, (_, index) => `router-${index}`);
      const kinds: Behaviour[] = ['reverts', 'refuses', 'silent'];
      const routers = names.map((name) => {
        const behaviour = prng.below(20) < bad ? prng.pick(kinds) : 'good';
        return new FleetRouter(name, behaviour, '1.0.0');
      });
      for (const router of routers) router.isOnline = prng.chance(0.8);
      const fleet = new Fleet(seed, routers, plan({ stages: [5, 25, 100], maxFailures: 1 + prng.below(3) }));
      fleet.start();
      fleet.lossPercent = prng.below(30);
      fleet.killChance = 0.02;
      for (let turn = 0; turn < 20; turn++) {
        fleet.pass(prng.between(100, 30_000));
        const router = prng.pick(routers);
        if (prng.chance(0.3)) fleet.restartServer();
        if (router.isOnline && prng.chance(0.3)) fleet.disconnect(router);
        else fleet.connect(router);
      }
      fleet.lossPercent = 0;
      fleet.killChance = 0;
      for (const router of routers) {
        fleet.disconnect(router);
        fleet.connect(router);
      }
      fleet.pass(120 * minute);
      for (const line of fleet.broken) wrong.push(`seed ${seed}: ${line}`);
      const status = fleet.rollout.status(fleet.now);
      const isThere = routers.every(
        ({ software, behaviour }) => behaviour !== 'good' || software === '2.0.0',
      );
      if (status?.state === 'done' && !isThere) wrong.push(`seed ${seed}: done, and not all are there`);
      if (status?.state === 'running') wrong.push(`seed ${seed}: never ends: ${JSON.stringify(status)}`);
      if (status?.state === 'done') done += 1;
      if (status?.state === 'stopped') stopped += 1;
      const twice = routers.filter(({ upgrades }) => upgrades > 1);
      if (twice.length > 0) wrong.push(`seed ${seed}: ${twice[0]?.name} began ${twice[0]?.upgrades} times`);
    }
    expect(wrong).toEqual([]);
    expect(stopped).toBeGreaterThan(20);
    expect(done).toBeGreaterThan(50);
  });
});

describe('a plan', () => {
  const body = { version: '2.0.0', stages: [1, 10, 100], maxFailures: 2 };

  it('has defaults for all that need not be said', () => {
    expect(parsePlan(body)).toEqual({ ...plan({ maxFailures: 2, stageSeconds: 3600 }) });
  });

  it.each([
    [{ ...body, version: '' }, 'version: expected a version as in 1.4.0'],
    [{ ...body, stages: [10, 5] }, 'stages: expected rising percentages as in 1%,10%,100%'],
    [{ ...body, stages: [0] }, 'stages.0: expected more than 0 %'],
    [{ ...body, stages: [101] }, 'stages.0: expected at most 100 %'],
    [{ ...body, maxFailures: 0 }, 'maxFailures: expected 1 or more'],
    [{ ...body, url: 'a b' }, 'url:'],
    [{ ...body, more: 1 }, 'Unrecognized key'],
    ['nonsense', 'expected object'],
  ])('%j is refused', (given, message) => {
    expect(() => parsePlan(given)).toThrow(message);
  });

  it('begins with other routers for another version, and always with the same for one', () => {
    const names = Array.from({ length: 50 }, (_, index) => `router-${index}`);
    expect(rolloutOrder('1.0.0', names)).toEqual(rolloutOrder('1.0.0', names.toReversed()));
    expect(rolloutOrder('1.0.0', names).slice(0, 5)).not.toEqual(rolloutOrder('1.0.1', names).slice(0, 5));
  });
});
