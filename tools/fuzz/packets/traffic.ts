/**
 * Fills packet slots: inner packets for the sender, hostile payloads for the malicious peer, and for the receiver what the two
 * sent (as it is, changed, again), forged or not ESP at all. Notes for each packet what the checks must know. Nothing is
 * allocated but by `forgery.ts`.
 */
import type { PacketBatch } from '../../../host/dataplane/packet-batch.ts';
import type { Random } from '../random.ts';
import { Forgery } from './forgery.ts';
import {
  InnerPacketWriter,
  PROTOCOL_UDP,
  payloadLength,
  read16,
  write16,
  writeCarrier,
  writeIpv4Checksum,
} from './inner-packet.ts';
import { mutateEsp, mutateIp } from './mutation.ts';
import { ANSWER_SPI, BATCH, PACKET_ROOM, SENT_SPI, type World } from './world.ts';

/** Mutations may stretch a packet, and write a little beyond what they say. */
const WRITING_ROOM = PACKET_ROOM - 256;
const CARRIER = 20;
const nextHeaders = [4, 41, 59, 6, 17, 1, 58, 0, 43, 44, 50, 255];
const CAPTURES = 64;

export class Traffic {
  readonly #random: Random;
  readonly #world: World;
  readonly #forSender: InnerPacketWriter;
  readonly #forPeer: InnerPacketWriter;
  readonly #forReceiver: InnerPacketWriter;
  readonly #routerPairs: readonly number[];
  readonly #peerPairs: readonly number[];
  readonly #forgeries: readonly { readonly pair: number; readonly forgery: Forgery }[];
  /** ESP packets that were sent, to be sent again. */
  readonly #captured = new Uint8Array(CAPTURES * PACKET_ROOM);
  readonly #capturedLength = new Uint16Array(CAPTURES);
  readonly #addresses = new Uint8Array(32);

  /** For each packet slot of the receiver: 1 where octets of ESP were changed, so that nobody may believe them. */
  readonly changed = new Uint8Array(BATCH);
  /** High and low half of the highest sequence number forged, by pair. */
  readonly forgedHigh = new Uint32Array(256);
  readonly forgedLow = new Uint32Array(256);

