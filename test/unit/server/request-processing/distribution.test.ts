import { describe, expect, it } from 'vitest';
import type { Distribution } from '../../../../host/messages/message.ts';
import { policy, policySet, Scene } from './scene.ts';

function keysOf(distribution: Distribution): string {
  return [distribution.outbound, distribution.inbound]
    .flatMap((sa) => [sa.encryptionKey, sa.salt])
    .map((secret) => Buffer.from(secret.reveal()).toString('hex'))
    .join();
}

describe('a distribution', () => {
  it('is stored before it is sent', () => {
    const scene = new Scene();
    scene.distribute();
    const store = scene.actions.findIndex((action) => action.kind === 'store');
    const send = scene.actions.findIndex(
      (action) => action.kind === 'send' && action.message.type === 'distribution',
    );
    expect(store).toBeGreaterThan(-1);
    expect(store).toBeLessThan(send);
    expect([...scene.stored.values()]).toMatchObject([{ state: 'distributed', revision: 1 }]);
  });

  it('is repeated after 250 ms, doubling, to the ends that have not installed', () => {
    const scene = new Scene();
    const { first } = scene.distribute();
    const times: number[] = [];
    const begin = scene.now;
    while (scene.now < begin + 10_000) {
      scene.pass(50);
      const heard = scene.heard();
      if (heard.length > 0) times.push(scene.now - begin);
      if (heard.length > 0 && times.length <= 2) expect(heard).toHaveLength(2);
      if (times.length === 2) scene.installed(first);
      if (times.length > 2 && heard.length > 0) expect(heard).toEqual(['distribution -> osaka']);
    }
    expect(times).toEqual([250, 750, 1750, 3750, 7750]);
  });

  it('has the same keys and fewer remaining seconds when it is repeated', () => {
    const scene = new Scene();
    const { toFirst, first } = scene.distribute();
    scene.pass(5000);
    scene.said();
    scene.send(first);
    const [again] = scene.said();
    expect(again?.type).toBe('distribution');
    if (again?.type !== 'distribution') return;
    expect(keysOf(again)).toBe(keysOf(toFirst));
    expect(toFirst.remainingSeconds).toBe(3600);
    expect(again.remainingSeconds).toBe(3595);
  });

  it('is not spoilt by whoever wipes the keys of one that was sent', () => {
    const scene = new Scene();
    const { toFirst, toSecond, second } = scene.distribute();
    const before = keysOf(toSecond);
    for (const sa of [toFirst.outbound, toFirst.inbound]) sa.encryptionKey.wipe();
    scene.said();
    scene.send(second);
    const [again] = scene.said();
    expect(again?.type === 'distribution' && keysOf(again)).toBe(before);
  });

  it('ends when both have installed: both are told and the keys are gone', () => {
    const scene = new Scene();
    const { first, second } = scene.distribute();
    scene.installed(first);
    expect(scene.heard()).toEqual([]);
    expect(scene.server.table(scene.now)).toMatchObject([{ state: 'distributed', holdsKeys: true }]);
    scene.installed(second);
    expect(scene.heard()).toEqual(['both-installed -> tokyo', 'both-installed -> osaka']);
    expect(scene.server.table(scene.now)).toMatchObject([{ state: 'both-installed', holdsKeys: false }]);
    expect([...scene.stored.values()]).toMatchObject([{ state: 'both-installed' }]);
    scene.pass(60_000);
    expect(scene.heard()).toEqual([]);
  });

  it('never hands out keys again that were wiped', () => {
    const scene = new Scene();
    const { first, second } = scene.establish();
    scene.send(first);
    scene.send(second);
    expect(scene.heard()).toEqual(['contents-inconsistent -> tokyo', 'contents-inconsistent -> osaka']);
  });

  it('says both-installed again to whoever repeats installed', () => {
    const scene = new Scene();
    const { first } = scene.establish();
    scene.installed(first);
    expect(scene.heard()).toEqual(['both-installed -> tokyo']);
  });

  it('does not count one end’s installed for the other', () => {
    const scene = new Scene();
    const { first } = scene.distribute();
    scene.installed(first);
    scene.installed(first);
    // Osaka with tokyo's id is not osaka's half: it is told to delete what nobody gave it.
    scene.send({ type: 'installed', id: first.id, source: 'osaka', peer: 'tokyo', kind: 'all' });
    expect(scene.states()).toEqual(['distributed']);
  });

  it('is given up 60 s later: keys wiped, withdrawn at both ends, deleted', () => {
    const scene = new Scene();
    const { first, second } = scene.distribute();
    scene.installed(first);
    scene.pass(59_999);
    expect(scene.states()).toEqual(['distributed']);
    scene.said();
    scene.pass(1);
    const said = scene.said();
    expect(said).toMatchObject([
      { type: 'withdraw', source: 'tokyo', ids: [first.id], reason: 'not installed in time by osaka' },
      { type: 'withdraw', source: 'osaka', ids: [second.id] },
    ]);
    expect(scene.server.table(scene.now)).toMatchObject([{ state: 'withdrawing', holdsKeys: false }]);
    for (const withdraw of said) scene.withdrawn(withdraw);
    expect(scene.states()).toEqual([]);
    expect(scene.stored.size).toBe(0);
  });

  it('ends with the lifetime when that is shorter than the time to install', () => {
    const scene = new Scene({ policies: policySet(policy('all', { lifetimeSeconds: 30 })) });
    scene.distribute();
    scene.pass(30_000);
    expect(scene.states()).toEqual(['withdrawing']);
  });

  it('goes at once to a router whose channel has come back', () => {
    const scene = new Scene();
    const { first, second } = scene.distribute();
    scene.installed(first);
    scene.down('osaka');
    scene.pass(20_000);
    expect(scene.heard()).toEqual([]);
    scene.up('osaka');
    expect(scene.said()).toMatchObject([{ type: 'distribution', id: second.id }]);
  });
});

