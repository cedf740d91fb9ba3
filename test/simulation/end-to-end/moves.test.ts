/** Routers that get another address while they carry traffic, by the shipped shells in virtual time. */
import { describe, expect, it } from 'vitest';
import { formatEndpoint } from '../../../host/model/address.ts';
import { Nat } from './nat.ts';
import { type Network, packet, twoSites } from './network.ts';

const pairs = (on: Network, router: string) =>
  on.routers
    .get(router)
    ?.router.settings.status()
    .pairs.map(({ id }) => id);
const numbersAt = (on: Network, router: string) =>
  on.delivered
    .filter((one) => one.router === router)
    .map((one) => new DataView(one.packet.buffer).getUint32(28));
const placeOf = (on: Network, router: string) => {
  const channel = [...(on.server?.server.channels.channels() ?? [])].find((one) => one.router === router);
  return channel === undefined ? '' : formatEndpoint(channel.peer);
};

/** Packets both ways, one of each every 20 ms, while tokyo moves after a second. */
function flowWhile(on: Network, move: () => void): void {
  on.pass(1);
  for (let number = 1; number <= 200; number++) {
    if (number === 50) move();
    on.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', number));
    on.routers.get('osaka')?.send(packet('10.2.0.9', '10.1.0.9', number));
    on.pass(0.02);
  }
}

const all = Array.from({ length: 200 }, (_, index) => index + 1);

describe('a router whose address changes', () => {
  it.each([
    ['raw ESP', 'auto', undefined],
    ['ESP in UDP', 'udp', undefined],
    ['ESP in UDP, its peer behind a NAT', 'auto', new Nat('port restricted', '198.51.100.77')],
  ] as const)('goes on with the SAs that it has: %s', (_, encapsulation, osaka) => {
    const on = twoSites({ osaka }, { encapsulation });
    let before: unknown;
    flowWhile(on, () => {
      before = pairs(on, 'tokyo');
      on.routers.get('tokyo')?.move('192.0.2.99');
    });
    // Lost is what is under way to the old address, or meets a NAT before it is opened for the new one.
    const lostAt = (router: string) => all.filter((number) => !numbersAt(on, router).includes(number)).length;
    expect(lostAt('osaka')).toBe(osaka === undefined ? 0 : 1);
    expect(lostAt('tokyo')).toBeLessThanOrEqual(1);
    expect(pairs(on, 'tokyo')).toEqual(before);
    expect(pairs(on, 'osaka')?.length).toBe(1);
    expect(placeOf(on, 'tokyo')).toBe('192.0.2.99:4500');
    expect(on.routers.get('tokyo')?.router.channel.state).toMatchObject({ state: 'up', setUps: 1 });
  });

  it('tells its peers at once, though nobody sends anything', () => {
    const on = twoSites({}, { encapsulation: 'udp' });
    on.pass(1);
    on.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    on.pass(30);
    on.routers.get('tokyo')?.move('192.0.2.99');
    on.pass(0.1);
    on.routers.get('osaka')?.send(packet('10.2.0.9', '10.1.0.9', 2));
    on.pass(0.1);
    expect(numbersAt(on, 'tokyo')).toEqual([2]);
  });

  it('is let in by a NAT before its peer, which is silent', () => {
    const on = twoSites({ osaka: new Nat('port restricted', '198.51.100.77') });
    on.pass(1);
    on.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    on.pass(1);
    on.routers.get('tokyo')?.move('192.0.2.99');
    on.pass(0.1);
    on.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 2));
    on.pass(0.1);
    expect(numbersAt(on, 'osaka')).toEqual([1, 2]);
  });

  it('has its SAs of AH made anew, since AH covers the address', () => {
    const on = twoSites({}, { protocol: 'ah', proposal: 'sha256' });
    on.pass(1);
    on.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    on.pass(1);
    const before = pairs(on, 'tokyo');
    on.routers.get('tokyo')?.move('192.0.2.99');
    on.pass(1);
    expect(pairs(on, 'tokyo')).toEqual([]);
    on.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 2));
    on.pass(1);
    expect(pairs(on, 'tokyo')).not.toEqual(before);
    expect(pairs(on, 'tokyo')?.length).toBe(1);
  });
});
