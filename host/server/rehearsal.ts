/**
 * A rehearsal of the whole server before its first datagram: a server of its own, with a store in memory, serves two routers
 * that exist only here, through real channels and the real codec, again and again. It changes nothing outside itself; what
 * it leaves behind is compiled code, so that the first real packet waits as briefly as the hundredth.
 */
import { RouterChannel, type RouterChannelAction } from '../channel/router-channel.ts';
import { Dataplane } from '../dataplane/dataplane.ts';
import { SpiAllocator } from '../dataplane/spi-allocator.ts';
import { decodeServerMessage, encodeMessage, wipeMessage } from '../messages/codec.ts';
import { type RouterMessage, settingPort } from '../messages/message.ts';
import { addressOf, type Endpoint } from '../model/address.ts';
import { EventLog } from '../model/event-log.ts';
import type { DistributionPolicy } from '../model/policy.ts';
import { Secret } from '../model/secret.ts';
import type { PacketSelector, Selector } from '../model/selector.ts';
import { PolicySet } from './distribution-policies/policy-set.ts';
import { RequestProcessing } from './request-processing/request-processing.ts';
import { Server } from './server.ts';
import { SqliteStore } from './store/sqlite-store.ts';

const rounds = 40;
const capacities = {
  saPairs: 64,
  packetSlots: 1,
  heldPackets: 1,
  spdRows: 16,
  spdEntries: 4,
  bindingRows: 512,
};
type Random = (octets: number) => Uint8Array;

const serverEndpoint: Endpoint = { address: addressOf(Uint8Array.of(192, 0, 2, 1)), port: 4500 };
const network = (site: number) => ({ address: addressOf(Uint8Array.of(10, site, 0, 0)), length: 16 });

const policy: DistributionPolicy = {
  kind: 'rehearsal',
  revision: 1,
  between: ['*', '*'],
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
};

/**
 * Runs the rehearsal, in a fraction of a second. `random` gives unpredictable octets; the keys exist only here.
 *
 * @returns how many SA pairs were issued: as many as there are rounds
 */
export function rehearseServer(random: Random): number {
  const store = new SqliteStore(':memory:');
  const allocator = () =>
    new SpiAllocator(capacities.saPairs, () => new DataView(random(4).buffer).getUint32(0));
  const key = random(32);
  const stage = { now: 0, inFlight: [] as (() => void)[] };
  const routers = [1, 2].map((site) => ({
    name: `r${site}`,
    networks: [network(site)],
    proposals: undefined,
  }));
  const processing = new RequestProcessing({
    policies: new PolicySet(routers, [policy]),
    random,
    utcMsAt: (instant) => instant,
  });
  const players: Player[] = [];
  const server = new Server({
    identity: 'rehearsal',
    credentialFor: () => new Secret(key.slice()),
    processing,
    spiAllocator: allocator(),
    events: new EventLog('rehearsal'),
    ports: {
      engine: new Dataplane({ random, capacities }),
      send: (datagram, to) => {
        const copy = datagram.slice();
        stage.inFlight.push(() =>
          players.find((one) => one.local.address.octets[3] === to.address.octets[3])?.receive(copy),
        );
      },
      now: () => stage.now,
      random,
      wakeAt: () => {},
      commit: (change) => store.commit(change),
      audit: ({ what, router, peer, kindName, detail }) =>
        store.audit({ atUtcMs: 0, what, router, peer, kindName, detail }),
      log: () => {},
    },
  });
  const transmit = (datagram: Uint8Array, from: Endpoint) => {
    const copy = datagram.slice();
    stage.inFlight.push(() => server.datagram(copy, from, serverEndpoint));
  };
  for (const site of [1, 2]) {
    players.push(new Player(site, random, allocator(), new Secret(key.slice()), () => stage.now, transmit));
  }
  const settle = (): void => {
    for (let next = stage.inFlight.shift(); next !== undefined; next = stage.inFlight.shift()) next();
  };
  for (const player of players) player.start();
  settle();
  for (let round = 0; round < rounds; round++) {
    stage.now += 1000;
    players[round % 2]?.request(round);
    settle();
  }
  store.close();
  return processing.table(stage.now).filter(({ state }) => state === 'both-installed').length;
}

/** A router that asks, answers a startup and installs what it gets, without ever using it. */
class Player {
  readonly local: Endpoint;
  readonly #site: number;
  readonly #random: Random;
  readonly #now: () => number;
  readonly #transmit: (datagram: Uint8Array, from: Endpoint) => void;
  readonly #engine: Dataplane;
  readonly #channel: RouterChannel;
  #spi = 0x1000;

