/**
 * A rehearsal of the whole control side before the first packet: a router of its own talks to a server's end that exists only
 * here, through a real channel and the real codec; it asks, is answered and installs, again and again. It changes nothing
 * outside itself; what it leaves behind is compiled code, so that the first real packet waits as briefly as the hundredth.
 */
import { type ServerChannelAction, ServerChannels } from '../channel/server-channels.ts';
import { Dataplane } from '../dataplane/dataplane.ts';
import { SpiAllocator } from '../dataplane/spi-allocator.ts';
import { decodeRouterMessage, encodeMessage } from '../messages/codec.ts';
import { type Request, type RouterMessage, type ServerMessage, settingPort } from '../messages/message.ts';
import { addressOf, type Endpoint } from '../model/address.ts';
import { EventLog } from '../model/event-log.ts';
import type { SpdEntry } from '../model/policy.ts';
import { Secret } from '../model/secret.ts';
import type { Selector } from '../model/selector.ts';
import { packChange, unpackChange } from '../packet-loop/change-transfer.ts';
import type { LoopCommand, LoopEvent } from '../packet-loop/protocol.ts';
import { Router } from './router.ts';
import { defaultSettingTimers } from './setting-management/timers.ts';

const rounds = 40;
const capacities = {
  saPairs: 64,
  packetSlots: 1,
  heldPackets: 4,
  spdRows: 16,
  spdEntries: 4,
  bindingRows: 512,
};
type Random = (octets: number) => Uint8Array;

const local: Endpoint = { address: addressOf(Uint8Array.of(192, 0, 2, 1)), port: 4500 };
const server: Endpoint = { address: addressOf(Uint8Array.of(192, 0, 2, 2)), port: 4500 };
const peer: Endpoint = { address: addressOf(Uint8Array.of(192, 0, 2, 3)), port: 4500 };

const selector: Selector = {
  local: { address: addressOf(Uint8Array.of(10, 1, 0, 0)), length: 16 },
  remote: { address: addressOf(Uint8Array.of(10, 2, 0, 0)), length: 16 },
  protocol: null,
  localPorts: null,
  remotePorts: null,
  icmpType: null,
  icmpCode: null,
};
const entry: SpdEntry = { name: 'rehearsal', selectors: [selector], action: 'PROTECT', requestPeer: 'there' };

/**
 * Runs the rehearsal, in a fraction of a second. `random` gives unpredictable octets; the keys exist only here.
 *
 * @returns how many SA pairs were installed: as many as there are rounds
 */
export function rehearseRouter(random: Random): number {
  const inFlight: (() => void)[] = [];
  const time = { now: 0 };
  const key = random(32);
  const engine = new Dataplane({ random, capacities });
  const played = new ServerEnd(random, key, time, (datagram) => inFlight.push(() => arrive(datagram)));
  let installed = 0;

  /** What the packet loop would do with a command. */
  const obey = (command: LoopCommand): void => {
    if (command.kind === 'change') {
      installed += command.change.install?.filter(({ pair }) => pair.entry !== '').length ?? 0;
      const { change } = packChange(command.change);
      engine.change(unpackChange(structuredClone(change)), time.now);
    } else if (command.kind === 'send-ike') {
      const datagram = Uint8Array.of(0, 0, 0, 0, ...command.bytes);
      inFlight.push(() => played.receive(datagram));
    } else if (command.kind === 'send-inner') {
      const outcome = engine.outboundThrough(command.spi, command.packet, time.now);
      if (outcome.kind === 'send') inFlight.push(() => played.receive(outcome.esp));
    } else if (command.kind === 'release-held') engine.releaseHeld(command.entry, time.now);
  };
  const router = new Router({
    name: 'here',
    software: '',
    serverIdentity: 'rehearsal',
    server,
    local,
    preSharedKey: new Secret(key.slice()),
    entries: [entry],
    timers: defaultSettingTimers,
    proposals: ['aes256gcm16'],
    spiAllocator: new SpiAllocator(capacities.saPairs, () => new DataView(random(4).buffer).getUint32(0)),
    events: new EventLog('rehearsal'),
    ports: { post: obey, now: () => time.now, random, wakeAt: () => {}, log: () => {} },
  });
  const arrive = (datagram: Uint8Array): void => {
    const event = loopEvent(engine, datagram, time.now);
    if (event !== undefined) router.loopEvent(event);
  };
  const settle = (): void => {
    for (let next = inFlight.shift(); next !== undefined; next = inFlight.shift()) next();
  };

  router.start();
  settle();
  for (let round = 0; round < rounds; round++) {
    time.now += 10_000;
    if (round % 2 === 0) {
      engine.outbound(samplePacket(), time.now);
      router.loopEvent({ kind: 'engine', events: engine.drainEvents(), atMs: time.now });
    } else {
      played.startUp();
    }
    settle();
    played.withdraw();
    settle();
  }
  return installed;
}

/** What the packet loop would make of a datagram from the server. */
function loopEvent(engine: Dataplane, datagram: Uint8Array, now: number): LoopEvent | undefined {
  if (datagram[0] === 0 && datagram[1] === 0 && datagram[2] === 0 && datagram[3] === 0) {
    return { kind: 'ike', bytes: datagram.slice(4), from: server };
  }
  const arrival = { esp: datagram, from: server, to: local.address, encapsulation: 'udp', tos: 0 } as const;
  const outcome = engine.inbound(arrival, now);
  return outcome.kind === 'deliver' ? { kind: 'inner', packet: outcome.packet, spi: outcome.spi } : undefined;
}

