/**
 * The shipped shells in virtual time: routers and the setting server with real IKE, real ESP by the wasm engine and the real
 * codec, over a path of a fixed delay. Only sockets, TUN, disk and clocks are left out.
 */
import { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { Outcome } from '../../../host/dataplane/engine.ts';
import { SpiAllocator } from '../../../host/dataplane/spi-allocator.ts';
import { type Endpoint, equalAddresses, parseAddress } from '../../../host/model/address.ts';
import { sharedKey } from '../../../host/model/credentials.ts';
import { EventLog } from '../../../host/model/event-log.ts';
import type { DistributionPolicy, SpdEntry } from '../../../host/model/policy.ts';
import { type Prefix, parsePrefix } from '../../../host/model/prefix.ts';
import { proposals } from '../../../host/model/proposal.ts';
import { Secret } from '../../../host/model/secret.ts';
import type { Selector } from '../../../host/model/selector.ts';
import type { LoopCommand } from '../../../host/packet-loop/protocol.ts';
import { Router } from '../../../host/router/router.ts';
import { defaultSettingTimers } from '../../../host/router/setting-management/timers.ts';
import { PolicySet } from '../../../host/server/distribution-policies/policy-set.ts';
import type { StoredEntry } from '../../../host/server/management-table/entry.ts';
import type { StoredRouter } from '../../../host/server/request-processing/events.ts';
import { RequestProcessing } from '../../../host/server/request-processing/request-processing.ts';
import { Rollout } from '../../../host/server/rollout/rollout.ts';
import { Server } from '../../../host/server/server.ts';
import { seeded } from '../seeded-octets.ts';
import type { Nat } from './nat.ts';

const delayMs = 1;
const capacities = { saPairs: 64, heldPackets: 64, heldPerKey: 32, packetOctets: 10_496 };

export function endpoint(text: string, port = 4500): Endpoint {
  const address = parseAddress(text);
  if (!address.ok) throw new Error(address.message);
  return { address: address.value, port };
}

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

export function selector(local: string, remote: string): Selector {
  return {
    local: prefix(local),
    remote: prefix(remote),
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
}

const uint32 = (random: (octets: number) => Uint8Array) => () => Buffer.from(random(4)).readUInt32BE();

export class Network {
  now = 1_000_000;
  readonly delivered: { router: string; packet: Uint8Array; at: number }[] = [];
  readonly routers = new Map<string, SimulatedRouter>();
  /** Everything that was on the wire between two machines. */
  readonly wire: { from: string; to: string; esp: Uint8Array }[] = [];
  readonly serverEndpoint = endpoint('203.0.113.1');
  server: SimulatedServer | undefined;
  readonly #queue: { at: number; run: () => void }[] = [];

  /** Carries something to a machine, a delay later. */
  later(run: () => void): void {
    this.#queue.push({ at: this.now + delayMs, run });
  }

  /** The router that is seen at the address. */
  at({ address }: Endpoint): SimulatedRouter | undefined {
    return [...this.routers.values()].find(({ local, nat }) =>
      equalAddresses(address, nat?.outside ?? local.address),
    );
  }

  /** Something comes to where a router is, or its NAT. */
  arrive(bytes: Uint8Array, from: Endpoint, to: Endpoint, udp: boolean): void {
    const router = this.at(to);
    if (router === undefined) return;
    const passes =
      router.nat === undefined
        ? !udp || to.port === router.local.port
        : udp && router.nat.lets(from, to.port);
    if (passes) router.receive(bytes, from, udp);
  }

  /** Lets time pass, from one moment at which something happens to the next. */
  pass(seconds: number): void {
    const until = this.now + seconds * 1000;
    for (let steps = 0; ; steps++) {
      if (steps > 100_000) throw new Error('the network never comes to rest');
      const machines = [...this.routers.values(), ...(this.server === undefined ? [] : [this.server])];
      const due = machines.map((machine) => machine.wakeAt ?? Number.POSITIVE_INFINITY);
      const next = Math.min(this.#queue[0]?.at ?? Number.POSITIVE_INFINITY, ...due);
      if (next > until) break;
      this.now = Math.max(this.now, next);
      if ((this.#queue[0]?.at ?? Number.POSITIVE_INFINITY) <= this.now) this.#queue.shift()?.run();
      else machines.find((machine) => (machine.wakeAt ?? Number.POSITIVE_INFINITY) <= this.now)?.deadline();
    }
    this.now = until;
  }
}

export class SimulatedRouter {
  wakeAt: number | undefined;
  readonly name: string;
  local: Endpoint;
  readonly events: EventLog;
  dataplane: Dataplane;
  readonly router: Router;
  readonly dropped: string[] = [];
  /** Orders of the server to bring itself to another version. */
  readonly upgrades: { version: string; url: string }[] = [];
  /** What is between it and everybody else. */
  readonly nat: Nat | undefined;
  readonly #network: Network;

  constructor(
    network: Network,
    name: string,
    address: string,
    entries: readonly SpdEntry[],
    life = 1,
    nat?: Nat,
  ) {
    this.nat = nat;
    const random = seeded(`${name} ${life}`);
    this.name = name;
    this.#network = network;
    this.local = endpoint(address);
    this.events = new EventLog(name);
    this.dataplane = new Dataplane({ random, capacities });
    this.router = new Router({
      name,
      software: 'test',
      serverIdentity: 'server',
      server: network.serverEndpoint,
      local: this.local,
      credentials: sharedKey(new Secret(new TextEncoder().encode(`secret of ${name}`))),
      utcAtLeast: (instant) => instant,
      entries,
      timers: defaultSettingTimers,
      proposals: [...proposals.keys()],
      spiAllocator: new SpiAllocator(capacities.saPairs, uint32(random)),
      events: this.events,
      ports: {
        post: (command) => this.#obey(command),
        refusal: (change) => this.dataplane.refusal(change),
        now: () => network.now,
        random,
        wakeAt: (at) => {
          this.wakeAt = at;
        },
        log: () => {},
        upgrade: (version, url) => this.upgrades.push({ version, url }),
      },
    });
    network.routers.set(name, this);
    this.router.start();
  }

  deadline(): void {
    this.wakeAt = undefined;
    this.router.deadline();
  }

  /** The firmware traps, and is started anew without any SA. */
  loseEngine(): void {
    this.dataplane = new Dataplane({ random: seeded(`engine of ${this.name}`), capacities });
    this.router.loopEvent({ kind: 'engine-lost', reason: 'it trapped' });
  }

  /** Another uplink, or DHCP, gives it another address. */
  move(address: string): void {
    this.local = endpoint(address);
    this.router.move(this.local);
  }

  /** A packet of a host behind this router. */
  send(packet: Uint8Array): void {
    this.#carry(this.dataplane.outbound(packet, this.#network.now));
    this.#report();
  }

  receive(bytes: Uint8Array, from: Endpoint, udp: boolean): void {
    if (udp && bytes.length === 1) return;
    if (udp && bytes.length > 4 && bytes.subarray(0, 4).every((octet) => octet === 0)) {
      this.router.loopEvent({ kind: 'ike', bytes: bytes.subarray(4), from });
      return;
    }
    const arrival = {
      esp: bytes,
      from,
      to: this.local.address,
      encapsulation: udp ? 'udp' : 'raw',
      tos: 0,
    } as const;
    this.#carry(this.dataplane.inbound(arrival, this.#network.now));
    this.#report();
  }

  #obey(command: LoopCommand): void {
    const { now } = this.#network;
    if (command.kind === 'change') this.dataplane.change(command.change, now);
    else if (command.kind === 'release-held') {
      for (const outcome of this.dataplane.releaseHeld(command.entry, now)) this.#carry(outcome);
    } else if (command.kind === 'drop-held') {
      for (const _ of this.dataplane.dropHeld(command.entry)) this.dropped.push(command.entry);
    } else if (command.kind === 'send-ike') {
      this.#transmit(Uint8Array.of(0, 0, 0, 0, ...command.bytes), command.to, true);
    } else if (command.kind === 'send-keepalive') {
      this.#transmit(Uint8Array.of(0xff), command.to, true);
    } else if (command.kind === 'send-dummy') {
      this.#carry(this.dataplane.dummy(command.spi, 40, now));
    } else if (command.kind === 'send-inner') {
      this.#carry(this.dataplane.outboundThrough(command.spi, command.packet, now));
    }
    // Events wait for the next batch, as in the packet loop.
    this.#network.later(() => this.#report());
  }

  #report(): void {
    const events = this.dataplane.drainEvents();
    if (events.length > 0) this.router.loopEvent({ kind: 'engine', events, atMs: this.#network.now });
  }

  #carry(outcome: Outcome): void {
    const network = this.#network;
    if (outcome.kind === 'send') this.#transmit(outcome.esp, outcome.to, outcome.encapsulation === 'udp');
    else if (outcome.kind === 'dropped') this.dropped.push(outcome.reason);
    else if (outcome.kind === 'deliver') {
      if (outcome.to === 'host')
        this.router.loopEvent({ kind: 'inner', packet: outcome.packet, spi: outcome.spi });
      else network.delivered.push({ router: this.name, packet: outcome.packet, at: network.now });
    }
  }

  #transmit(bytes: Uint8Array, to: Endpoint, udp: boolean): void {
    const network = this.#network;
    const copy = Uint8Array.from(bytes);
    // What goes without ports does not get through a NAT.
    if (this.nat !== undefined && !udp) return;
    const from = this.nat?.outward(to) ?? this.local;
    const target = network.at(to);
    if (target !== undefined) network.wire.push({ from: this.name, to: target.name, esp: copy });
    network.later(() => {
      if (target !== undefined) network.arrive(copy, from, to, udp);
      else network.server?.server.datagram(copy, from, network.serverEndpoint);
    });
  }
}

export class SimulatedServer {
  wakeAt: number | undefined;
  readonly server: Server;
  readonly events = new EventLog('server');
  readonly processing: RequestProcessing;
  /** What outlives the process. */
  readonly disk: { entries: Map<string, StoredEntry>; routers: Map<string, StoredRouter> };

  constructor(
    network: Network,
    policies: PolicySet,
    disk: SimulatedServer['disk'] = { entries: new Map(), routers: new Map() },
    life = 1,
  ) {
    const random = seeded(`server ${life}`);
    this.disk = disk;
    this.processing = new RequestProcessing({
      policies,
      random,
      utcMsAt: (instant) => instant,
      entries: [...disk.entries.values()],
      routers: [...disk.routers.values()],
    });
    this.server = new Server({
      identity: 'server',
      credentialsFor: (name) => sharedKey(new Secret(new TextEncoder().encode(`secret of ${name}`))),
      utcAtLeast: (instant) => instant,
      processing: this.processing,
      rollout: new Rollout({ random, utcMsAt: (instant) => instant }),
      spiAllocator: new SpiAllocator(capacities.saPairs, uint32(random)),
      events: this.events,
      ports: {
        engine: new Dataplane({ random, capacities }),
        send: (datagram, to) => {
          const copy = Uint8Array.from(datagram);
          network.later(() => network.arrive(copy, network.serverEndpoint, to, true));
        },
        now: () => network.now,
        random,
        wakeAt: (at) => {
          this.wakeAt = at;
        },
        commit: (action) => {
          for (const key of action.remove) disk.entries.delete(key);
          for (const entry of action.put) disk.entries.set(entry.key, entry);
          for (const router of action.routers) disk.routers.set(router.name, router);
        },
        audit: () => {},
        log: () => {},
      },
    });
    network.server = this;
    this.server.start(this.processing.start(network.now));
  }

  deadline(): void {
    this.wakeAt = undefined;
    this.server.deadline();
  }
}

/** A policy with the defaults of the policy file. */
export function policy(
  kind: string,
  between: readonly [string, string],
  more: Partial<DistributionPolicy> = {},
): DistributionPolicy {
  return {
    kind,
    revision: 1,
    between,
    selectors: undefined,
    protocol: 'esp',
    mode: 'tunnel',
    proposal: 'aes256gcm16',
    lifetimeSeconds: 3600,
    lifetimeOctets: undefined,
    lifetimePackets: undefined,
    esn: true,
    replayWindow: 1024,
    encapsulation: 'auto',
    dscp: 'copy',
    dontFragment: 'copy',
    tfcPadding: 0,
    dummiesPerSecond: 0,
    ...more,
  };
}

/** Two sites, one policy for all, and a NAT before one or both. */
export function twoSites(
  nats: { readonly tokyo?: Nat | undefined; readonly osaka?: Nat | undefined } = {},
  more: Partial<DistributionPolicy> = {},
): Network {
  const network = new Network();
  const sites = [
    { name: 'tokyo', networks: [prefix('10.1.0.0/24')], proposals: undefined },
    { name: 'osaka', networks: [prefix('10.2.0.0/24')], proposals: undefined },
  ];
  new SimulatedServer(network, new PolicySet(sites, [policy('all', ['*', '*'], more)]));
  startTokyo(network, 1, nats.tokyo);
  startOsaka(network, 1, nats.osaka);
  return network;
}

export function startTokyo(network: Network, life = 1, nat?: Nat): SimulatedRouter {
  const entries = [siteEntry('osaka', '10.1.0.0/24', '10.2.0.0/24')];
  return new SimulatedRouter(network, 'tokyo', '192.0.2.1', entries, life, nat);
}

function siteEntry(requestPeer: string, local: string, remote: string): SpdEntry {
  return { name: `to-${requestPeer}`, selectors: [selector(local, remote)], action: 'PROTECT', requestPeer };
}

/** Two sites with `count` networks each, all of which one SPD entry names. */
export function manyNetworks(count: number): Network {
  const network = new Network();
  const nets = (site: number) => Array.from({ length: count }, (_, index) => `fd00:${site}:${index}::/64`);
  const names = ['tokyo', 'osaka'] as const;
  const sites = names.map((name, index) => ({
    name,
    networks: nets(index + 1).map(prefix),
    proposals: undefined,
  }));
  new SimulatedServer(network, new PolicySet(sites, [policy('all', ['*', '*'])]));
  for (const [index, name] of names.entries()) {
    const peer = 1 - index;
    const selectors = nets(index + 1).map((local, at) => selector(local, nets(peer + 1)[at] ?? ''));
    const requestPeer = names[peer] ?? '';
    const entries = [{ name: `to-${requestPeer}`, selectors, action: 'PROTECT', requestPeer }] as const;
    new SimulatedRouter(network, name, index === 0 ? '192.0.2.1' : '198.51.100.1', entries);
  }
  return network;
}

/** Two sites, each with an SPD entry for UDP alone and, behind it, one for everything. */
export function overlappingEntries(): Network {
  const network = new Network();
  const names = ['tokyo', 'osaka'] as const;
  const nets = ['fd00:1::/32', 'fd00:2::/32'] as const;
  const sites = names.map((name, index) => ({
    name,
    networks: [prefix(nets[index] ?? '')],
    proposals: undefined,
  }));
  new SimulatedServer(network, new PolicySet(sites, [policy('all', ['*', '*'])]));
  for (const [index, name] of names.entries()) {
    const requestPeer = names[1 - index] ?? '';
    const whole = selector(nets[index] ?? '', nets[1 - index] ?? '');
    const entries = [
      { name: 'udp', selectors: [{ ...whole, protocol: 17 }], action: 'PROTECT', requestPeer },
      { name: 'rest', selectors: [whole], action: 'PROTECT', requestPeer },
    ] as const;
    new SimulatedRouter(network, name, index === 0 ? '192.0.2.1' : '198.51.100.1', entries);
  }
  return network;
}

export function startOsaka(network: Network, life = 1, nat?: Nat): SimulatedRouter {
  const entries = [siteEntry('tokyo', '10.2.0.0/24', '10.1.0.0/24')];
  return new SimulatedRouter(network, 'osaka', '198.51.100.1', entries, life, nat);
}

/** An IPv4 packet with UDP, numbered so that it can be told from others. */
export function packet(source: string, destination: string, number: number): Uint8Array {
  const octets = new Uint8Array(20 + 8 + 4);
  const view = new DataView(octets.buffer);
  octets[0] = 0x45;
  view.setUint16(2, octets.length);
  octets[8] = 64;
  octets[9] = 17;
  octets.set(endpoint(source).address.octets, 12);
  octets.set(endpoint(destination).address.octets, 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~sum & 0xffff);
  view.setUint16(20, 7000);
  view.setUint16(22, 7001);
  view.setUint16(24, 12);
  view.setUint32(28, number);
  return octets;
}

/** A small IPv6 packet of a protocol without ports. */
export function packet6(source: string, destination: string): Uint8Array {
  const octets = new Uint8Array(44);
  octets[0] = 0x60;
  octets[5] = 4;
  octets[6] = 253; // RFC 3692: for experiments
  octets[7] = 64;
  octets.set(endpoint(source).address.octets, 8);
  octets.set(endpoint(destination).address.octets, 24);
  return octets;
}
