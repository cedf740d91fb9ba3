/**
 * Fills packet slots of the receiver: with what the router and the malicious peer sent (as it is, changed, again), with forged
 * packets, and with what is neither ESP nor AH. Notes for each packet what the checks must know. Nothing is allocated but by
 * `forgery.ts`.
 */
import type { PacketBatch } from '../../../host/dataplane/packet-batch.ts';
import type { SaProtocol } from '../../../host/model/security-association.ts';
import type { Random } from '../random.ts';
import {
  AH_SPI,
  ahOffset,
  equal,
  fitCarrier,
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_SOURCE,
  isSameToAh,
  passRouters,
} from './carrier.ts';
import { Forgery } from './forgery.ts';
import { InnerPacketWriter, write16 } from './inner-packet.ts';
import { mutateAh, mutateEsp, mutateIp } from './mutation.ts';
import { PairChoice } from './pair-choice.ts';
import { ANSWER_SPI, BATCH, PACKET_ROOM, spiOf, type World, WRITING_ROOM } from './world.ts';

const CAPTURES = 64;
/** More packets than an SA sees in a world. */
const BEYOND = 100_000n;

export class Arrivals {
  readonly #random: Random;
  readonly #world: World;
  readonly #pairs: PairChoice;
  readonly #writer: InnerPacketWriter;
  readonly #forgeries: readonly { readonly pair: number; readonly forgery: Forgery }[];
  /** ESP under the keys of AH, with numbers that AH will not come to. */
  readonly #espUnderAh: readonly Forgery[];
  /** ESP packets that were sent, to be sent again; and AH with its header, which has so many octets (0 for ESP). */
  readonly #captured = new Uint8Array(CAPTURES * PACKET_ROOM);
  readonly #capturedLength = new Uint16Array(CAPTURES);
  readonly #capturedHeader = new Uint16Array(CAPTURES);
  readonly #addresses = new Uint8Array(32);

  /** For each packet slot of the receiver: 1 where an octet was changed that the ICV covers, so that nobody may believe it. */
  readonly changed = new Uint8Array(BATCH);
  /** The same: 1 where the packet comes in turn and as it was sent, but for what routers may change, so that its ICV is right. */
  readonly intact = new Uint8Array(BATCH);
  /** The same: where in the packet its SPI is, or would be if it had one. */
  readonly spiAt = new Uint16Array(BATCH);
  /** High and low half of the highest sequence number forged, by pair. */
  readonly forgedHigh = new Uint32Array(256);
  readonly forgedLow = new Uint32Array(256);