  constructor(random: Random, world: World) {
    this.#random = random;
    this.#world = world;
    const writer = (batch: PacketBatch) => new InnerPacketWriter(random, batch.memory, world.firstPort);
    this.#forSender = writer(world.sender.batch);
    this.#forPeer = writer(world.peer.batch);
    this.#forReceiver = writer(world.receiver.batch);
    const of = (origin: string) => world.pairs.filter((pair) => pair.origin === origin);
    this.#routerPairs = of('router').map((pair) => pair.index);
    this.#peerPairs = of('peer').map((pair) => pair.index);
    this.#forgeries = of('forgery').map((pair) => ({
      pair: pair.index,
      forgery: new Forgery(random, pair),
    }));
    for (const { pair, forgery } of this.#forgeries) this.#noteForged(pair, forgery);
  }

  get hasForgeries(): boolean {
    return this.#forgeries.length > 0;
  }

  /** A packet from the protected side into slot `index` of the sender, well-formed or not. Returns its length. */
  fillSender(index: number): number {
    const random = this.#random;
    const { batch } = this.#world.sender;
    const at = batch.packetAddress(index);
    const net = random.oneIn(20) ? random.pick(this.#world.otherNets) : random.pick(this.#routerPairs);
    let length = this.#forSender.write(at, WRITING_ROOM, net);
    if (random.oneIn(2)) length = mutateIp(random, batch.memory, at, length);
    if (random.oneIn(500)) length = PACKET_ROOM + 1 + random.below(random.oneIn(2) ? 64 : 0x7fffffff);
    if (random.oneIn(100) && length <= PACKET_ROOM) {
      // The engine fills dummies with zeros.
      batch.memory.fill(0, at, at + length);
      batch.setDummy(index, length, this.#throughSpi());
    } else if (random.oneIn(20)) batch.setOutboundThrough(index, length, this.#throughSpi());
    else batch.setOutbound(index, length);
    return length;
  }

  #throughSpi(): number {
    const random = this.#random;
    return random.oneIn(3) ? random.uint32() : ANSWER_SPI + random.pick(this.#routerPairs);
  }

  /** A hostile payload into slot `index` of the malicious peer, which will encrypt it whatever it is. */
  fillPeer(index: number): void {
    const random = this.#random;
    const { batch } = this.#world.peer;
    const at = batch.packetAddress(index);
    const pair = random.pick(this.#peerPairs);
    let length = this.#forPeer.write(at + CARRIER, WRITING_ROOM - CARRIER, pair);
    let nextHeader = (batch.memory[at + CARRIER] ?? 0) >> 4 === 6 ? 41 : 4;
    if (this.#world.pairs[pair]?.mode === 'transport') {
      // What stands behind the header is as good a payload as any.
      nextHeader = random.pick(nextHeaders);
      length = Math.min(length, 8 + payloadLength(random));
      write16(batch.memory, at + CARRIER, this.#world.firstPort);
      write16(batch.memory, at + CARRIER + 2, this.#world.firstPort);
      if (random.oneIn(2)) nextHeader = PROTOCOL_UDP;
    } else if (random.oneIn(12)) {
      nextHeader = random.oneIn(2) ? random.pick(nextHeaders) : random.below(256);
    }
    if (!random.oneIn(3)) length = mutateIp(random, batch.memory, at + CARRIER, length);
    writeCarrier(batch.memory, at, pair, nextHeader, length);
    batch.setOutboundThrough(index, CARRIER + length, ANSWER_SPI + pair);
  }

  /** Carries what `from` sends out of its slot `sent` into slot `index` of the receiver, perhaps changed. */
  carry(from: PacketBatch, sent: number, index: number): void {
    const random = this.#random;
    const { batch } = this.#world.receiver;
    const at = batch.packetAddress(index);
    const udp = from.isUdp(sent);
    const espLength = from.espLength(sent);
    this.changed[index] = 0;
    if (random.oneIn(8)) this.#capture(from, sent);
    if (espLength > WRITING_ROOM) {
      this.fillGarbage(index);
    } else if (random.oneIn(2)) {
      copy(from.memory, from.espStart(sent), batch.memory, at, espLength);
      const length = this.#perhapsChanged(index, at, espLength);
      const tos = random.oneIn(4) ? random.below(256) : 0;
      const family = from.family(sent) === 6 ? 6 : 4;
      const port = udp ? (random.oneIn(20) ? random.below(65536) : 4500) : 0;
      const [peerAt, localAt] = [from.localAddressAt(sent), from.peerAddressAt(sent)];
      batch.setInbound(index, length, family, udp, from.memory, peerAt, port, localAt, tos);
    } else {
      copy(from.memory, from.start(sent), batch.memory, at, from.length(sent));
      const espAt = at + from.espStart(sent) - from.start(sent);
      const length = this.#perhapsChanged(index, espAt, espLength);
      fitCarrier(batch.memory, at, espAt, length, udp);
      let whole = espAt - at + length;
      if (random.oneIn(6)) {
        whole = mutateIp(random, batch.memory, at, whole);
        // That may have undone what was done before.
        const isSame = equal(from.memory, from.espStart(sent), batch.memory, espAt, espLength);
        this.changed[index] = isSame ? 0 : 1;
      }
      batch.setInboundWhole(index, whole);
    }
  }

  /** Changes ESP octets now and then. Returns the length. */
  #perhapsChanged(index: number, at: number, length: number): number {
    if (!this.#random.oneIn(3)) return length;
    this.changed[index] = 1;
    return mutateEsp(this.#random, this.#world.receiver.batch.memory, at, length);
  }

  #capture(from: PacketBatch, sent: number): void {
    if (from.espLength(sent) > WRITING_ROOM) return;
    const place = this.#random.below(CAPTURES);
    this.#capturedLength[place] = from.espLength(sent);
    copy(from.memory, from.espStart(sent), this.#captured, place * PACKET_ROOM, from.espLength(sent));
  }

  /** An authentic packet with a trailer that no engine writes, into slot `index` of the receiver. */
  fillForged(index: number): void {
    const { batch } = this.#world.receiver;
    const one = this.#random.pick(this.#forgeries);
    const length = one.forgery.write(batch.memory, batch.packetAddress(index));
    this.#noteForged(one.pair, one.forgery);
    this.changed[index] = 0;
    this.#setBare(index, length);
  }

  #noteForged(pair: number, forgery: Forgery): void {
    this.forgedHigh[pair] = Number(forgery.sequence >> 32n);
    this.forgedLow[pair] = Number(forgery.sequence & 0xffff_ffffn);
  }

  /** Anything that a socket may give, into slot `index` of the receiver. */
  fillGarbage(index: number): void {
    const random = this.#random;
    const { batch } = this.#world.receiver;
    const { memory } = batch;
    const at = batch.packetAddress(index);
    this.changed[index] = 0;
    switch (random.below(6)) {
      case 0: {
        // Packets that were sent before, as they were or changed.
        const place = random.below(CAPTURES);
        const length = this.#capturedLength[place] ?? 0;
        copy(this.#captured, place * PACKET_ROOM, memory, at, length);
        this.#setBare(index, this.#perhapsChanged(index, at, length));
        return;
      }
      case 1: {
        let length = this.#forReceiver.write(at, WRITING_ROOM, random.pick(this.#peerPairs));
        if (random.oneIn(2)) length = mutateIp(random, memory, at, length);
        batch.setInboundWhole(index, length);
        return;
      }
      case 2:
        // Keepalives and what looks like them; IKE behind its marker.
        memory.fill(random.oneIn(2) ? 0xff : 0, at, at + 64);
        this.#setBare(index, random.oneIn(2) ? 1 : random.below(64));
        return;
      case 3: {
        const spi = random.oneIn(2) ? this.#world.pendingSpi : random.uint32();
        this.#randomOctets(at, 16);
        write16(memory, at, spi >>> 16);
        write16(memory, at + 2, spi & 0xffff);
        this.#setBare(index, random.below(WRITING_ROOM));
        return;
      }
      case 4:
        if (random.oneIn(20)) {
          batch.setInboundWhole(index, PACKET_ROOM + 1 + random.below(0x7fffffff));
          return;
        }
        this.#randomOctets(at, 64);
        batch.setInboundWhole(index, random.below(200));
        return;
      default: {
        // The SPI of an SA that there is, and nothing else of it.
        const spi = SENT_SPI + random.below(this.#world.pairs.length);
        this.#randomOctets(at, 64);
        write16(memory, at, spi >>> 16);
        write16(memory, at + 2, spi & 0xffff);
        this.changed[index] = 1;
        this.#setBare(index, random.below(random.oneIn(2) ? 80 : 1500));
      }
    }
  }

  #randomOctets(at: number, count: number): void {
    const { memory } = this.#world.receiver.batch;
    for (let index = 0; index < count; index++) memory[at + index] = this.#random.uint32();
  }

  /** Bare ESP from somewhere. */
  #setBare(index: number, length: number): void {
    const random = this.#random;
    const addresses = this.#addresses;
    addresses.fill(random.below(256));
    const family = random.oneIn(2) ? 6 : 4;
    const port = random.below(65536);
    this.#world.receiver.batch.setInbound(
      index,
      length,
      family,
      !random.oneIn(4),
      addresses,
      0,
      port,
      16,
      random.below(4),
    );
  }
}

/** Octet by octet: most packets are so short that a view of them would cost more. */
function copy(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, length: number): void {
  for (let index = 0; index < length; index++) to[toAt + index] = from[fromAt + index] ?? 0;
}

function equal(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let index = 0; index < length; index++) if (a[aAt + index] !== b[bAt + index]) return false;
  return true;
}

/** Makes the lengths of the headers before an ESP packet say what it has now. */
function fitCarrier(memory: Uint8Array, at: number, espAt: number, espLength: number, udp: boolean): void {
  const whole = espAt - at + espLength;
  if (udp) write16(memory, espAt - 4, 8 + espLength);
  if ((memory[at] ?? 0) >> 4 === 6) {
    write16(memory, at + 4, whole - 40);
  } else if (read16(memory, at + 2) !== whole) {
    write16(memory, at + 2, whole);
    writeIpv4Checksum(memory, at);
  }
}
