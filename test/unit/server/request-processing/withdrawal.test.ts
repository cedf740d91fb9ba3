import { describe, expect, it } from 'vitest';
import { endpoint, packet, places, policy, policySet, Scene, selector } from './scene.ts';

describe('a withdrawal', () => {
  it('is repeated, doubling up to 16 s, while the router has a channel, and at once when it is back', () => {
    const scene = new Scene();
    const { second } = scene.establish();
    scene.report('osaka', 'sa-deleted', second.spi);
    const begin = scene.now;
    scene.said();
    const times: number[] = [];
    while (scene.now < begin + 60_000) {
      scene.pass(50);
      if (scene.heard().includes('withdraw -> tokyo')) times.push(scene.now - begin);
    }
    expect(times).toEqual([250, 750, 1750, 3750, 7750, 15_750, 31_750, 47_750]);
    scene.down('tokyo');
    scene.pass(60_000);
    expect(scene.heard()).toEqual([]);
    scene.up('tokyo');
    const [again] = scene.said();
    expect(again).toMatchObject({ type: 'withdraw', source: 'tokyo' });
    scene.withdrawn(again!);
    expect(scene.states()).toEqual([]);
    scene.pass(60_000);
    expect(scene.heard()).toEqual([]);
  });

  it('keeps its id while it is repeated, and is stored until it is done', () => {
    const scene = new Scene();
    const { first } = scene.establish();
    scene.report('tokyo', 'bad-spi', first.spi);
    const before = scene.said();
    scene.pass(250);
    const after = scene.said();
    expect(after.map((message) => message.id)).toEqual(before.map((message) => message.id));
    scene.withdrawn(before[0]!);
    expect([...scene.stored.values()]).toMatchObject([
      { state: 'withdrawing', halves: [{ withdrawn: true }, { withdrawn: false }] },
    ]);
    scene.withdrawn(before[1]!);
    expect(scene.stored.size).toBe(0);
  });

  it('cannot be confirmed by another router', () => {
    const scene = new Scene();
    const { first } = scene.establish();
    scene.report('tokyo', 'bad-spi', first.spi);
    const toTokyo = scene.said().find((message) => message.source === 'tokyo')!;
    scene.send({ type: 'withdrawn', id: toTokyo.id, source: 'kyoto', peer: '', kind: '' });
    expect([...scene.stored.values()]).toMatchObject([
      { halves: [{ withdrawn: false }, { withdrawn: false }] },
    ]);
  });

  it('ends by itself when the SAs would have ended anyway', () => {
    const scene = new Scene();
    const { first } = scene.establish();
    scene.report('tokyo', 'bad-spi', first.spi);
    scene.pass(3_660_000);
    expect(scene.states()).toEqual([]);
    expect(scene.stored.size).toBe(0);
  });

  it('does not stand in the way of a new request of the same pair and kind', () => {
    const scene = new Scene();
    const { first } = scene.establish();
    scene.report('tokyo', 'bad-spi', first.spi);
    const { toFirst } = scene.distribute();
    expect(toFirst.type).toBe('distribution');
  });

  it('names many ids in one message and no more than fit', () => {
    const scene = new Scene();
    for (let round = 0; round < 70; round += 1) scene.establish();
    scene.event({ kind: 'policies', policies: policySet(policy('other')) });
    const toTokyo = scene
      .said()
      .filter((message) => message.type === 'withdraw' && message.source === 'tokyo');
    expect(toTokyo.map((message) => message.type === 'withdraw' && message.ids.length)).toEqual([64, 6]);
  });
});

