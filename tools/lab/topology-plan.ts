/**
 * What the lab's network looks like, as data: namespaces, links, addresses and routes. An internet in the middle forwards
 * between a setting server and three sites; each site is a router with a host behind it. The internet knows no way to the
 * sites' networks, and never needs one: whatever crosses it must have been encapsulated.
 *
 * Outer addresses are documentation prefixes (RFC 5737, RFC 3849), inner ones private and unique local (RFC 1918, RFC 4193).
 * topology.ts builds it; nothing here touches the machine.
 */
import { HostError } from '../../host/model/host-error.ts';
import type { Bridge } from './guest-wires.ts';
import { type NatKind, natKinds } from './nat/nat-kinds.ts';

/** A router's place: its WAN, the network behind it, and the host there. */
export interface Site {
  readonly name: string;
  readonly network: string;
  readonly network6: string;
  readonly routerAddress: string;
  readonly hostAddress: string;
  readonly hostAddress6: string;
  /** Addresses that the host answers to besides its own: 128 in a row, for many small selectors. */
  readonly extraNetwork: string;
  readonly wanAddress: string;
  /** Address by which the internet sees the router: its own, or that of the NAT in front of it. */
  readonly seenAs: string;
}

export interface LinkEnd {
  readonly namespace: string;
  readonly device: string;
  readonly addresses: readonly string[];
}

export interface Route {
  readonly namespace: string;
  readonly to: string;
  /** The next hop, or `local` for addresses that the namespace itself answers to. */
  readonly via: string;
}

export interface TopologyPlan {
  readonly namespaces: readonly { readonly name: string; readonly forwards: boolean }[];
  readonly links: readonly (readonly [LinkEnd, LinkEnd])[];
  readonly routes: readonly Route[];
  readonly sites: readonly Site[];
  readonly serverAddress: string;
  readonly nats: readonly NatPlan[];
  /** Of routers that are guests of QEMU (guest-wires.ts). */
  readonly bridges: readonly Bridge[];
}

/** A NAT in front of a router. */
export interface NatPlan {
  readonly namespace: string;
  readonly kind: NatKind;
  /** Towards the internet. */
  readonly device: string;
  readonly outside: readonly string[];
  /** The router's address behind it. */
  readonly inside: string;
}

export const internet = 'internet';
export const server = 'server';

/** Namespace of the host behind a router. */
export function hostOf(site: Site): string {
  return `${site.name}-host`;
}

interface Wan {
  readonly address: string;
  readonly gateway: string;
  readonly length: number;
  /** A second address, for a NAT that has several. */
  readonly more?: string;
}

const serverWan: Wan = { address: '192.0.2.10', gateway: '192.0.2.1', length: 24 };
const wans: readonly (readonly [string, Wan])[] = [
  ['tokyo', { address: '198.51.100.10', gateway: '198.51.100.1', length: 25 }],
  ['osaka', { address: '203.0.113.10', gateway: '203.0.113.1', length: 25 }],
  ['nagoya', { address: '203.0.113.138', gateway: '203.0.113.129', length: 25 }],
];

const siteNames: readonly string[] = wans.map(([name]) => name);

/** The address between a NAT and the router behind it. */
const behindNat: Wan = { address: '192.168.77.2', gateway: '192.168.77.1', length: 24 };

/**
 * The whole plan.
 *
 * @param natBefore name of the router that gets a port-translating NAT in front of it
 * @throws HostError USAGE when there is no such router
 */
export function planTopology(natBefore?: string): TopologyPlan {
  if (natBefore !== undefined && !siteNames.includes(natBefore)) {
    throw new HostError('USAGE', `--nat: expected one of ${siteNames.join(', ')}, found ${natBefore}`);
  }
  return planSites(wans, new Map(natBefore === undefined ? [] : [[natBefore, 'full-cone']]));
}

/** Two routers behind a NAT of each kind, and two behind none; `KIND-a` and `KIND-b`. */
export function planNats(): TopologyPlan {
  const kinds = ['none', ...natKinds].flatMap((kind) =>
    ['a', 'b'].map((which) => [`${kind}-${which}`, kind] as const),
  );
  const places = kinds.map(([name], index): [string, Wan] => {
    const at = (offset: number) => `198.51.100.${16 * index + offset}`;
    return [name, { address: at(2), gateway: at(1), length: 28, more: at(3) }];
  });
  const nats = kinds.flatMap(([name, kind]) =>
    natKinds.flatMap((one) => (one === kind ? [[name, one] as const] : [])),
  );
  return planSites(places, new Map(nats));
}

