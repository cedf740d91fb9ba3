/**
 * `sekisho policy count`: how much a person typed, next to what the same network takes with IPsec and IKE set by hand.
 * An IPsec policy and an IKE policy count one each, at the router and at the server: a router's file holds two (those of
 * its channel), its row in the server's file two more (the channel's other end), a distribution policy one. By hand it is
 * an IPsec and an IKE policy at each end of each pair that communicates. SPD selectors are needed either way and are
 * counted apart.
 */
import { intersectSelectorLists, mirrorSelector, type Selector } from '../../model/selector.ts';

/** What counts of a router's file. */
export interface CountedRouter {
  readonly name: string;
  readonly spd: readonly {
    readonly selectors: readonly Selector[];
    readonly action: string;
    readonly requestPeer?: string;
  }[];
}

/** What counts of the server's file. */
export interface CountedServer {
  readonly routers: readonly { readonly name: string }[];
  readonly distributionPolicies: readonly { readonly between: readonly [string, string] }[];
}

export interface SettingsCount {
  readonly routers: number;
  /** Pairs for which there is a distribution policy, wildcards counted out. */
  readonly pairs: number;
  /** With Sekisho: everything below together. */
  readonly typed: number;
  readonly atRouters: number;
  readonly atServerForRouters: number;
  readonly distributionPolicies: number;
  /** With IPsec and IKE set by hand for the same pairs. */
  readonly conventional: number;
  /** SPD entries that people typed at the routers whose files were given, in selectors; by hand they are the same. */
  readonly spdSelectors: number;
}

/** IPsec and IKE policy of the channel, at each of its ends. */
const settingsOfChannelEnd = 2;
/** IPsec and IKE policy at each of two ends. */
const settingsOfPairByHand = 4;

/** Counts the given files; routers that only the server's file knows count there alone. */
export function countSettings(
  server: CountedServer | undefined,
  routers: readonly CountedRouter[],
): SettingsCount {
  const names = new Set([
    ...(server?.routers ?? []).map((router) => router.name),
    ...routers.map((router) => router.name),
  ]);
  const pairs = server === undefined ? pairsOfSpds(routers) : pairsOfPolicies(server, names);
  const atRouters = routers.length * settingsOfChannelEnd;
  const atServerForRouters = (server?.routers.length ?? 0) * settingsOfChannelEnd;
  const distributionPolicies = server?.distributionPolicies.length ?? 0;
  return {
    routers: names.size,
    pairs,
    typed: atRouters + atServerForRouters + distributionPolicies,
    atRouters,
    atServerForRouters,
    distributionPolicies,
    conventional: pairs * settingsOfPairByHand,
    spdSelectors: routers.reduce(
      (sum, router) => sum + router.spd.reduce((inner, entry) => inner + entry.selectors.length, 0),
      0,
    ),
  };
}

/** Distinct pairs that some policy is for, each once, however many kinds it has. */
function pairsOfPolicies(server: CountedServer, names: ReadonlySet<string>): number {
  const partners = new Map<string, Set<string>>();
  const note = (a: string, b: string): void => {
    if (a === b) return;
    const [first, second] = a < b ? [a, b] : [b, a];
    const known = partners.get(first);
    if (known === undefined) partners.set(first, new Set([second]));
    else known.add(second);
  };
  for (const { between } of server.distributionPolicies) {
    const [first, second] = between;
    if (first === '*' && second === '*') return (names.size * (names.size - 1)) / 2;
    const named = first === '*' ? second : first;
    if (first === '*' || second === '*') for (const other of names) note(named, other);
    else note(first, second);
  }
  return [...partners.values()].reduce((sum, others) => sum + others.size, 0);
}

/** Without the server's file: pairs of which both ends ask for each other with selectors that meet. */
function pairsOfSpds(routers: readonly CountedRouter[]): number {
  let pairs = 0;
  routers.forEach((a, index) => {
    for (const b of routers.slice(index + 1)) {
      const asked = protectedFor(a, b.name);
      const askedByPeer = protectedFor(b, a.name).map(mirrorSelector);
      if (intersectSelectorLists(asked, askedByPeer).length > 0) pairs += 1;
    }
  });
  return pairs;
}

function protectedFor(router: CountedRouter, peer: string): readonly Selector[] {
  return router.spd
    .filter((entry) => entry.action === 'PROTECT' && entry.requestPeer === peer)
    .flatMap((entry) => entry.selectors);
}

/** The count for people. */
export function formatCount(count: SettingsCount): string {
  const { routers, pairs, typed, atRouters, atServerForRouters, distributionPolicies } = count;
  const rows: readonly (readonly [string, number])[] = [
    [
      `by hand: IPsec and IKE policy at both ends of ${pairs} pairs of ${routers} routers`,
      count.conventional,
    ],
    ['with Sekisho', typed],
    ["  at the routers: each one's channel", atRouters],
    ["  at the server: each router's channel", atServerForRouters],
    ['  at the server: distribution policies', distributionPolicies],
    ['SPD selectors at the routers, the same either way', count.spdSelectors],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${String(value).padStart(6)}`).join('\n');
}