describe('a report', () => {
  it('of a bad SPI withdraws the pair when the server issued that SPI to the reporter', () => {
    const scene = new Scene();
    const { first, second } = scene.establish();
    scene.report('tokyo', 'bad-spi', second.spi);
    expect(scene.heard()).toEqual([]);
    scene.report('osaka', 'bad-spi', second.spi);
    expect(scene.heard()).toEqual(['withdraw -> tokyo', 'withdraw -> osaka']);
    expect(scene.audits('report')).toHaveLength(2);
    // Once it is withdrawn a repeated report does nothing more.
    scene.report('osaka', 'bad-spi', second.spi);
    expect(scene.heard()).toEqual([]);
    void first;
  });

  it('of a bad SPI does nothing while the distribution is still under way', () => {
    const scene = new Scene();
    const { second } = scene.distribute();
    scene.report('osaka', 'bad-spi', second.spi);
    expect(scene.states()).toEqual(['distributed']);
  });

  it('that there is no SPD entry refuses the requester at once', () => {
    const scene = new Scene();
    const request = scene.request('tokyo', 'osaka');
    scene.said();
    scene.send({
      type: 'report',
      id: request.id,
      source: 'osaka',
      peer: 'tokyo',
      kind: 'all',
      what: 'no-spd-entry',
      spi: 0,
      from: null,
      count: 1,
    });
    expect(scene.said()).toMatchObject([
      { type: 'refused', source: 'tokyo', reason: 'router osaka has no SPD entry for this' },
    ]);
    expect(scene.states()).toEqual([]);
  });

  it('that there is no SPD entry does not let a stranger refuse others’ requests', () => {
    const scene = new Scene();
    const request = scene.request('tokyo', 'osaka');
    scene.said();
    for (const source of ['kyoto', 'tokyo']) {
      scene.send({
        type: 'report',
        id: request.id,
        source,
        peer: 'osaka',
        kind: 'all',
        what: 'no-spd-entry',
        spi: 0,
        from: null,
        count: 1,
      });
    }
    expect(scene.heard()).toEqual([]);
    expect(scene.states()).toEqual(['half-empty']);
  });

  it('of disjoint selectors withdraws what was handed out', () => {
    const scene = new Scene();
    const { second } = scene.distribute();
    scene.report('osaka', 'selectors-disjoint', second.spi);
    expect(scene.heard()).toEqual(['withdraw -> tokyo', 'withdraw -> osaka']);
  });
});

describe('a hello', () => {
  it('is answered with the time', () => {
    const scene = new Scene();
    scene.said();
    scene.hello('tokyo', 'b1');
    expect(scene.said()).toMatchObject([{ type: 'welcome', timeMs: scene.now + 1_700_000_000_000 }]);
    expect(scene.storedRouters.get('tokyo')).toMatchObject({ boots: ['00000000000000b1'] });
  });

  it('with a new boot number withdraws that router’s earlier SAs at its peers', () => {
    const scene = new Scene({ policies: policySet(policy('all', { between: ['*', '*'] })) });
    for (const router of ['tokyo', 'osaka', 'kyoto']) scene.hello(router, 'b1');
    const withOsaka = scene.establish('tokyo', 'osaka');
    scene.establish('osaka', 'kyoto');
    scene.request('tokyo', 'kyoto');
    scene.said();
    scene.up('tokyo');
    scene.hello('tokyo', 'b2');
    expect(scene.said().filter((message) => message.type === 'withdraw')).toMatchObject([
      { source: 'osaka', ids: [withOsaka.second.id], reason: 'router tokyo was restarted' },
    ]);
    // Its pending request is over, the others' SAs are not touched.
    expect(scene.states().sort()).toEqual(['both-installed', 'withdrawing']);
  });

  it('with the same boot number, on a new channel, withdraws nothing', () => {
    const scene = new Scene();
    scene.hello('tokyo', 'b1');
    scene.establish();
    scene.up('tokyo');
    scene.hello('tokyo', 'b1');
    expect(scene.heard()).toEqual(['welcome -> tokyo']);
    expect(scene.states()).toEqual(['both-installed']);
  });

  it('of an earlier process, late, withdraws nothing', () => {
    const scene = new Scene();
    scene.hello('tokyo', 'b1');
    scene.up('tokyo');
    scene.hello('tokyo', 'b2');
    scene.establish();
    scene.up('tokyo');
    scene.hello('tokyo', 'b1');
    expect(scene.heard()).toEqual(['welcome -> tokyo']);
    expect(scene.states()).toEqual(['both-installed']);
  });

  it('that comes after requests of the same process leaves those requests alone', () => {
    const scene = new Scene();
    scene.hello('tokyo', 'b1');
    scene.up('tokyo');
    scene.request('tokyo', 'osaka');
    scene.hello('tokyo', 'b2');
    expect(scene.states()).toEqual(['half-empty']);
  });

  it('of a router that is not enrolled is not answered', () => {
    const scene = new Scene();
    scene.said();
    scene.up('nagoya', endpoint('192.0.2.9'));
    scene.hello('nagoya', 'b1');
    expect(scene.heard()).toEqual([]);
  });

  it('brings the startups that wait for the router', () => {
    const scene = new Scene();
    scene.request('tokyo', 'osaka');
    scene.said();
    scene.hello('osaka', 'b1');
    expect(scene.heard()).toEqual(['welcome -> osaka', 'request-startup -> osaka']);
  });
});