  constructor(
    site: number,
    random: Random,
    allocator: SpiAllocator,
    preSharedKey: Secret,
    now: () => number,
    transmit: (datagram: Uint8Array, from: Endpoint) => void,
  ) {
    this.local = { address: addressOf(Uint8Array.of(192, 0, 2, 10 + site)), port: 4500 };
    this.#site = site;
    this.#random = random;
    this.#now = now;
    this.#transmit = transmit;
    this.#engine = new Dataplane({ random, capacities });
    this.#channel = new RouterChannel({
      name: `r${site}`,
      serverIdentity: 'rehearsal',
      local: this.local,
      server: serverEndpoint,
      preSharedKey,
      settingPort,
      random,
      allocateSpi: () => allocator.allocate(),
      releaseSpi: (spi) => allocator.release(spi),
    });
  }

  start(): void {
    this.#obey(this.#channel.handle({ kind: 'start' }, this.#now()));
  }

  request(round: number): void {
    const peer = 3 - this.#site;
    const packet: PacketSelector = {
      local: addressOf(Uint8Array.of(10, this.#site, 0, 9)),
      remote: addressOf(Uint8Array.of(10, peer, 0, 9)),
      protocol: 17,
      localPort: round,
      remotePort: round,
      icmpType: null,
      icmpCode: null,
    };
    this.#ask(this.#freshId(), '', packet, null);
  }

  receive(datagram: Uint8Array): void {
    if (datagram[0] === 0 && datagram[1] === 0 && datagram[2] === 0 && datagram[3] === 0) {
      const bytes = datagram.subarray(4);
      this.#obey(
        this.#channel.handle({ kind: 'ike', bytes, from: serverEndpoint, to: this.local }, this.#now()),
      );
      return;
    }
    const arrival = {
      esp: datagram,
      from: serverEndpoint,
      to: this.local.address,
      encapsulation: 'udp',
      tos: 0,
    } as const;
    const outcome = this.#engine.inbound(arrival, this.#now());
    if (outcome.kind !== 'deliver') return;
    this.#obey(
      this.#channel.handle({ kind: 'inner', spi: outcome.spi, packet: outcome.packet }, this.#now()),
    );
  }

  #obey(actions: readonly RouterChannelAction[]): void {
    for (const action of actions) {
      if (action.kind === 'send-ike') this.#transmit(Uint8Array.of(0, 0, 0, 0, ...action.bytes), this.local);
      else if (action.kind === 'change') this.#engine.change(action.change, this.#now());
      else if (action.kind === 'send-inner') {
        const outcome = this.#engine.outboundThrough(action.spi, action.packet, this.#now());
        if (outcome.kind === 'send') this.#transmit(outcome.esp, this.local);
      } else if (action.kind === 'up') {
        const about = { id: this.#freshId(), source: `r${this.#site}`, peer: '', kind: '' };
        this.#send({
          ...about,
          type: 'hello',
          boot: this.#freshId(),
          proposals: ['aes256gcm16'],
          software: '',
        });
      } else if (action.kind === 'setting') this.#answer(action.bytes);
    }
  }

  #answer(bytes: Uint8Array): void {
    const decoded = decodeServerMessage(bytes);
    if (!decoded.ok) return;
    const { type, id, source, peer, kind } = decoded.value;
    if (type === 'request-startup') this.#ask(this.#freshId(), kind, null, id);
    if (type === 'distribution') this.#send({ type: 'installed', id, source, peer, kind });
    wipeMessage(decoded.value);
  }

  #ask(id: string, kind: string, packet: PacketSelector | null, startupId: string | null): void {
    const peer = 3 - this.#site;
    const about = { id, source: `r${this.#site}`, peer: `r${peer}`, kind };
    const selectors = [selectorOf(this.#site, peer)];
    this.#send({ ...about, type: 'request', spi: this.#spi++, selectors, packet, startupId });
  }

  #send(message: RouterMessage): void {
    this.#obey(this.#channel.handle({ kind: 'send', bytes: encodeMessage(message) }, this.#now()));
  }

  #freshId(): string {
    return Buffer.from(this.#random(8)).toString('hex');
  }
}

function selectorOf(local: number, remote: number): Selector {
  return {
    local: network(local),
    remote: network(remote),
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
}
