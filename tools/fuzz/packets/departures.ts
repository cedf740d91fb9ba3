/**
 * Fills packet slots of those that send: inner packets for the router, hostile payloads for the malicious peer. Nothing is
 * allocated.
 */
import type { Random } from '../random.ts';
import { carrierLength, writeCarrier } from './carrier.ts';
import { InnerPacketWriter, PROTOCOL_UDP, payloadLength, write16 } from './inner-packet.ts';
import { mutateIp } from './mutation.ts';
import { PairChoice } from './pair-choice.ts';
import { ANSWER_SPI, PACKET_ROOM, type World, WRITING_ROOM } from './world.ts';

const nextHeaders = [4, 41, 59, 6, 17, 1, 58, 0, 43, 44, 50, 51, 255];

export class Departures {
  readonly #random: Random;
  readonly #world: World;
  readonly #pairs: PairChoice;
  readonly #forSender: InnerPacketWriter;
  readonly #forPeer: InnerPacketWriter;

  constructor(random: Random, world: World) {
    this.#random = random;
    this.#world = world;
    this.#pairs = new PairChoice(random, world.pairs);
    this.#forSender = new InnerPacketWriter(random, world.sender.batch.memory, world.firstPort);
    this.#forPeer = new InnerPacketWriter(random, world.peer.batch.memory, world.firstPort);
  }

  /** A packet from the protected side into slot `index` of the sender, well-formed or not. Returns its length. */
  fillSender(index: number): number {
    const random = this.#random;
    const { batch } = this.#world.sender;
    const at = batch.packetAddress(index);
    const net = random.oneIn(20) ? random.pick(this.#world.otherNets) : this.#pairs.pick('router');
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
    return random.oneIn(3) ? random.uint32() : ANSWER_SPI + this.#pairs.pick('router');
  }

  /** A hostile payload into slot `index` of the malicious peer, which will protect it whatever it is. */
  fillPeer(index: number): void {
    const random = this.#random;
    const { batch } = this.#world.peer;
    const at = batch.packetAddress(index);
    const pair = this.#pairs.pick('peer');
    const family = this.#world.pairs[pair]?.family ?? 4;
    const payloadAt = at + carrierLength(family);
    let length = this.#forPeer.write(payloadAt, WRITING_ROOM - carrierLength(family), pair);
    let nextHeader = (batch.memory[payloadAt] ?? 0) >> 4 === 6 ? 41 : 4;
    if (this.#world.pairs[pair]?.mode === 'transport') {
      // What stands behind the header is as good a payload as any.
      nextHeader = random.pick(nextHeaders);
      length = Math.min(length, 8 + payloadLength(random));
      write16(batch.memory, payloadAt, this.#world.firstPort);
      write16(batch.memory, payloadAt + 2, this.#world.firstPort);
      if (random.oneIn(2)) nextHeader = PROTOCOL_UDP;
    } else if (random.oneIn(12)) {
      nextHeader = random.oneIn(2) ? random.pick(nextHeaders) : random.below(256);
    }
    if (!random.oneIn(3)) length = mutateIp(random, batch.memory, payloadAt, length);
    writeCarrier(batch.memory, at, family, pair, nextHeader, length);
    batch.setOutboundThrough(index, payloadAt - at + length, ANSWER_SPI + pair);
  }
}
