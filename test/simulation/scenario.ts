/**
 * What a seed stands for: routers and their networks, SPDs, distribution policies, how bad the network is, what goes wrong
 * and when. Drawn once; the world then plays it.
 */
import { type Address, addressOf } from '../../host/model/address.ts';
import type { DistributionPolicy, SpdEntry } from '../../host/model/policy.ts';
import { type Prefix, prefixOf } from '../../host/model/prefix.ts';
import type { Selector } from '../../host/model/selector.ts';
import { PolicySet } from '../../host/server/distribution-policies/policy-set.ts';
import type { PacketKind } from './inner-packet.ts';
import type { Prng } from './prng.ts';

/** How the network treats datagrams. */
export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly minimumMs: number;
  readonly maximumMs: number;
  /** Share of datagrams that come later than all others. */
  readonly stragglers: number;
}

export const fairWeather: Weather = { loss: 0, duplication: 0, minimumMs: 5, maximumMs: 15, stragglers: 0 };

/**
 * `calm`: nothing is lost and nothing changes, so every packet must arrive. `deaf`: setting messages are lost, packets are
 * not, so every packet must arrive unless a request failed. The others add one trouble each.
 */
export type Profile = 'calm' | 'deaf' | 'lossy' | 'crashes' | 'edits' | 'everything';

export interface Scenario {
  readonly profile: Profile;
  /** For setting messages. */
  readonly weather: Weather;
  /** For packets between routers. */
  readonly packetWeather: Weather;
  readonly names: readonly string[];
  readonly policies: PolicySet;
  readonly entries: ReadonlyMap<string, readonly SpdEntry[]>;
  readonly cuts: Cuts;
  /** Until it, traffic and troubles; after it, peace. */
  readonly durationMs: number;
  /** Mean time between two troubles of all kinds. */
  readonly troubleEveryMs: number;
  /** Messages go through the codec. */
  readonly usesCodec: boolean;
  /** Of the engine of each worker. */
  readonly saPairs: number;
  /** How many workers each router has. */
  readonly workers: ReadonlyMap<string, number>;
  /** Packets of one flow. */
  readonly packetEveryMs: number;
}

const names = ['tokyo', 'osaka', 'nagoya', 'sendai', 'kyoto', 'nara', 'kobe', 'sapporo'];

/** Draws the scenario; `routers`, `loss` and the `workers` of each router are drawn too where they are not given. */
export function drawScenario(
  prng: Prng,
  given: { readonly routers?: number; readonly loss?: number; readonly workers?: number },
): Scenario {
  const profile = drawProfile(prng);
  const isCalm = profile === 'calm';
  const count = given.routers ?? prng.pick([2, 2, 3, 3, 4]);
  const routers = Array.from({ length: count }, (_, index) => names[index] ?? `router-${index}`);
  const workers = new Map(routers.map((name) => [name, given.workers ?? prng.pick([1, 1, 1, 2, 3, 4])]));
  const lanes = Math.max(...workers.values());
  const cuts = drawCuts(prng, routers);
  const isStormy = !isCalm && prng.chance(0.8);
  const weather: Weather = {
    loss: isCalm ? 0 : (given.loss ?? (isStormy ? prng.between(0.02, 0.3) : 0)),
    duplication: isStormy ? prng.between(0, 0.2) : 0,
    minimumMs: prng.between(1, 20),
    maximumMs: prng.between(20, isStormy ? 200 : 60),
    stragglers: isStormy ? prng.between(0, 0.05) : 0,
  };
  return {
    profile,
    weather,
    packetWeather: profile === 'deaf' ? fairWeather : weather,
    names: routers,
    policies: drawPolicies(prng, routers, 1, isCalm || profile === 'deaf'),
    entries: new Map(routers.map((name) => [name, drawSpd(prng, name, routers, cuts)])),
    cuts,
    durationMs: prng.between(60_000, 240_000),
    troubleEveryMs:
      isCalm || profile === 'lossy' || profile === 'deaf'
        ? Number.POSITIVE_INFINITY
        : prng.between(6_000, 40_000),
    usesCodec: prng.chance(0.2),
    // Three kinds in two entries for each peer and lane, and their renewals.
    saPairs: 2 ** Math.max(6, Math.ceil(Math.log2(12 * lanes * count))),
    packetEveryMs: prng.between(800, 6_000),
    workers,
  };
}

function drawProfile(prng: Prng): Profile {
  return prng.pick<Profile>([
    'calm',
    'deaf',
    'lossy',
    'lossy',
    'crashes',
    'crashes',
    'edits',
    'everything',
    'everything',
  ]);
}

export function indexOf(name: string): number {
  const index = names.indexOf(name);
  return index >= 0 ? index : Number(name.slice('router-'.length));
}

/** The network behind a router, split in two halves where an SPD wants it. */
export function networkOf(name: string): Prefix {
  return prefixOf(addressOf(Uint8Array.of(10, indexOf(name) + 1, 0, 0)), 16);
}

export function hostOf(name: string, number: number): Uint8Array {
  return Uint8Array.of(10, indexOf(name) + 1, number % 2 === 0 ? 0 : 128, 1 + (number % 100));
}

/** Where the router is on the internet. */
export function outerAddress(name: string): Address {
  return addressOf(Uint8Array.of(203, 0, 113, indexOf(name) + 1));
}

