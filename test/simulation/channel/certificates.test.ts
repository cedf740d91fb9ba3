/** Certificates that end while a channel lives by them: months of an ordinary one, put into hours. */
import { describe, expect, it } from 'vitest';
import { certifiedWorld, hours, issue } from './certified-world.ts';
import type { World } from './world.ts';

/** Lines of the log but keepalives. */
const said = (world: World): string[] => world.log.filter((line) => line !== 'keepalive');

function passHours(world: World, count: number): void {
  const until = world.now + count * hours * 1000;
  while (world.now < until) world.pass(Math.min(hours, (until - world.now) / 1000));
}

describe("the server's certificate", () => {
  it('is warned of in the last third of its life, and its end is the end of the channel', () => {
    const world = certifiedWorld({ router: 300 * hours, server: 3 * hours });
    world.start();
    passHours(world, 1.9);
    expect(said(world)).toEqual(['server: tokyo up', 'router up']);
    expect(world.router.rekeyings(world.now)?.childSa.count).toBeGreaterThan(7);
    expect(world.router.certificates(world.now)).toEqual([
      { of: 'tokyo', state: 'valid', until: '2026-12-09 12:00:00 UTC', remainingSeconds: expect.any(Number) },
      {
        of: 'server',
        state: 'valid',
        until: '2026-11-27 03:00:00 UTC',
        remainingSeconds: expect.any(Number),
      },
    ]);
    world.log.length = 0;
    passHours(world, 0.8);
    expect(said(world)).toEqual([
      // A new channel shows that the server has no other one yet.
      'server: tokyo up',
      'router up',
      'router warns: the certificate of server, or one above it, ends at 2026-11-27 03:00:00 UTC: expected another before',
    ]);
    expect(world.router.certificates(world.now)[1]).toMatchObject({ of: 'server', state: 'ending' });
    world.log.length = 0;
    world.pass(3 * hours - world.now / 1000);
    expect(said(world)).toEqual([]);
    expect(world.routerPairs.size).toBeGreaterThan(0);
    world.pass(0.02);
    expect(said(world)[0]).toMatch(
      /^router down: certificate-expired: the certificate of server.* has ended/,
    );
    expect(world.routerPairs.size).toBe(0);
    world.pass(300);
    expect(world.router.state.state).not.toBe('up');
    expect(world.router.state.lastFailure).toContain('certificate-expired');
  });

  it('is exchanged in time without a word: the next channel comes before the old one ends', () => {
    const world = certifiedWorld({ router: 300 * hours, server: 3 * hours });
    world.start();
    passHours(world, 1.5);
    world.setServer(issue('server', 300 * hours, hours));
    world.log.length = 0;
    passHours(world, 2.5);
    expect(said(world)).toEqual(['server: tokyo up', 'router up']);
    expect(world.router.certificates(world.now)[1]).toMatchObject({ of: 'server', state: 'valid' });
    expect([world.routerPairs.size, world.serverPairs.size]).toEqual([1, 1]);
  });

  it('is warned of by the server itself, day by day', () => {
    // No router comes: this is between the server and its clock.
    const world = certifiedWorld({ router: 300 * hours, server: 300 * hours });
    const { validity } = issue('server', 90 * hours);
    world.serverActs(world.server.handle({ kind: 'own-certificate', validity }, world.now));
    const warnings = (): string[] => said(world).filter((line) => line.startsWith('server warns'));
    passHours(world, 59);
    expect(warnings()).toEqual([]);
    passHours(world, 26);
    expect(warnings()).toHaveLength(2);
    passHours(world, 6);
    expect(warnings()).toHaveLength(3);
    expect(warnings()[2]).toContain('the certificate of server, or one above it, has ended at');
    const other = issue('server', 300 * hours).validity;
    world.serverActs(world.server.handle({ kind: 'own-certificate', validity: other }, world.now));
    passHours(world, 30);
    expect(warnings()).toHaveLength(3);
  });
});

describe("a router's certificate", () => {
  it('ends the channel at the server, however often that was rekeyed, and lets no other come about', () => {
    const world = certifiedWorld({ router: 3 * hours, server: 300 * hours });
    world.start();
    passHours(world, 2.5);
    expect(world.router.state).toMatchObject({ state: 'up', setUps: 1 });
    expect(world.router.rekeyings(world.now)?.childSa.count).toBeGreaterThan(7);
    expect(said(world)).toContainEqual(
      expect.stringMatching(/^server warns: the certificate of tokyo, .* ends/),
    );
    expect(said(world)).toContainEqual(
      expect.stringMatching(/^router warns: the certificate of tokyo, .* ends/),
    );
    world.pass(3 * hours - world.now / 1000);
    expect(world.serverPairs.size).toBeGreaterThan(0);
    world.pass(0.02);
    expect(said(world)).toContainEqual(
      expect.stringMatching(/^server: tokyo down: certificate-expired: the certificate of tokyo/),
    );
    expect(world.serverPairs.size).toBe(0);
    passHours(world, 1);
    expect(world.serverPairs.size).toBe(0);
    expect(world.server.refusals['certificate-expired']).toBeGreaterThan(10);
    expect(world.router.state.lastFailure).toContain('authentication-failed');
  });

  it('ends within a minute when the clock of the server was set to a time after its end', () => {
    const world = certifiedWorld({ router: 100 * hours, server: 300 * hours });
    world.start();
    passHours(world, 1);
    world.epochUtcMs += 200 * hours * 1000;
    world.pass(61);
    expect(said(world)).toContainEqual(expect.stringMatching(/^server: tokyo down: certificate-expired/));
    expect(world.serverPairs.size).toBe(0);
  });
});
