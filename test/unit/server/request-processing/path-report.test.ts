import { describe, expect, it } from 'vitest';
import { endpoint, places, policy, policySet, Scene } from './scene.ts';

const reasons = (scene: Scene) =>
  scene.said().flatMap((one) => (one.type === 'withdraw' ? [one.reason] : []));

describe('a report of no path', () => {
  const expected =
    'no path between the seen addresses 198.51.100.7:31000 (tokyo, behind a NAT) and 192.0.2.2:4500 (osaka)';

  it('takes the SAs back at the other end, which is told why, and is seen at the server for five minutes', () => {
    const scene = new Scene();
    scene.up('tokyo', endpoint('198.51.100.7', 31_000), true);
    const { first } = scene.establish();
    scene.report('tokyo', 'no-path', first.spi);
    const said = scene.said();
    expect(said.map((one) => `${one.type} -> ${one.source}`)).toEqual([
      'withdraw -> osaka',
      'withdraw -> tokyo',
    ]);
    expect(said[0]).toMatchObject({ reason: `router tokyo hears nothing of osaka: ${expected}` });
    expect(scene.server.deadPaths(scene.now)).toEqual([
      { routers: ['tokyo', 'osaka'], detail: expected, at: scene.now },
    ]);
    scene.pass(299_999);
    expect(scene.server.deadPaths(scene.now).length).toBe(1);
    scene.pass(1);
    expect(scene.server.deadPaths(scene.now)).toEqual([]);
  });

  it('of a pair counts once, however often it comes', () => {
    const scene = new Scene();
    for (let round = 0; round < 3; round++) {
      const { second } = scene.establish();
      scene.report('osaka', 'no-path', second.spi);
    }
    expect(scene.server.deadPaths(scene.now).length).toBe(1);
  });

  it('about no SA of the router is answered, and nothing else', () => {
    const scene = new Scene();
    const { first } = scene.establish();
    scene.report('kyoto', 'no-path', first.spi);
    expect(scene.heard()).toEqual(['withdraw -> kyoto']);
    expect(scene.states()).toEqual(['both-installed']);
    expect(scene.server.deadPaths(scene.now)).toEqual([]);
  });
});

describe('a router that comes behind a NAT', () => {
  it('loses the SAs that are not made for one, and no others', () => {
    const scene = new Scene({
      policies: policySet(
        policy('raw', { encapsulation: 'auto' }),
        policy('udp', { encapsulation: 'udp' }),
        policy('hosts', { encapsulation: 'udp', mode: 'transport' }),
      ),
    });
    for (const kind of ['raw', 'udp', 'hosts']) scene.establish('tokyo', 'osaka', { kind });
    scene.up('tokyo', endpoint('198.51.100.7', 31_000), true);
    expect(new Set(reasons(scene))).toEqual(
      new Set(['router tokyo is behind a NAT now, for which its SAs are not made']),
    );
    const left = scene.server.table(scene.now).filter(({ state }) => state === 'both-installed');
    expect(left.map(({ kind }) => kind)).toEqual(['udp']);
    // Said again, it is no news.
    scene.establish('tokyo', 'osaka', { kind: 'udp' });
    scene.up('tokyo', places.tokyo, true);
    expect(reasons(scene)).toEqual([]);
  });

  it('is refused transport mode', () => {
    const scene = new Scene({ policies: policySet(policy('hosts', { mode: 'transport' })) });
    scene.up('osaka', places.osaka, true);
    scene.request('tokyo', 'osaka', { kind: 'hosts' });
    const reason =
      'router osaka is behind a NAT, across which transport mode does not go: policy hosts needs mode tunnel';
    expect(scene.said()).toMatchObject([{ type: 'refused', source: 'tokyo', reason }]);
  });
});

describe('a report of an SA that is not answered', () => {
  it('takes it back at the other end, with the reason', () => {
    const scene = new Scene();
    const { second } = scene.establish();
    scene.report('osaka', 'unanswered', second.spi);
    expect(reasons(scene)[0]).toBe('router osaka sends to tokyo and hears nothing any more: the SA is dead');
    expect(scene.server.deadPaths(scene.now)).toEqual([]);
  });
});