const anyTransport = { protocol: null, localPorts: null, remotePorts: null, icmpType: null, icmpCode: null };

export const packetKinds: readonly PacketKind[] = [
  { protocol: 17, localPort: 40_000, remotePort: 53 },
  { protocol: 6, localPort: 40_001, remotePort: 443 },
  { protocol: 1, localPort: 8, remotePort: 0 },
  { protocol: 17, localPort: 40_002, remotePort: 9_999 },
];

/** Pairs of which one network is cut in halves, an SPD entry for each, at both ends alike: `a b` to whose network. */
export type Cuts = ReadonlyMap<string, string>;

function drawCuts(prng: Prng, routers: readonly string[]): Cuts {
  const cuts = new Map<string, string>();
  for (const name of routers) {
    for (const peer of routers) {
      if (name < peer && prng.chance(0.15)) cuts.set(`${name} ${peer}`, prng.pick([name, peer]));
    }
  }
  return cuts;
}

/**
 * The SPD of a router: an entry, or two, for each other router; now and then none, or one more in front that wants no
 * IPsec.
 */
export function drawSpd(prng: Prng, name: string, routers: readonly string[], cuts: Cuts): SpdEntry[] {
  return routers.flatMap((peer) =>
    peer === name ? [] : drawEntries(prng, name, peer, cuts.get([name, peer].sort().join(' '))),
  );
}

function drawEntries(prng: Prng, name: string, peer: string, cut: string | undefined): SpdEntry[] {
  const whole: Selector = { ...anyTransport, local: networkOf(name), remote: networkOf(peer) };
  const shape = prng.fraction();
  if (shape < 0.06) return [];
  const ping: SpdEntry[] =
    shape < 0.12
      ? [
          {
            name: `${peer}-ping`,
            selectors: [{ ...whole, protocol: 1 }],
            action: prng.pick(['BYPASS', 'DISCARD']),
          },
        ]
      : [];
  const selectors = cut === undefined ? [whole] : [0, 128].map((half) => halfOf(whole, cut === name, half));
  const protect = selectors.map(
    (selector, index): SpdEntry => ({
      name: cut === undefined ? `to-${peer}` : `to-${peer}-${index}`,
      selectors: [selector],
      action: 'PROTECT',
      requestPeer: peer,
    }),
  );
  return [...ping, ...protect];
}

function halfOf(whole: Selector, isLocal: boolean, half: number): Selector {
  const { address } = isLocal ? whole.local : whole.remote;
  const prefix = prefixOf(addressOf(Uint8Array.of(10, address.octets[1] ?? 0, half, 0)), 17);
  return isLocal ? { ...whole, local: prefix } : { ...whole, remote: prefix };
}

/** Distribution policies: one for all pairs, or some for pairs, of one to three kinds. */
export function drawPolicies(
  prng: Prng,
  routers: readonly string[],
  revision: number,
  isCalm: boolean,
): PolicySet {
  const policies: DistributionPolicy[] = [];
  const lifetimeSeconds = Math.round(prng.between(40, 240));
  const policy = (
    kind: string,
    between: readonly [string, string],
    selectors: readonly Selector[] | undefined,
  ): DistributionPolicy => ({
    kind,
    revision,
    between,
    selectors,
    protocol: 'esp',
    mode: 'tunnel',
    proposal: prng.pick(['aes256gcm16', 'aes128gcm16', 'aes128-sha256']),
    lifetimeSeconds,
    lifetimeOctets: undefined,
    lifetimePackets: !isCalm && prng.chance(0.3) ? BigInt(10 + prng.below(60)) : undefined,
    esn: prng.chance(0.5),
    replayWindow: 1024,
    encapsulation: prng.pick(['auto', 'udp', 'raw']),
    dscp: 'copy',
    dontFragment: 'copy',
    tfcPadding: 0,
    dummiesPerSecond: 0,
  });
  const everywhere = prefixOf(addressOf(Uint8Array.of(0, 0, 0, 0)), 0);
  const dns: Selector[] = [53].flatMap((port) => [
    {
      ...anyTransport,
      local: everywhere,
      remote: everywhere,
      protocol: 17,
      remotePorts: { first: port, last: port },
    },
    {
      ...anyTransport,
      local: everywhere,
      remote: everywhere,
      protocol: 17,
      localPorts: { first: port, last: port },
    },
  ]);
  const web: Selector[] = [{ ...anyTransport, local: everywhere, remote: everywhere, protocol: 6 }];
  const addKinds = (between: readonly [string, string], prefix: string): void => {
    if (prng.chance(0.4)) policies.push(policy(`${prefix}dns`, between, dns));
    if (prng.chance(0.3)) policies.push(policy(`${prefix}web`, between, web));
    if (prng.chance(0.9)) policies.push(policy(`${prefix}rest`, between, undefined));
  };
  const [first, second] = routers;
  if (first !== undefined && second !== undefined && prng.chance(0.3)) addKinds([first, second], 'pair-');
  if (first !== undefined && prng.chance(0.2)) addKinds([first, '*'], 'star-');
  addKinds(['*', '*'], '');
  return new PolicySet(
    routers.map((name) => ({ name, networks: [networkOf(name)], proposals: undefined })),
    policies,
  );
}