describe('a router that moves', () => {
  it('is announced to those that share SAs with it, three times, and to no one else', () => {
    const scene = new Scene({ policies: policySet(policy('all', { between: ['*', '*'] })) });
    scene.up('tokyo', places.tokyo, true);
    scene.establish('tokyo', 'osaka');
    scene.up('tokyo', endpoint('198.51.100.1', 7000), true);
    expect(scene.said()).toMatchObject([
      { type: 'endpoint', source: 'osaka', peer: 'tokyo', endpoint: endpoint('198.51.100.1', 7000) },
    ]);
    scene.pass(10_000);
    expect(scene.heard()).toEqual(['endpoint -> osaka', 'endpoint -> osaka']);
  });

  it('is announced later to a router that had no channel then', () => {
    const scene = new Scene();
    scene.establish();
    scene.down('osaka');
    scene.up('tokyo', endpoint('198.51.100.1', 7000));
    scene.pass(10_000);
    expect(scene.heard()).toEqual([]);
    scene.up('osaka');
    expect(scene.heard()).toEqual(['endpoint -> osaka']);
  });

  it('that stays where it is is not announced', () => {
    const scene = new Scene();
    scene.establish();
    scene.down('tokyo');
    scene.up('tokyo');
    scene.pass(10_000);
    expect(scene.heard()).toEqual([]);
  });
});

describe('new policies', () => {
  const web = policy('web', {
    selectors: [selector('0.0.0.0/0', '0.0.0.0/0', { protocol: 6, remotePorts: { first: 443, last: 443 } })],
  });

  it('touch nothing when they say the same', () => {
    const scene = new Scene();
    scene.establish();
    scene.request('tokyo', 'osaka');
    scene.said();
    scene.event({ kind: 'policies', policies: policySet() });
    expect(scene.heard()).toEqual([]);
    expect(scene.states()).toEqual(['both-installed', 'half-empty']);
  });

  it('withdraw the SAs of the kind that changed and delete its half-empty entries, and only those', () => {
    const scene = new Scene({ policies: policySet(web, policy('all')) });
    scene.establish('tokyo', 'osaka', { kind: 'web' });
    const all = scene.establish('tokyo', 'osaka', { kind: 'all' });
    const pending = scene.request('tokyo', 'osaka', { kind: 'all' });
    scene.said();
    scene.event({
      kind: 'policies',
      policies: policySet(web, policy('all', { revision: 2, lifetimeSeconds: 60 })),
    });
    const said = scene.said();
    expect(said).toMatchObject([
      { type: 'withdraw', source: 'tokyo', ids: [all.first.id, pending.id], reason: 'the policies changed' },
      { type: 'withdraw', source: 'osaka', ids: [all.second.id] },
    ]);
    for (const withdraw of said) scene.withdrawn(withdraw);
    expect(scene.server.table(scene.now)).toMatchObject([{ kind: 'web', state: 'both-installed' }]);
  });

  it('touch a kind before which another is put', () => {
    const scene = new Scene();
    scene.establish();
    scene.event({ kind: 'policies', policies: policySet(web, policy('all')) });
    expect(scene.states()).toEqual(['withdrawing']);
  });

  it('do not touch a kind after which another is put', () => {
    const scene = new Scene({ policies: policySet(web) });
    scene.establish('tokyo', 'osaka', { kind: 'web' });
    scene.event({ kind: 'policies', policies: policySet(web, policy('all')) });
    expect(scene.states()).toEqual(['both-installed']);
  });

  it('without a wildcard leave the pairs that have a policy of their own alone', () => {
    const any = policy('any', { between: ['*', '*'] });
    const scene = new Scene({ policies: policySet(any, policy('all')) });
    scene.establish('tokyo', 'osaka', { kind: 'all' });
    const gone = scene.establish('tokyo', 'kyoto', { kind: 'any' });
    scene.event({ kind: 'policies', policies: policySet(policy('all')) });
    expect(scene.said()).toMatchObject([{ ids: [gone.first.id] }, { ids: [gone.second.id] }]);
    scene.request('tokyo', 'kyoto', { kind: '', packet: packet('10.1.0.1', '10.3.0.1') });
    expect(scene.heard()).toEqual(['no-corresponding-entry -> tokyo']);
  });
});