  constructor(random: Random, world: World) {
    this.#random = random;
    this.#world = world;
    this.#pairs = new PairChoice(random, world.pairs);
    this.#writer = new InnerPacketWriter(random, world.receiver.batch.memory, world.firstPort);
    this.#forgeries = world.pairs
      .filter(({ origin }) => origin === 'forgery')
      .map((pair) => ({ pair: pair.index, forgery: new Forgery(random, pair) }));
    this.#espUnderAh = world.pairs
      .filter(({ protocol, proposal }) => protocol === 'ah' && proposal.integrity?.startsWith('hmac-'))
      .map((pair) => new Forgery(random, { ...pair, firstSequence: pair.firstSequence + BEYOND }));
    for (const { pair, forgery } of this.#forgeries) this.#noteForged(pair, forgery);
  }

  get hasForgeries(): boolean {
    return this.#forgeries.length > 0;
  }

  /** Carries what `from` sends out of its slot `sent` into slot `index` of the receiver, perhaps changed. */
  carry(from: PacketBatch, sent: number, index: number): void {
    const random = this.#random;
    const [start, offset] = [from.start(sent), ipsecOffset(from, sent)];
    if (random.oneIn(8)) this.#capture(from, sent);
    if (from.length(sent) - offset > WRITING_ROOM) {
      this.fillGarbage(index);
      return;
    }
    // A raw IPv4 socket gives its header too, and AH is nothing without. In transport mode the packet says which family it is.
    const needsHeader = from.isAh(sent) && (from.memory[start] ?? 0) >> 4 === 4;
    if (random.oneIn(2) && !needsHeader) this.#carryBare(from, sent, index, start + offset);
    else this.#carryWhole(from, sent, index, offset);
    const pair = this.#world.pairs[from.pairSpi(sent) - ANSWER_SPI];
    if (pair?.lostSubspaces !== 0) this.intact[index] = 0;
  }

  #carryBare(from: PacketBatch, sent: number, index: number, ipsecAt: number): void {
    const random = this.#random;
    const { batch } = this.#world.receiver;
    const at = batch.packetAddress(index);
    const [udp, ah] = [from.isUdp(sent), from.isAh(sent)];
    const start = from.start(sent);
    const headerLength = ipsecAt - start;
    const ipsecLength = from.length(sent) - headerLength;
    copy(from.memory, ipsecAt, batch.memory, at, ipsecLength);
    this.#begin(index, 0, ah);
    const length = this.#perhapsChanged(index, at, ipsecLength, ah);
    // Extension headers before AH are lost, so its ICV is wrong.
    const isWhole = !ah || headerLength === IPV6_HEADER;
    this.intact[index] = isWhole && this.changed[index] === 0 ? 1 : 0;
    const tos = random.oneIn(4) ? random.below(256) : 0;
    const family = ah || from.family(sent) === 6 ? 6 : 4;
    const port = udp ? (random.oneIn(20) ? random.below(65536) : 4500) : 0;
    // What the socket tells of the header; in transport mode that has the packet's own addresses, and AH answers for them.
    const peerAt = ah ? start + IPV6_SOURCE : from.localAddressAt(sent);
    const localAt = ah ? start + IPV6_DESTINATION : from.peerAddressAt(sent);
    batch.setInbound(index, length, family, udp, from.memory, peerAt, port, localAt, tos, ah);
  }