/** The server's end: a real channel, and answers as a server with one policy would give them. */
class ServerEnd {
  readonly #random: Random;
  readonly #time: { readonly now: number };
  readonly #transmit: (datagram: Uint8Array) => void;
  readonly #engine: Dataplane;
  readonly #channels: ServerChannels;
  #lastId = '';

  constructor(
    random: Random,
    key: Uint8Array,
    time: { now: number },
    transmit: (datagram: Uint8Array) => void,
  ) {
    this.#random = random;
    this.#time = time;
    this.#transmit = transmit;
    this.#engine = new Dataplane({ random, capacities });
    const allocator = new SpiAllocator(capacities.saPairs, () => new DataView(random(4).buffer).getUint32(0));
    this.#channels = new ServerChannels({
      identity: 'rehearsal',
      credentialFor: () => new Secret(key.slice()),
      settingPort,
      random,
      allocateSpi: () => allocator.allocate(),
      releaseSpi: (spi) => allocator.release(spi),
    });
  }

  receive(datagram: Uint8Array): void {
    const { now } = this.#time;
    if (datagram[0] === 0 && datagram[1] === 0 && datagram[2] === 0 && datagram[3] === 0) {
      const bytes = datagram.subarray(4);
      this.#obey(this.#channels.handle({ kind: 'ike', bytes, from: local, to: server }, now));
      return;
    }
    const arrival = { esp: datagram, from: local, to: server.address, encapsulation: 'udp', tos: 0 } as const;
    const outcome = this.#engine.inbound(arrival, now);
    if (outcome.kind !== 'deliver') return;
    this.#obey(this.#channels.handle({ kind: 'inner', spi: outcome.spi, packet: outcome.packet }, now));
  }

  startUp(): void {
    this.#send({
      ...this.#about(this.#freshId()),
      type: 'request-startup',
      selectors: [selector],
      packet: null,
    });
  }

  withdraw(): void {
    this.#send({
      ...this.#about(this.#freshId()),
      type: 'withdraw',
      ids: [this.#lastId],
      reason: 'rehearsal',
    });
  }

  #obey(actions: readonly ServerChannelAction[]): void {
    for (const action of actions) {
      if (action.kind === 'send-ike') this.#transmit(Uint8Array.of(0, 0, 0, 0, ...action.bytes));
      else if (action.kind === 'change') this.#engine.change(action.change, this.#time.now);
      else if (action.kind === 'send-inner') {
        const outcome = this.#engine.outboundThrough(action.spi, action.packet, this.#time.now);
        if (outcome.kind === 'send') this.#transmit(outcome.esp);
      } else if (action.kind === 'setting') {
        const decoded = decodeRouterMessage(action.bytes);
        if (decoded.ok) this.#answer(decoded.value);
      }
    }
  }

  #answer(message: RouterMessage): void {
    const about = this.#about(message.id);
    if (message.type === 'hello') this.#send({ ...about, peer: '', kind: '', type: 'welcome', timeMs: 0 });
    else if (message.type === 'installed') this.#send({ ...about, type: 'both-installed' });
    else if (message.type === 'request') {
      this.#lastId = message.id;
      this.#send({ ...about, type: 'pending' });
      this.#send(this.#distribution(message));
    }
  }

  #distribution(request: Request): ServerMessage {
    const keys = () => ({
      encryptionKey: new Secret(this.#random(32)),
      authenticationKey: new Secret(new Uint8Array(0)),
      salt: new Secret(this.#random(4)),
    });
    return {
      ...this.#about(request.id),
      type: 'distribution',
      policy: {
        revision: 1,
        protocol: 'esp',
        mode: 'tunnel',
        proposal: 'aes256gcm16',
        esn: true,
        replayWindow: 1024,
        encapsulation: 'raw',
        dscp: 'copy',
        dontFragment: 'copy',
        lifetimeOctets: null,
        lifetimePackets: null,
      },
      outbound: { spi: (request.spi ^ 0x1000) >>> 0, ...keys() },
      inbound: { spi: request.spi, ...keys() },
      remainingSeconds: 3600,
      selectors: [selector],
      precedence: 0,
      precedents: [],
      peerEndpoint: peer,
    };
  }

  #send(message: ServerMessage): void {
    const bytes = encodeMessage(message);
    this.#obey(this.#channels.handle({ kind: 'send', router: 'here', bytes }, this.#time.now));
  }

  #about(id: string) {
    return { id, source: 'here', peer: 'there', kind: 'rehearsal' };
  }

  #freshId(): string {
    return Buffer.from(this.#random(8)).toString('hex');
  }
}

/** An IPv4 packet that the SPD entry is for, with a right header checksum. */
function samplePacket(): Uint8Array {
  const packet = new Uint8Array(28);
  const view = new DataView(packet.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, packet.length);
  packet[8] = 64;
  packet[9] = 253; // RFC 3692: for experiments
  packet.set([10, 1, 0, 9, 10, 2, 0, 9], 12);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  return packet;
}
