/** The packet loop over the real engine and a fake interface, with an entry for each way of carrying ESP. */
import type { SaPair } from '../../../host/dataplane/engine.ts';
import type { SpdEntry } from '../../../host/model/policy.ts';
import { PacketLoop } from '../../../host/packet-loop/packet-loop.ts';
import type { LoopCommand, LoopEvent } from '../../../host/packet-loop/protocol.ts';
import { MemoryInterface, type MemorySocket } from '../../../host/rehearsal/memory-interface.ts';
import {
  address,
  pair,
  protect,
  pseudoRandom,
  referenceSa,
  type SaOptions,
  selector,
  smallCapacities,
} from '../../property/dataplane/engines.ts';
import { packetOf, UDP } from '../../property/dataplane/packets.ts';
import { referenceOpen, referenceSeal } from '../../property/dataplane/reference-esp.ts';

/** Ways of carrying ESP, by the third octet of the remote network. */
export const carriers = {
  udp: { network: '10.2.0.0/24', inbound: 0x1000, outbound: 0x2000, options: {} },
  raw: { network: '10.2.1.0/24', inbound: 0x1001, outbound: 0x2001, options: { encapsulation: 'raw' } },
  udp6: {
    network: '10.2.2.0/24',
    inbound: 0x1002,
    outbound: 0x2002,
    options: { local: '2001:db8::1', remote: '2001:db8::2' },
  },
  // There is no socket for it.
  raw6: {
    network: '10.2.3.0/24',
    inbound: 0x1003,
    outbound: 0x2003,
    options: { local: '2001:db8::1', remote: '2001:db8::2', encapsulation: 'raw' },
  },
} as const satisfies Record<
  string,
  { network: string; inbound: number; outbound: number; options: SaOptions }
>;

export type Carrier = keyof typeof carriers;

export const channelSpi = 0x1004;
export const channelSelectors = [selector('fd00::1/128', 'fd00::2/128')];

export class Rig {
  readonly posted: LoopEvent[] = [];
  readonly loop: PacketLoop;
  #kernel: MemoryInterface | undefined;
  #memory = new Uint8Array();

  constructor() {
    this.loop = new PacketLoop({
      icmpSources: [address('10.1.0.254')],
      unansweredSeconds: 60,
      engine: {
        random: (length) => pseudoRandom('loop', length),
        pathMtuOctets: 1500,
        capacities: { ...smallCapacities, packetSlots: 16 },
      },
      openInterface: (memory) => {
        this.#memory = new Uint8Array(memory);
        this.#kernel = new MemoryInterface(memory, address('192.0.2.1'), address('2001:db8::1'));
        return this.#kernel;
      },
    });
  }

  get kernel(): MemoryInterface {
    if (this.#kernel === undefined) throw new Error('the loop opened no interface');
    return this.#kernel;
  }

  /** Has the next read of the protected side bring this bundle, its header included. */
  offerBundle(bundle: Uint8Array): void {
    const { kernel } = this;
    const read = kernel.readInner.bind(kernel);
    kernel.readInner = (offset) => {
      kernel.readInner = read;
      this.#memory.set(bundle, offset);
      return bundle.length;
    };
  }

  /** Gives the loop a command. */
  command(command: LoopCommand): void {
    this.loop.obey(command);
  }

  /** Rounds until there is nothing to do. */
  settle(): void {
    for (let rounds = 0; this.loop.run() > 0; rounds++) {
      if (rounds > 1000) throw new Error('the loop never comes to rest');
    }
    this.posted.push(...this.loop.takeEvents());
  }

  /** The SPD alone. */
  withSpd(more: readonly SpdEntry[] = []): this {
    const entries = Object.entries(carriers).map(([name, { network }]) =>
      protect(name, [selector('10.1.0.0/16', network)]),
    );
    this.command({ kind: 'change', change: { spd: [...more, ...entries] } });
    this.settle();
    return this;
  }

  /** The SPD, and a pair in use for each entry. */
  withPairs(): this {
    this.withSpd();
    for (const carrier of Object.keys(carriers)) this.install(carrier as Carrier);
    return this;
  }

  install(carrier: Carrier): void {
    this.command({ kind: 'change', change: { install: [{ pair: pairOf(carrier), use: true }] } });
    this.settle();
  }

  ofKind<Kind extends LoopEvent['kind']>(kind: Kind): Extract<LoopEvent, { kind: Kind }>[] {
    return this.posted.filter((event): event is Extract<LoopEvent, { kind: Kind }> => event.kind === kind);
  }

  /** What the loop counted. */
  counters(): Readonly<Record<string, bigint>> {
    return this.loop.snapshot().counters;
  }
}

export function pairOf(carrier: Carrier): SaPair {
  const { inbound, outbound, options, network } = carriers[carrier];
  return pair(
    inbound,
    outbound,
    { ...options, selectors: [selector('10.1.0.0/16', network)] },
    { entry: carrier },
  );
}

/** A packet of a host here to a host behind the carrier's SA; the number is its source port. */
export function outwards(carrier: Carrier, number: number, octets = 40): Uint8Array {
  const destination = carriers[carrier].network.replace('0/24', '9');
  const payload = new Uint8Array(octets);
  return packetOf({ source: '10.1.0.9', destination, protocol: UDP, upper: [number, 53], payload });
}

/** The reverse. */
export function inwards(carrier: Carrier, number: number): Uint8Array {
  const source = carriers[carrier].network.replace('0/24', '9');
  return packetOf({ source, destination: '10.1.0.9', protocol: UDP, upper: [number, 53] });
}

/** The number of a packet made by `outwards` or `inwards`. */
export function numberOf(packet: Uint8Array): number {
  return Buffer.from(packet).readUInt16BE(20);
}

/** ESP of the peer with packet `number`, as it is on the wire. */
export function esp(carrier: Carrier, number: number): Uint8Array {
  return referenceSeal(referenceSa(carriers[carrier].inbound), BigInt(number), inwards(carrier, number), 4);
}

/** The packets in what a socket sent, opened by the reference. */
export function opened(socket: MemorySocket, carrier: Carrier): number[] {
  return socket.sent.map(({ bytes }) => {
    const inner = referenceOpen(referenceSa(carriers[carrier].outbound), bytes);
    if (inner === undefined) throw new Error('the reference does not open it');
    return numberOf(inner.payload);
  });
}
