import { describe, expect, it } from 'vitest';
import type { RouterChannel } from '../../../host/channel/router-channel.ts';
import { encodeLostState } from '../../../host/ike/lost-state.ts';
import { seeded } from '../seeded-octets.ts';
import { endpoint, serverEndpoint, text, World } from './world.ts';

/** 0 to 1, the same for the same number. */
const seededShare = (number: number): number => (seeded(String(number))(1)[0] ?? 0) / 256;

describe('the channel', () => {
  it('comes up in two round trips and carries setting messages both ways', () => {
    const world = new World();
    world.start();
    world.pass(0.021);
    expect(world.log).toEqual(['server: tokyo up', 'router up']);
    world.routerActs(world.router.handle({ kind: 'send', bytes: text('request') }, world.now));
    world.serverActs(
      world.server.handle({ kind: 'send', router: 'tokyo', bytes: text('answer') }, world.now),
    );
    world.pass(0.01);
    expect(world.settings).toEqual(['server got request of tokyo', 'router got answer']);
  });

  it('gives both ends the same keys, crosswise', () => {
    const world = new World();
    world.start();
    world.pass(1);
    const [router] = world.routerPairs.values();
    const [server] = world.serverPairs.values();
    expect(router?.inbound.spi).toBe(server?.outbound.spi);
    expect(router?.inbound.keys.encryptionKey.reveal()).toEqual(server?.outbound.keys.encryptionKey.reveal());
    expect(router?.outbound.keys.salt.reveal()).toEqual(server?.inbound.keys.salt.reveal());
    expect(router?.outbound.keys.encryptionKey.reveal()).not.toEqual(
      router?.inbound.keys.encryptionKey.reveal(),
    );
  });

  it('does not come up with a wrong key, and tries again ever more slowly', () => {
    const world = new World({ routerKey: 'wrong' });
    world.start();
    world.pass(300);
    expect(world.log).toEqual([]);
    expect(world.router.state.state).not.toBe('up');
    expect(world.router.state.lastFailure).toContain('authentication-failed');
    expect(world.server.refusals['authentication-failed']).toBeGreaterThan(4);
    expect(world.server.refusals['authentication-failed']).toBeLessThan(30);
  });

  it('finds a restarted server out as soon as an answer is missing', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.server = world.newServer('second life');
    world.log.length = 0;
    world.routerActs(world.router.handle({ kind: 'unanswered' }, world.now));
    world.pass(0.05);
    expect(world.log).toEqual(['server: tokyo up', 'router up']);
    expect(world.routerPairs.size).toBe(1);
  });

  it('follows the notice of a restarted server, but believes only what is authenticated', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.log.length = 0;
    const notice = {
      kind: 'ike',
      bytes: encodeLostState(),
      from: serverEndpoint,
      to: world.routerEndpoint,
    } as const;
    world.routerActs(world.router.handle(notice, world.now));
    world.pass(5);
    expect(world.log, 'a forged notice costs a question').toEqual([]);
    world.server = world.newServer('second life');
    world.routerActs(world.router.handle(notice, world.now));
    world.pass(0.05);
    expect(world.log).toEqual(['server: tokyo up', 'router up']);
  });

  it('asks after silence, gives a dead server up and comes back when it is there again', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.pathIsOpen = false;
    world.pass(60);
    expect(world.log).toContain('router down: no-response');
    world.pathIsOpen = true;
    world.log.length = 0;
    world.pass(45);
    expect(world.log.filter((line) => line !== 'keepalive')).toEqual(['server: tokyo up', 'router up']);
  });

  it('keeps a NAT mapping open while it is idle', () => {
    const world = new World();
    world.start();
    world.pass(119);
    expect(world.log.filter((line) => line === 'keepalive')).toHaveLength(5);
  });

  it('rekeys its CHILD SA before its lifetime ends, without a new set-up', () => {
    const world = new World({ lifetimeSeconds: 1000 });
    world.start();
    world.pass(1);
    const [before] = world.routerPairs.keys();
    world.pass(900);
    const [after] = world.routerPairs.keys();
    expect(after).not.toBe(before);
    expect(world.log.filter((line) => line.startsWith('router '))).toEqual(['router up']);
    expect(world.router.state).toMatchObject({ setUps: 1 });
    expect(world.router.rekeyings(world.now)).toMatchObject({ childSa: { count: 1 }, ikeSa: { count: 0 } });
    expect(world.routerPairs.size).toBe(1);
    expect(world.serverPairs.size).toBe(1);
  });

  it.each([
    ['the router', { lifetimeSeconds: 1000 }],
    ['the server', { lifetimeSeconds: 100_000, serverLifetimeSeconds: 1000 }],
  ])('rekeys both SAs all day from %s, and loses no setting message', (_, options) => {
    const world = new World(options);
    world.start();
    world.pass(1);
    // Often enough that messages are under way in every part of a rekeying.
    for (let message = 0; message < 20_000; message++) {
      world.talk();
      world.pass(message % 2 === 0 ? 0.003 : 8.6 * seededShare(message));
    }
    world.pass(1);
    expect(world.settings.length).toBe(2 * world.asked);
    expect(world.router.state.setUps).toBe(1);
    const { ikeSa, childSa } = world.router.rekeyings(world.now)!;
    expect(childSa.count).toBeGreaterThan(40);
    expect(ikeSa.count).toBeGreaterThan(10);
    // Both ends count the same.
    const [atServer] = world.server.channels();
    expect(atServer?.rekeyings(world.now)).toMatchObject({ ikeSa: { count: ikeSa.count } });
    expect([world.routerPairs.size, world.serverPairs.size]).toEqual([1, 1]);
  });

  it('rekeys either SA at once when a person wants it, from either end', () => {
    const world = new World();
    world.start();
    world.routerActs(world.router.handle({ kind: 'rekey', what: 'child' }, world.now)); // there is no channel yet
    world.pass(1);
    for (const what of ['child', 'ike-sa'] as const) {
      world.routerActs(world.router.handle({ kind: 'rekey', what }, world.now));
      world.pass(1);
      world.serverActs(world.server.handle({ kind: 'rekey', router: 'tokyo', what }, world.now));
      world.serverActs(world.server.handle({ kind: 'rekey', router: 'osaka', what }, world.now));
      world.pass(1);
    }
    world.talk();
    world.pass(1);
    expect(world.settings.length).toBe(2);
    expect(world.router.state.setUps).toBe(1);
    const counts = { ikeSa: { count: 2 }, childSa: { count: 2 } };
    expect(world.router.rekeyings(world.now)).toMatchObject(counts);
    expect([...world.server.channels()].map((one) => one.rekeyings(world.now))).toMatchObject([counts]);
  });

  it('rekeys its CHILD SA when its octets or sequence numbers are used up', () => {
    const world = new World();
    world.start();
    world.pass(1);
    const [spi] = world.routerPairs.keys();
    world.routerActs(world.router.handle({ kind: 'soft-lifetime', spi: spi ?? 0 }, world.now));
    world.pass(10);
    expect([...world.routerPairs.keys()]).not.toContain(spi);
    const [atServer] = world.serverPairs.keys();
    world.serverActs(world.server.handle({ kind: 'soft-lifetime', spi: atServer ?? 0 }, world.now));
    world.pass(10);
    expect(world.router.state).toMatchObject({ setUps: 1 });
    expect(world.router.rekeyings(world.now)).toMatchObject({ childSa: { count: 2 }, ikeSa: { count: 0 } });
  });

  it('is set up anew beside the old one where rekeying is refused', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.log.length = 0;
    const [spi] = world.routerPairs.keys();
    world.serverIsFull = true;
    world.routerActs(world.router.handle({ kind: 'soft-lifetime', spi: spi ?? 0 }, world.now));
    world.pass(0.012);
    world.serverIsFull = false;
    world.pass(1);
    expect(world.log).toEqual(['server: tokyo up', 'router up']);
    expect(world.router.state).toMatchObject({ setUps: 2 });
    expect(world.router.rekeyings(world.now)).toMatchObject({ childSa: { count: 0 }, ikeSa: { count: 0 } });
    expect([...world.routerPairs.keys()]).not.toContain(spi);
    expect([world.routerPairs.size, world.serverPairs.size]).toEqual([1, 1]);
  });

  it('stays up while neither rekeying nor a new set-up is possible', () => {
    const world = new World({ lifetimeSeconds: 1000, serverLifetimeSeconds: 100_000 });
    world.start();
    world.pass(1);
    world.serverIsFull = true;
    world.pass(940);
    world.talk();
    world.serverIsFull = false;
    world.pass(60);
    expect(world.settings.length).toBe(2);
    expect(world.router.state).toMatchObject({ state: 'up', setUps: 2 });
    expect(world.log.filter((line) => line.startsWith('router down'))).toEqual([]);
  });

  it('gives every SPI back, whatever became of a rekeying', () => {
    const world = new World({ lifetimeSeconds: 100 });
    world.start();
    for (let round = 0; round < 60; round++) {
      world.serverIsFull = round % 5 === 0;
      world.pathIsOpen = round % 7 !== 3;
      world.pass(60);
    }
    world.serverIsFull = false;
    world.pathIsOpen = true;
    world.pass(120);
    expect([world.routerPairs.size, world.serverPairs.size]).toEqual([1, 1]);
    expect([world.routerAllocator.available, world.serverAllocator.available]).toEqual([15, 15]);
  });

  it('moves with the router when authentic packets come from another address', () => {
    const world = new World();
    world.start();
    world.pass(1);
    const [spi] = world.serverPairs.keys();
    const from = endpoint('198.51.100.77', 61234);
    const actions = world.server.handle({ kind: 'peer-moved', spi: spi ?? 0, from }, world.now);
    expect(actions).toEqual([
      { kind: 'change', change: { move: [{ spi, peer: from }] } },
      { kind: 'up', router: 'tokyo', endpoint: from, behindNat: false },
    ]);
  });

  it('is given up by the server when the router is gone without a word', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.log.length = 0;
    // The router's process is killed: nothing of it acts or is answered any more.
    world.router = { nextDeadline: () => undefined, handle: () => [] } as unknown as RouterChannel;
    world.pass(59);
    expect(world.log).toEqual([]);
    world.pass(30);
    expect(world.log).toEqual(['server: tokyo down: no-response']);
    expect(world.serverPairs.size).toBe(0);
  });

  it('ends for a router that is expelled', () => {
    const world = new World();
    world.start();
    world.pass(1);
    world.serverActs(world.server.handle({ kind: 'expel', router: 'tokyo' }, world.now));
    // At once: whoever does not answer the delete is cut off all the same.
    expect(world.log).toContain('server: tokyo down: expelled');
    expect(world.serverPairs.size).toBe(0);
    world.pass(0.1);
    expect(world.log.some((line) => line.startsWith('router down'))).toBe(true);
  });
});
