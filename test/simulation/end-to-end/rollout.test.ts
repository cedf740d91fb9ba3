import { describe, expect, it } from 'vitest';
import { noVersionUp } from '../../../host/model/version-up.ts';
import { parsePlan, rolloutOrder } from '../../../host/server/rollout/plan.ts';
import { type Network, packet, type SimulatedRouter, twoSites } from './network.ts';

const standing = { ...noVersionUp, board: 'qemu-x86_64', slot: 'a' } as const;
const plan = { version: '2.0.0', stages: [50, 100], maxFailures: 1, url: 'http://192.0.2.9/r/' };

function boards(network: Network): SimulatedRouter[] {
  const routers = rolloutOrder('2.0.0', [...network.routers.keys()]).flatMap(
    (name) => network.routers.get(name) ?? [],
  );
  for (const { router } of routers) router.versionUpChanged(standing);
  network.pass(1);
  return routers;
}

function shell(network: Network) {
  if (network.server === undefined) throw new Error('there is no server');
  return network.server.server;
}

describe('a roll-out through real channels', () => {
  it('tells one router, waits for its word, and tells the next; failures come back with their reason', () => {
    const network = twoSites();
    network.pass(1);
    const [first, second] = boards(network);
    shell(network).startRollout(parsePlan(plan));
    network.pass(1);
    expect(first?.upgrades).toEqual([{ version: '2.0.0', url: 'http://192.0.2.9/r/' }]);
    expect(second?.upgrades).toEqual([]);
    first?.router.versionUpChanged({ ...standing, version: '2.0.0', stage: 'writing', at: 5 });
    network.pass(100);
    expect(first?.upgrades).toHaveLength(1);
    first?.router.versionUpChanged({
      ...standing,
      version: '2.0.0',
      stage: 'refused',
      reason: 'too big',
      at: 9,
    });
    network.pass(1);
    expect(shell(network).rollout.status(network.now)).toMatchObject({
      state: 'stopped',
      reason: `1 of at most 1 routers failed: ${first?.name} (refused: too big)`,
    });
    expect(second?.upgrades).toEqual([]);
    const seen = network.server?.processing.standing(first?.name ?? '');
    expect(seen?.versionUp).toMatchObject({ board: 'qemu-x86_64', stage: 'refused', reason: 'too big' });
  });

  it('counts machines without slots out, and their traffic goes on', () => {
    const network = twoSites();
    network.pass(1);
    shell(network).startRollout(parsePlan(plan));
    network.pass(1);
    expect(shell(network).rollout.status(network.now)).toMatchObject({ state: 'done', left: 2, failed: 0 });
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(1);
    expect(network.delivered).toHaveLength(1);
  });

  it('sleeps while it waits', () => {
    const network = twoSites();
    network.pass(1);
    const [first] = boards(network);
    shell(network).startRollout(parsePlan({ ...plan, stageSeconds: 3600 }));
    network.pass(1);
    first?.router.versionUpChanged({ ...standing, version: '2.0.0', stage: 'writing', at: 5 });
    network.pass(1);
    let wakeUps = 0;
    const { server } = network;
    const original = server?.deadline.bind(server);
    if (server !== undefined)
      server.deadline = () => {
        wakeUps += 1;
        original?.();
      };
    network.pass(600);
    expect(wakeUps).toBeLessThan(200);
  });
});
