import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseRouterFile } from '../../../../host/router/settings-file.ts';
import { countSettings, formatCount } from '../../../../host/server/distribution-policies/count.ts';
import { parsePolicyFile } from '../../../../host/server/distribution-policies/policy-file.ts';

const names = (count: number) => Array.from({ length: count }, (_, index) => `router-${index + 1}`);
const network = (name: string) => `10.${name.split('-')[1]}.0.0/16`;

function serverFile(routers: readonly string[], distributionPolicies: readonly object[]): string {
  return stringify({
    version: 1,
    routers: routers.map((name) => ({
      name,
      credential: { preSharedKeyFile: `${name}.psk` },
      networks: [network(name)],
    })),
    distributionPolicies,
  });
}

function routerFile(name: string, peers: readonly string[]): string {
  return stringify({
    version: 1,
    name,
    credential: { preSharedKeyFile: `${name}.psk` },
    server: { address: '192.0.2.10' },
    unprotected: { interface: 'wan0' },
    spd: peers.map((peer) => ({
      name: `to-${peer}`,
      selector: { local: network(name), remote: network(peer) },
      action: 'PROTECT',
      requestPeer: peer,
    })),
  });
}

/** Counts real files of a fleet in which everyone talks to everyone, through the real parsers. */
function countFleet(size: number, policies: (fleet: readonly string[]) => object[]) {
  const fleet = names(size);
  const server = parsePolicyFile(serverFile(fleet, policies(fleet)), 'server.yaml');
  const routers = fleet.map((name) =>
    parseRouterFile(
      routerFile(
        name,
        fleet.filter((peer) => peer !== name),
      ),
      `${name}.yaml`,
    ),
  );
  return countSettings(server, routers);
}

const forEachPair = (fleet: readonly string[]) =>
  fleet.flatMap((a, index) => fleet.slice(index + 1).map((b) => ({ kind: 'all', between: [a, b] })));
const forAll = () => [{ kind: 'all', between: ['*', '*'] }];

describe('counting settings', () => {
  it('finds 180 by hand, 85 with a policy for each pair and 41 with one for all, for ten routers', () => {
    const perPair = countFleet(10, forEachPair);
    expect(perPair).toMatchObject({ routers: 10, pairs: 45, conventional: 180, typed: 85, spdSelectors: 90 });
    const shared = countFleet(10, forAll);
    expect(shared).toMatchObject({ routers: 10, pairs: 45, conventional: 180, typed: 41, spdSelectors: 90 });
  });

  it.each([2, 3, 5, 17])('follows 2n(n-1), n(n+7)/2 and 4n+1 for n = %i', (n) => {
    expect(countFleet(n, forEachPair)).toMatchObject({
      conventional: 2 * n * (n - 1),
      typed: (n * (n + 7)) / 2,
    });
    expect(countFleet(n, forAll)).toMatchObject({ conventional: 2 * n * (n - 1), typed: 4 * n + 1 });
  });

  it('counts a pair once, however many kinds it has, and a half wildcard for its router alone', () => {
    const count = countFleet(4, () => [
      { kind: 'a', between: ['router-1', 'router-2'] },
      { kind: 'b', between: ['router-2', 'router-1'] },
      { kind: 'c', between: ['router-1', '*'] },
    ]);
    expect(count).toMatchObject({ pairs: 3, conventional: 12, distributionPolicies: 3 });
  });

  it('counts routers’ files without the server’s by the pairs that ask for each other', () => {
    const ask = (name: string, ...peers: string[]) =>
      parseRouterFile(routerFile(name, peers), `${name}.yaml`);
    const count = countSettings(undefined, [
      ask('router-1', 'router-2', 'router-3'),
      ask('router-2', 'router-1'),
      ask('router-3'),
    ]);
    expect(count).toMatchObject({ routers: 3, pairs: 1, conventional: 4, typed: 6, spdSelectors: 3 });
  });

  it('shows SPD selectors as a line of their own', () => {
    expect(formatCount(countFleet(10, forAll)).split('\n')).toEqual([
      'by hand: IPsec and IKE policy at both ends of 45 pairs of 10 routers     180',
      'with Sekisho                                                              41',
      "  at the routers: each one's channel                                      20",
      "  at the server: each router's channel                                    20",
      '  at the server: distribution policies                                     1',
      'SPD selectors at the routers, the same either way                         90',
    ]);
  });
});