describe('a restart of the server', () => {
  it('keeps what both ends have, without keys', () => {
    const before = new Scene();
    before.hello('tokyo', 'b1');
    const { first } = before.establish();
    before.pass(100_000);
    const scene = new Scene({ restartOf: before });
    expect(scene.server.table(scene.now)).toMatchObject([
      { state: 'both-installed', holdsKeys: false, remainingSeconds: 3500 },
    ]);
    // Either may have moved while the server was away.
    expect(scene.heard()).toEqual(['endpoint -> osaka', 'endpoint -> tokyo']);
    scene.hello('tokyo', 'b1');
    expect(scene.heard()).toEqual(['welcome -> tokyo']);
    scene.send(first);
    expect(scene.heard()).toEqual(['contents-inconsistent -> tokyo']);
    scene.pass(3_560_000);
    expect(scene.states()).toEqual([]);
  });

  it('withdraws what was not both-installed, as soon as the ends have channels', () => {
    const before = new Scene();
    const { first, second } = before.distribute();
    before.installed(first);
    const scene = new Scene({ restartOf: before, channels: [] });
    expect(scene.heard()).toEqual([]);
    scene.up('tokyo');
    expect(scene.said()).toMatchObject([{ type: 'withdraw', ids: [first.id] }]);
    scene.up('osaka');
    expect(scene.said()).toMatchObject([{ type: 'withdraw', ids: [second.id] }]);
  });

  it('says of routers that do not come back that they lost their channel by it', () => {
    const before = new Scene();
    before.establish();
    const scene = new Scene({ restartOf: before, channels: [] });
    scene.up('osaka');
    const standings = scene.server.standings().map(({ name, loss }) => [name, loss?.reason]);
    expect(standings).toEqual([
      ['tokyo', 'the setting server was restarted'],
      ['osaka', undefined],
      ['kyoto', 'the setting server was restarted'],
    ]);
    scene.down('osaka');
    // Nothing is withdrawn for a lost channel.
    expect(scene.states()).toEqual(['both-installed']);
    expect(scene.server.standings()[1]?.loss).toEqual({ at: scene.now, reason: 'no-response' });
  });

  it('goes on withdrawing what was being withdrawn', () => {
    const before = new Scene();
    const { first } = before.establish();
    before.report('tokyo', 'bad-spi', first.spi);
    before.withdrawn(before.said()[0]!);
    const scene = new Scene({ restartOf: before });
    expect(scene.heard()).toEqual(['withdraw -> osaka']);
  });

  it('withdraws what the policies no longer say', () => {
    const before = new Scene();
    before.establish();
    const scene = new Scene({
      restartOf: before,
      policies: policySet(policy('all', { lifetimeSeconds: 99 })),
    });
    expect(scene.heard().sort()).toEqual(['withdraw -> osaka', 'withdraw -> tokyo']);
  });

  it('remembers boot numbers: a router that was restarted meanwhile has lost its SAs', () => {
    const before = new Scene();
    before.hello('tokyo', 'b1');
    before.establish();
    const scene = new Scene({ restartOf: before });
    scene.said();
    scene.hello('tokyo', 'b2');
    expect(scene.heard().sort()).toEqual(['welcome -> tokyo', 'withdraw -> osaka']);
  });
});