describe('an issued entry', () => {
  it('stands beside the one that renews it', () => {
    const scene = new Scene();
    const old = scene.establish();
    const renewed = scene.establish();
    expect(scene.states()).toEqual(['both-installed', 'both-installed']);
    expect(keysOf(renewed.toFirst)).not.toBe(keysOf(old.toFirst));
  });

  it('lives 60 s longer than its SAs, and its ids revive nothing for another 60 s', () => {
    const scene = new Scene();
    const { first } = scene.establish();
    scene.pass(3_659_999);
    expect(scene.states()).toEqual(['both-installed']);
    scene.pass(1);
    expect(scene.states()).toEqual([]);
    expect(scene.stored.size).toBe(0);
    expect(scene.heard()).toEqual([]);
    scene.send(first);
    expect(scene.heard()).toEqual(['contents-inconsistent -> tokyo']);
    scene.pass(60_000);
    scene.send(first);
    expect(scene.heard()).toEqual(['request-startup -> osaka']);
  });

  it('leaves each id behind for 60 s of its own, not until the oldest one is forgotten', () => {
    const scene = new Scene();
    const [one, other] = [0, 1].map((round) => {
      scene.pass(round * 40_000);
      return scene.establish().first;
    });
    scene.pass(3_660_000 - 40_000);
    scene.pass(40_000);
    scene.pass(30_000);
    scene.said();
    scene.send(other!);
    expect(scene.heard()).toEqual(['contents-inconsistent -> tokyo']);
    scene.send(one!);
    expect(scene.heard()).toEqual(['request-startup -> osaka']);
  });

  it('that the server does not know is deleted at the router that says installed', () => {
    const scene = new Scene();
    scene.said();
    scene.send({ type: 'installed', id: 'abcdefabcdefabcd', source: 'tokyo', peer: 'osaka', kind: 'all' });
    expect(scene.said()).toMatchObject([{ type: 'withdraw', ids: ['abcdefabcdefabcd'] }]);
  });

  it('leaves nothing behind in memory once it is over', () => {
    const scene = new Scene();
    for (let round = 0; round < 20; round += 1) scene.establish();
    scene.request('tokyo', 'osaka');
    scene.pass(3_600_000 + 200_000);
    expect(scene.server.table(scene.now)).toEqual([]);
    expect(scene.server.nextDeadline()).toBeUndefined();
  });
});