  #carryWhole(from: PacketBatch, sent: number, index: number, offset: number): void {
    const random = this.#random;
    const { batch } = this.#world.receiver;
    const { memory } = batch;
    const at = batch.packetAddress(index);
    const [start, sentLength, ah] = [from.start(sent), from.length(sent), from.isAh(sent)];
    copy(from.memory, start, memory, at, sentLength);
    this.#begin(index, offset, ah);
    if (random.oneIn(3)) passRouters(random, memory, at);
    const length = this.#perhapsChanged(index, at + offset, sentLength - offset, ah);
    this.intact[index] = 1 - (this.changed[index] ?? 0);
    fitCarrier(memory, at, at + offset, length, from.isUdp(sent));
    let whole = offset + length;
    if (random.oneIn(6)) {
      whole = mutateIp(random, memory, at, whole);
      // That may have undone what was done before.
      const isSame = ah
        ? isSameToAh(from.memory, start, memory, at, offset, sentLength)
        : equal(from.memory, start + offset, memory, at + offset, sentLength - offset);
      this.changed[index] = isSame ? 0 : 1;
      this.intact[index] = 0;
    }
    batch.setInboundWhole(index, whole);
  }

  /** A packet that nothing was done to, with ESP or AH at `offset`. */
  #begin(index: number, offset = 0, ah = false): void {
    this.changed[index] = 0;
    this.intact[index] = 0;
    this.spiAt[index] = offset + (ah ? AH_SPI : 0);
  }

  /** Changes octets of ESP or AH now and then. Returns the length. */
  #perhapsChanged(index: number, at: number, length: number, ah: boolean): number {
    const random = this.#random;
    if (!random.oneIn(3)) return length;
    const { memory } = this.#world.receiver.batch;
    this.changed[index] = 1;
    if (random.oneIn(12) && length >= 12) {
      writeSpi(memory, ah ? at + AH_SPI : at, this.#spiOf(ah ? 'esp' : 'ah'));
      return length;
    }
    return ah ? mutateAh(random, memory, at, length) : mutateEsp(random, memory, at, length);
  }

  /** The SPI of any SA of this protocol. */
  #spiOf(protocol: SaProtocol): number {
    return spiOf(this.#pairs.of(this.#random.oneIn(2) ? 'router' : 'peer', protocol));
  }

  #capture(from: PacketBatch, sent: number): void {
    const skipped = from.isAh(sent) ? 0 : ipsecOffset(from, sent);
    const length = from.length(sent) - skipped;
    if (length > WRITING_ROOM) return;
    const place = this.#random.below(CAPTURES);
    this.#capturedLength[place] = length;
    this.#capturedHeader[place] = from.isAh(sent) ? ipsecOffset(from, sent) : 0;
    copy(from.memory, from.start(sent) + skipped, this.#captured, place * PACKET_ROOM, length);
  }

  /** An authentic packet with a trailer that no engine writes, or under an SA that is of AH and must not take it, into slot `index` of the receiver. */
  fillForged(index: number): void {
    const { batch } = this.#world.receiver;
    if (this.#random.oneIn(8)) {
      const length = this.#random.pick(this.#espUnderAh).write(batch.memory, batch.packetAddress(index));
      this.#begin(index);
      this.changed[index] = 1;
      this.#setBare(index, length, false);
      return;
    }
    const one = this.#random.pick(this.#forgeries);
    const length = one.forgery.write(batch.memory, batch.packetAddress(index));
    this.#noteForged(one.pair, one.forgery);
    this.#begin(index);
    this.#setBare(index, length, false);
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
    this.#begin(index);
    switch (random.below(6)) {
      case 0: {
        // Packets that were sent before, as they were or changed.
        const place = random.below(CAPTURES);
        const length = this.#capturedLength[place] ?? 0;
        const header = this.#capturedHeader[place] ?? 0;
        copy(this.#captured, place * PACKET_ROOM, memory, at, length);
        this.#begin(index, header, header > 0);
        const changedLength = this.#perhapsChanged(index, at + header, length - header, header > 0);
        if (header === 0) {
          this.#setBare(index, changedLength, false);
          return;
        }
        fitCarrier(memory, at, at + header, changedLength, false);
        batch.setInboundWhole(index, header + changedLength);
        return;
      }
      case 1: {
        let length = this.#writer.write(at, WRITING_ROOM, this.#pairs.pick('peer'));
        if (random.oneIn(2)) length = mutateIp(random, memory, at, length);
        batch.setInboundWhole(index, length);
        return;
      }
      case 2:
        // Keepalives and what looks like them; IKE behind its marker.
        memory.fill(random.oneIn(2) ? 0xff : 0, at, at + 64);
        this.#setBare(index, random.oneIn(2) ? 1 : random.below(64), random.oneIn(8));
        return;
      case 3: {
        const spi = random.oneIn(2) ? this.#world.pendingSpi : random.uint32();
        const ah = random.oneIn(4);
        this.#randomOctets(at, 16);
        writeSpi(memory, ah ? at + AH_SPI : at, spi);
        this.#setBare(index, random.below(WRITING_ROOM), ah);
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
        const ah = random.oneIn(4);
        this.#begin(index, 0, ah);
        this.#randomOctets(at, 64);
        // A Payload Len that some AH may have.
        if (ah) memory[at + 1] = 2 + random.below(12);
        writeSpi(memory, at + (this.spiAt[index] ?? 0), this.#spiOf(ah === random.oneIn(4) ? 'esp' : 'ah'));
        this.changed[index] = 1;
        this.#setBare(index, random.below(random.oneIn(2) ? 80 : 1500), ah);
      }
    }
  }

  #randomOctets(at: number, count: number): void {
    const { memory } = this.#world.receiver.batch;
    for (let index = 0; index < count; index++) memory[at + index] = this.#random.uint32();
  }

  /** Bare ESP or AH from somewhere. */
  #setBare(index: number, length: number, ah: boolean): void {
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
      ah,
    );
  }
}

/** Octets before ESP or AH in a packet that is sent. */
function ipsecOffset(batch: PacketBatch, index: number): number {
  return batch.isAh(index)
    ? ahOffset(batch.memory, batch.start(index), batch.length(index))
    : batch.espStart(index) - batch.start(index);
}

function writeSpi(memory: Uint8Array, at: number, spi: number): void {
  write16(memory, at, spi >>> 16);
  write16(memory, at + 2, spi & 0xffff);
}

/** Octet by octet: most packets are so short that a view of them would cost more. */
function copy(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, length: number): void {
  for (let index = 0; index < length; index++) to[toAt + index] = from[fromAt + index] ?? 0;
}
