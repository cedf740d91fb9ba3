/**
 * The configuration files of the lab's server and routers, written as a person would write them: no trick that a real
 * network could not use. Pre-shared keys are random for each start and readable by their owner alone.
 *
 * Three sets: `everyday` with the defaults of every interval, `many` with a hundred small selectors for each pair of
 * routers and shortened intervals, for the scenarios about loss and about a peer that is down, and `open` with one policy for all.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Encapsulation } from '../../host/model/security-association.ts';
import type { LabOptions } from './options.ts';
import type { Place } from './place.ts';
import type { Site, TopologyPlan } from './topology-plan.ts';

export type ConfigurationSet = 'everyday' | 'many' | 'open';

export interface ConfigurationFiles {
  readonly server: string;
  /** By router name. */
  readonly routers: Readonly<Record<string, string>>;
}

/** Addresses of each site in the set `many`: their square is the number of SA pairs for each pair of routers. */
const smallAddresses = 10;

/** Intervals of the set `many`, in seconds: said in the report, since the defaults are longer. */
export const shortenedSeconds = {
  request: 1,
  startup: 0.5,
};

/** UDP port at osaka whose traffic is a kind of its own. */
export const telephonyPort = 5060;

/** Control socket of a router, or of the server. */
export function controlSocket(place: Place, name: string): string {
  return place.path(`${name}.sock`);
}

export interface PolicyForm extends Pick<LabOptions, 'saveKeys' | 'protocol'> {
  /** As policies write it; undefined leaves the default. */
  readonly proposal?: string;
  /** How ESP is carried; left out: as policies have it by themselves. */
  readonly encapsulation?: Encapsulation;
}

/** What policies say beyond their defaults. Wireshark 4.0 knows neither extended sequence numbers nor the default proposal. */
function formOf({ saveKeys, protocol, proposal, encapsulation }: PolicyForm): object {
  return {
    ...(proposal === undefined ? {} : { proposal }),
    ...(encapsulation === undefined ? {} : { encapsulation }),
    ...(protocol === 'ah' ? { protocol } : {}),
    ...(saveKeys === undefined ? {} : { esn: false, proposal: 'aes256gcm16' }),
  };
}

/** Writes one set of files with fresh credentials. */
export function writeConfiguration(
  place: Place,
  plan: TopologyPlan,
  set: ConfigurationSet,
  options: PolicyForm,
): ConfigurationFiles {
  const folder = place.path(set);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const server = join(folder, 'server.yaml');
  const routers: Record<string, string> = {};
  for (const site of plan.sites) {
    writeFileSync(join(folder, `${site.name}.psk`), randomBytes(32).toString('base64url'), { mode: 0o600 });
    routers[site.name] = join(folder, `${site.name}.yaml`);
    write(routers[site.name] as string, routerSettings(place, plan, site, set));
  }
  write(server, serverSettings(place, plan, set, formOf(options)));
  return { server, routers };
}

function write(path: string, settings: unknown): void {
  writeFileSync(path, stringify(settings), { mode: 0o600 });
}

function routerSettings(place: Place, plan: TopologyPlan, site: Site, set: ConfigurationSet): unknown {
  return {
    version: 1,
    name: site.name,
    credential: { preSharedKeyFile: `${site.name}.psk` },
    server: { address: plan.serverAddress, port: 4500, identity: 'server' },
    unprotected: { interface: 'wan0' },
    protected: { interfaces: ['lan0'] },
    controlSocket: controlSocket(place, site.name),
    ...(set === 'many' ? { timers: { requestIntervalSeconds: shortenedSeconds.request } } : {}),
    spd: plan.sites.filter((other) => other !== site).flatMap((other) => entriesFor(site, other, set)),
  };
}

function entriesFor(site: Site, peer: Site, set: ConfigurationSet): unknown[] {
  if (set === 'many') {
    return smallPairs(site, peer).map(([local, remote], index) => ({
      name: `${peer.name}-${index + 1}`,
      selector: { local: `${local}/32`, remote: `${remote}/32` },
      action: 'PROTECT',
      requestPeer: peer.name,
    }));
  }
  return [
    {
      name: `to-${peer.name}`,
      selector: { local: [site.network, site.network6], remote: [peer.network, peer.network6] },
      action: 'PROTECT',
      requestPeer: peer.name,
    },
  ];
}

function serverSettings(place: Place, plan: TopologyPlan, set: ConfigurationSet, form: object): unknown {
  return {
    version: 1,
    server: {
      identity: 'server',
      listen: [{ address: plan.serverAddress, port: 4500 }],
      database: place.path(`${set}.sqlite`),
      controlSocket: controlSocket(place, 'server'),
      ...(set === 'many' ? { timers: { startupIntervalSeconds: shortenedSeconds.startup } } : {}),
    },
    routers: plan.sites.map((site) => ({
      name: site.name,
      credential: { preSharedKeyFile: `${site.name}.psk` },
      networks: [site.network, site.network6],
    })),
    distributionPolicies: policiesOf(plan, set, form),
  };
}

function policiesOf(plan: TopologyPlan, set: ConfigurationSet, form: object): unknown[] {
  switch (set) {
    case 'everyday':
      return everydayPolicies(form);
    case 'many':
      return smallPolicies(plan.sites, form);
    case 'open':
      return [{ kind: 'all', between: ['*', '*'], ...form }];
  }
}

/** Two kinds of communication between tokyo and osaka, one between tokyo and nagoya, none between osaka and nagoya. */
function everydayPolicies(form: object): unknown[] {
  return [
    {
      kind: 'telephony',
      between: ['tokyo', 'osaka'],
      selectors: [{ protocol: 'udp', secondPorts: telephonyPort }],
      lifetime: { seconds: 600 },
      ...form,
    },
    { kind: 'tokyo-osaka', between: ['tokyo', 'osaka'], ...form },
    { kind: 'tokyo-nagoya', between: ['tokyo', 'nagoya'], ...form },
  ];
}

function smallPolicies(sites: readonly Site[], form: object): unknown[] {
  return pairsOf(sites).flatMap(([a, b]) =>
    smallPairs(a, b).map(([local, remote], index) => ({
      kind: `${a.name}-${b.name}-${index + 1}`,
      between: [a.name, b.name],
      selectors: [{ firstNetworks: `${local}/32`, secondNetworks: `${remote}/32` }],
      ...form,
    })),
  );
}

/** Every pair of sites once. */
export function pairsOf(sites: readonly Site[]): (readonly [Site, Site])[] {
  return sites.flatMap((a, index) => sites.slice(index + 1).map((b) => [a, b] as const));
}

/**
 * The address pairs of two sites that each get an SA pair of their own: every one of a few addresses here with every one
 * there. Few, because nftables takes a table as one message, which a user namespace may not make as long as it likes.
 */
export function smallPairs(a: Site, b: Site): (readonly [string, string])[] {
  const addressesOf = (site: Site) =>
    Array.from({ length: smallAddresses }, (_, index) =>
      site.extraNetwork.replace(/128\/25$/, String(128 + index)),
    );
  return addressesOf(a).flatMap((local) => addressesOf(b).map((remote) => [local, remote] as const));
}