/** Two routers behind strict NATs of different kinds, and one behind none. */
export function planMoves(): TopologyPlan {
  return planSites(
    wans,
    new Map([
      ['tokyo', 'masquerade'],
      ['osaka', 'strict'],
    ]),
  );
}

function planSites(
  places: readonly (readonly [string, Wan])[],
  kinds: ReadonlyMap<string, NatKind>,
): TopologyPlan {
  const sites = places.map(([name, wan], index) => planSite(name, wan, index + 1, kinds.has(name)));
  const nats: NatPlan[] = [];
  const namespaces = [
    { name: internet, forwards: true },
    { name: server, forwards: false },
    ...sites.flatMap((site) => [
      { name: site.name, forwards: true },
      { name: hostOf(site), forwards: false },
    ]),
  ];
  const links = [internetLink(server, 'wan0', serverWan)];
  const routes: Route[] = [{ namespace: server, to: 'default', via: serverWan.gateway }];
  for (const [index, site] of sites.entries()) {
    const wan = places[index]?.[1] as Wan;
    const kind = kinds.get(site.name);
    if (kind !== undefined) {
      const namespace = `${site.name}-nat`;
      const outside = [wan.address, ...(wan.more === undefined ? [] : [wan.more])];
      nats.push({ namespace, kind, device: 'outside0', outside, inside: behindNat.address });
      namespaces.push({ name: namespace, forwards: true });
      links.push(internetLink(namespace, 'outside0', wan, site.name), natLink(namespace, site.name));
      routes.push({ namespace, to: 'default', via: wan.gateway });
      routes.push({ namespace: site.name, to: 'default', via: behindNat.gateway });
    } else {
      links.push(internetLink(site.name, 'wan0', wan));
      routes.push({ namespace: site.name, to: 'default', via: wan.gateway });
    }
    links.push(siteLink(site, index + 1));
    routes.push({ namespace: hostOf(site), to: 'default', via: site.routerAddress });
    routes.push({ namespace: hostOf(site), to: '::/0', via: routerAddress6(index + 1) });
    routes.push({ namespace: hostOf(site), to: site.extraNetwork, via: 'local' });
  }
  return { namespaces, links, routes, sites, serverAddress: serverWan.address, nats, bridges: [] };
}

function planSite(name: string, wan: Wan, number: number, natted: boolean): Site {
  return {
    name,
    network: `10.${number}.0.0/24`,
    network6: `fdca:5e1:${number}::/64`,
    routerAddress: `10.${number}.0.1`,
    hostAddress: `10.${number}.0.10`,
    hostAddress6: `fdca:5e1:${number}::10`,
    extraNetwork: `10.${number}.0.128/25`,
    wanAddress: natted ? behindNat.address : wan.address,
    seenAs: wan.address,
  };
}

function routerAddress6(number: number): string {
  return `fdca:5e1:${number}::1`;
}

function internetLink(
  namespace: string,
  device: string,
  wan: Wan,
  place = namespace,
): readonly [LinkEnd, LinkEnd] {
  return [
    { namespace: internet, device: `to-${place}`, addresses: [`${wan.gateway}/${wan.length}`] },
    {
      namespace,
      device,
      addresses: [wan.address, ...(wan.more === undefined ? [] : [wan.more])].map(
        (address) => `${address}/${wan.length}`,
      ),
    },
  ];
}

function natLink(nat: string, router: string): readonly [LinkEnd, LinkEnd] {
  return [
    { namespace: nat, device: 'inside0', addresses: [`${behindNat.gateway}/${behindNat.length}`] },
    { namespace: router, device: 'wan0', addresses: [`${behindNat.address}/${behindNat.length}`] },
  ];
}

function siteLink(site: Site, number: number): readonly [LinkEnd, LinkEnd] {
  return [
    {
      namespace: site.name,
      device: 'lan0',
      addresses: [`${site.routerAddress}/24`, `${routerAddress6(number)}/64`],
    },
    {
      namespace: hostOf(site),
      device: 'eth0',
      addresses: [`${site.hostAddress}/24`, `${site.hostAddress6}/64`],
    },
  ];
}
