/** Which routers reach each other through which NATs, by the shipped shells in virtual time. */
import { describe, expect, it } from 'vitest';
import { Nat, type NatKind, natKinds } from './nat.ts';
import { type Network, packet, twoSites } from './network.ts';

const kinds = ['none', ...(Object.keys(natKinds) as NatKind[])] as const; // its own keys
type Kind = (typeof kinds)[number];

function network(tokyo: Kind, osaka: Kind, more: Parameters<typeof twoSites>[1] = {}): Network {
  const natOf = (kind: Kind, outside: string) => (kind === 'none' ? undefined : new Nat(kind, outside));
  const built = twoSites({ tokyo: natOf(tokyo, '192.0.2.77'), osaka: natOf(osaka, '198.51.100.77') }, more);
  built.pass(1);
  return built;
}

const tokyoSends = (on: Network, number: number) =>
  on.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', number));
const osakaSends = (on: Network, number: number) =>
  on.routers.get('osaka')?.send(packet('10.2.0.9', '10.1.0.9', number));
const numbersAt = (on: Network, router: string) =>
  on.delivered
    .filter((one) => one.router === router)
    .map((one) => new DataView(one.packet.buffer).getUint32(28));
const failures = (on: Network, router: string) =>
  on.routers
    .get(router)
    ?.router.settings.status()
    .entries.map(({ failure }) => failure);
const pairs = (on: Network, router: string) => on.routers.get(router)?.router.settings.status().pairs ?? [];

/** Mapping by destination at one end, and a filter that goes by ports at the other: neither ever knows the port to send to. */
const isHopeless = (a: Kind, b: Kind): boolean =>
  (a === 'symmetric' && (b === 'symmetric' || b === 'port restricted')) ||
  (b === 'symmetric' && a === 'port restricted');

const combinations = kinds.flatMap((a, index) => kinds.slice(index).map((b) => [a, b] as const));

describe('two routers, each behind a NAT or not,', () => {
  it.each(combinations.filter(([a, b]) => !isHopeless(a, b)))(
    '%s and %s: reach each other, and lose nothing, not even the first packet',
    (a, b) => {
      for (const [tokyo, osaka] of [
        [a, b],
        [b, a],
      ] as const) {
        const on = network(tokyo, osaka);
        tokyoSends(on, 1);
        on.pass(0.5);
        for (let number = 2; number <= 20; number++) {
          tokyoSends(on, number);
          osakaSends(on, number);
          on.pass(0.1);
          if (number === 10) on.routers.get('osaka')?.router.renew(undefined);
        }
        const all = Array.from({ length: 20 }, (_, index) => index + 1);
        expect(numbersAt(on, 'osaka')).toEqual(all);
        expect(numbersAt(on, 'tokyo')).toEqual(all.slice(1));
      }
    },
  );

  it.each(combinations.filter(([a, b]) => isHopeless(a, b)))(
    '%s and %s: find out that they do not, say so, and try rarely',
    (a, b) => {
      const on = network(a, b);
      tokyoSends(on, 1);
      on.pass(14);
      expect([...failures(on, 'tokyo')!, ...failures(on, 'osaka')!]).toEqual(['no response', 'no response']);
      const [path] = on.server?.processing.deadPaths(on.now) ?? [];
      expect(path).toMatchObject({ routers: ['tokyo', 'osaka'] });
      expect(path?.detail).toMatch(
        /^no path between the seen addresses 192\.0\.2\.77:31000 \(tokyo, behind a NAT\) and 198\.51\.100\.77:31000 \(osaka, behind a NAT\)$/,
      );
      expect(on.wire.filter(({ from }) => from === 'tokyo').length).toBeLessThan(16);
      expect(on.server?.processing.table(on.now)).toEqual([]);
      // A host that goes on trying, for ten minutes.
      const before = on.wire.length;
      for (let number = 2; number < 1200; number++) {
        tokyoSends(on, number);
        on.pass(0.5);
      }
      expect(numbersAt(on, 'osaka')).toEqual([]);
      // A set-up every 72 s at most: a back-off of 60 s and the tries, 12 from each end at most.
      expect(on.wire.length - before).toBeLessThan(24 * 12);
      expect(
        on.routers.get('tokyo')?.dropped.filter((reason) => reason === 'blocked').length,
      ).toBeGreaterThan(500);
    },
  );

  it('do not use transport mode, which would not survive the change of addresses', () => {
    const on = network('full cone', 'none', { mode: 'transport' });
    tokyoSends(on, 1);
    on.pass(2);
    const [entry] = on.routers.get('tokyo')?.router.settings.status().entries ?? [];
    expect(entry).toMatchObject({
      failure: 'refused',
      failureDetail:
        'router tokyo is behind a NAT, across which transport mode does not go: policy all needs mode tunnel',
    });
  });

  it('keep their mappings open while nobody talks', () => {
    const other = network('port restricted', 'port restricted');
    tokyoSends(other, 1);
    other.pass(100);
    const short = other.wire.filter(({ esp }) => esp.length === 1);
    expect(short.filter(({ from }) => from === 'tokyo').length).toBe(4);
    expect(short.filter(({ from }) => from === 'osaka').length).toBe(4);
  });
});

describe('a NAT that forgets its mappings', () => {
  it.each(kinds.filter((kind): kind is NatKind => kind !== 'none'))(
    '%s: the SAs move with it, and neither is set up anew',
    (kind) => {
      const nat = new Nat(kind, '192.0.2.77');
      const on = twoSites({ tokyo: nat });
      on.pass(1);
      tokyoSends(on, 1);
      on.pass(1);
      const before = pairs(on, 'tokyo').map(({ id }) => id);
      nat.rebind('192.0.2.78');
      tokyoSends(on, 2);
      on.pass(0.1);
      osakaSends(on, 3);
      on.pass(0.1);
      expect(numbersAt(on, 'osaka')).toEqual([1, 2]);
      expect(numbersAt(on, 'tokyo')).toEqual([3]);
      // Ten seconds of silence and the router asks the server, whose answer shows that the NAT did it again: the server moves, and
      // the peer is shown the new place by a dummy.
      on.pass(15);
      nat.rebind('192.0.2.79');
      on.pass(13);
      osakaSends(on, 4);
      on.pass(0.1);
      expect(numbersAt(on, 'tokyo')).toEqual([3, 4]);
      expect(pairs(on, 'tokyo').map(({ id }) => id)).toEqual(before);
    },
  );
});
