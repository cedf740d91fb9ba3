/**
 * Runs one world: batches of packets through the sender's outbound and the receiver's inbound path, checked after every run.
 * Everything follows from seed and world number. Now and then a batch is watched: its packets run one at a time, with the
 * rest of their slots filled, and state is compared before and after each.
 */
import { DROP_ICV } from '../../../firmware/abi/drop-code.ts';
import {
  VERDICT_DELIVER,
  VERDICT_DELIVER_HOST,
  VERDICT_DROP,
  VERDICT_SEND,
} from '../../../firmware/abi/verdict.ts';
import type { PacketBatch } from '../../../host/dataplane/packet-batch.ts';
import { proposalWarnings } from '../../../host/model/proposal.ts';
import { Random } from '../random.ts';
import { Arrivals } from './arrivals.ts';
import { AH_SPI, ahOffset, isCarrierRight } from './carrier.ts';
import { Violation, Watch } from './checks.ts';
import { Departures } from './departures.ts';
import { holdsMarker, RECEIVING_NET, read16, SENDING_NET } from './inner-packet.ts';
import { add, emptyTally, type Tally } from './tally.ts';
import { ANSWER_SPI, BATCH, makeWorld, PACKET_ROOM, SENT_SPI, type World, waitingEntry } from './world.ts';

/** Packets of one world: enough for every SA to meet its limits, few enough for thousands of worlds to differ. */
export const WORLD_PACKETS = 100_000;

export interface WorldFailure {
  readonly message: string;
  /** Number of the packet within its world; of the first of a batch where that is all there is to know. */
  readonly packet: number;
  /** The packet as it was given to the engine, where it is known. */
  readonly octets: string | undefined;
}

export interface WorldResult {
  readonly tally: Tally;
  readonly failure: WorldFailure | undefined;
}

const WATCHED_EVERY = 32;
const FILLING = 0xc3;
const TAILROOM = 64;
/** Milliseconds of virtual time between two batches. */
const PACE = 40;

/**
 * Runs world `number` of a seed up to `packets` packets.
 *
 * @param single watch every batch, so that a failure names the packet; slow
 */
export function runWorld(seed: number, number: number, packets: number, single = false): WorldResult {
  const run = new WorldRun(new Random(seed, number), single);
  try {
    run.run(packets);
    return { tally: run.tally(), failure: undefined };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Violation || !(error instanceof Error) ? '' : `\n${error.stack}`;
    const { packet, octets } = run.suspect();
    return { tally: run.tally(), failure: { message: message + stack, packet, octets } };
  }
}

class WorldRun {
  readonly #random: Random;
  readonly #world: World;
  readonly #departures: Departures;
  readonly #arrivals: Arrivals;
  readonly #sender: Watch;
  readonly #peer: Watch;
  readonly #receiver: Watch;
  readonly #single: boolean;
  /** Low half of the last sequence number sent, by pair. */
  readonly #lastSent: Uint32Array;
  /** Pairs whose proposals do not encrypt. */
  readonly #readable: ReadonlySet<number>;
  readonly #lengths = new Uint32Array(BATCH);
  readonly #given = new Uint8Array(PACKET_ROOM);
  #watched = false;
  /** Octets of the packet in `#given`, where one runs alone. */
  #givenLength: number | undefined;
  #now = 0;

  constructor(random: Random, single: boolean) {
    this.#random = random;
    this.#single = single;
    const world = makeWorld(random);
    this.#world = world;
    this.#departures = new Departures(random, world);
    this.#arrivals = new Arrivals(random, world);
    this.#sender = new Watch(world.sender, world.layout);
    this.#peer = new Watch(world.peer, world.layout);
    this.#receiver = new Watch(world.receiver, world.layout);
    this.#readable = new Set(
      world.pairs
        .filter(({ proposal }) => proposalWarnings(proposal.keyword).includes('not encrypted'))
        .map(({ index }) => index),
    );
    this.#lastSent = Uint32Array.from(world.pairs, (pair) =>
      Number((pair.firstSequence - 1n) & 0xffff_ffffn),
    );
  }

  /** What the engines under test met; the malicious peer only makes packets. */
  tally(): Tally {
    const sum = emptyTally();
    add(sum, this.#sender.tally);
    add(sum, this.#receiver.tally);
    return sum;
  }

  /** Number of the packet that runs, or of the first of its batch, and its octets where they are known. */
  suspect(): { packet: number; octets: string | undefined } {
    const packet = this.#sender.tally.packets + this.#receiver.tally.packets;
    const octets =
      this.#givenLength === undefined
        ? undefined
        : Buffer.from(this.#given.subarray(0, this.#givenLength)).toString('hex');
    return { packet, octets };
  }

  run(packets: number): void {
    const { sender, receiver } = this.#world;
    const counts = [this.#sender.tally, this.#receiver.tally] as const;
    for (let round = 0; counts[0].packets + counts[1].packets < packets; round++) {
      this.#watched = this.#single || round % WATCHED_EVERY === 0;
      this.#now = round * PACE;
      const kind = this.#random.below(64);
      if (kind < 28) this.#routerRound();
      else if (kind < 54) this.#peerRound();
      else if (kind < 56 && this.#arrivals.hasForgeries)
        this.#fillAndReceive((index) => this.#arrivals.fillForged(index));
      else this.#fillAndReceive((index) => this.#arrivals.fillGarbage(index));
      if (round % 16 === 0) {
        sender.drainEvents();
        receiver.drainEvents();
      }
      if (round % 64 === 63) sender.dropHeld(waitingEntry);
    }
    this.#sender.checkBatch();
    for (const watch of [this.#sender, this.#peer, this.#receiver]) watch.checkConstants();
  }

  /** The sender protects packets, and the receiver gets them. */
  #routerRound(): void {
    const { sender } = this.#world;
    for (let index = 0; index < BATCH; index++) {
      this.#lengths[index] = this.#departures.fillSender(index);
      if (this.#watched) this.#fillBehind(sender.batch, index, this.#lengths[index] ?? 0);
    }
    this.#run(
      sender.batch,
      (count, first) => sender.runOutbound(count, this.#now, first),
      (index) => this.#checkSent(index),
    );
    this.#sender.checkBatch();
    this.#carry(sender.batch);
  }

  /** The malicious peer encrypts what it likes, and the receiver gets it. */
  #peerRound(): void {
    const { peer } = this.#world;
    for (let index = 0; index < BATCH; index++) this.#departures.fillPeer(index);
    peer.runOutbound(BATCH, this.#now);
    this.#carry(peer.batch);
    if (peer.hasEvents) peer.drainEvents();
  }

  #carry(from: PacketBatch): void {
    let count = 0;
    for (let index = 0; index < BATCH; index++) {
      if (from.verdict(index) === VERDICT_SEND) this.#arrivals.carry(from, index, count++);
    }
    this.#receive(count);
  }

  #fillAndReceive(fill: (index: number) => void): void {
    for (let index = 0; index < BATCH; index++) fill(index);
    this.#receive(BATCH);
  }

  #receive(count: number): void {
    const { receiver } = this.#world;
    const { batch } = receiver;
    for (let index = 0; index < count; index++) {
      this.#lengths[index] = batch.length(index);
      if (this.#watched) this.#fillBehind(batch, index, batch.length(index));
    }
    this.#run(
      batch,
      (some, first) => receiver.runInbound(some, this.#now, first),
      (index) => this.#checkReceived(index),
      count,
    );
    this.#receiver.checkBatch();
  }

  /** Runs a batch whole, or packet for packet where it is watched. */
  #run(
    batch: PacketBatch,
    run: (count: number, first: number) => void,
    check: (index: number) => void,
    count = BATCH,
  ): void {
    this.#givenLength = undefined;
    if (!this.#watched) {
      run(count, 0);
      for (let index = 0; index < count; index++) check(index);
      return;
    }
    const inbound = batch === this.#world.receiver.batch;
    for (let index = 0; index < count; index++) {
      const length = this.#lengths[index] ?? 0;
      const at = batch.packetAddress(index);
      this.#given.set(batch.memory.subarray(at, at + PACKET_ROOM));
      this.#givenLength = length;
      if (inbound) this.#receiver.noteState(this.#placeOf(index));
      run(1, index);
      check(index);
      if (inbound) this.#receiver.checkState(index);
      this.#checkBehind(batch, index, length);
      if (!inbound && batch.verdict(index) === VERDICT_DROP) this.#checkUntouched(batch, index, length);
    }
  }

  /** Where the SA of a packet would be, by its SPI; of one that has none any place will do. */
  #placeOf(index: number): number {
    const { batch } = this.#world.receiver;
    const at = batch.packetAddress(index) + (this.#arrivals.spiAt[index] ?? 0);
    return (batch.memory[at + 3] ?? 0) & (this.#world.layout.capacities.saPairs - 1);
  }

  #fillBehind(batch: PacketBatch, index: number, length: number): void {
    const at = batch.packetAddress(index);
    if (length <= PACKET_ROOM) batch.memory.fill(FILLING, at + length, at + PACKET_ROOM + TAILROOM);
  }

  /** Nothing was written further behind the packet, or what it became, than the room that it must leave. */
  #checkBehind(batch: PacketBatch, index: number, length: number): void {
    const at = batch.packetAddress(index);
    const end = batch.verdict(index) === VERDICT_SEND ? batch.start(index) + batch.length(index) - at : 0;
    for (let offset = Math.max(length, end) + TAILROOM; offset < PACKET_ROOM + TAILROOM; offset++) {
      if (batch.memory[at + offset] !== FILLING)
        throw new Violation(`octet ${offset} of a slot was written, with a packet of ${length}`);
    }
  }

  /** A packet that was not sent is still there, for an ICMP error. */
  #checkUntouched(batch: PacketBatch, index: number, length: number): void {
    const at = batch.packetAddress(index);
    if (batch.start(index) !== at || batch.length(index) !== length)
      throw new Violation('a dropped packet is described as lying elsewhere');
    for (let offset = 0; offset < Math.min(length, PACKET_ROOM); offset++) {
      if (batch.memory[at + offset] !== this.#given[offset])
        throw new Violation(`octet ${offset} of a dropped packet was changed`);
    }
  }

  /** RFC 4303 section 3.3.3: the next number each time; RFC 4301 section 5.1: what is protected does not show. */
  #checkSent(index: number): void {
    const { batch } = this.#world.sender;
    if (this.#sender.take(index, 'outbound') !== VERDICT_SEND) return;
    this.#sender.checkBounds(index);
    const { memory } = batch;
    const place = batch.pairSpi(index) - ANSWER_SPI;
    const pair = this.#world.pairs[place];
    if (!isCarrierRight(memory, batch.start(index), batch.length(index), batch.tos(index), batch.ttl(index)))
      throw new Violation('sent behind a header that is wrong');
    const ah = batch.isAh(index);
    if (ah !== (pair?.protocol === 'ah')) throw new Violation('sent by another protocol');
    // From SPI and sequence number on both are alike.
    const at =
      batch.espStart(index) + (ah ? ahOffset(memory, batch.start(index), batch.length(index)) + AH_SPI : 0);
    if (pair === undefined || read32(memory, at) !== SENT_SPI + place)
      throw new Violation('sent under another SPI');
    const sequence = read32(memory, at + 4);
    const last = this.#lastSent[place] ?? 0;
    if (sequence !== (last + 1) >>> 0 || (sequence === 0 && !pair.esn))
      throw new Violation(`sequence number ${sequence} sent after ${last}`);
    this.#lastSent[place] = sequence;
    if (this.#readable.has(place) || (index & 7) !== 0) return;
    const start = at + 8 + pair.proposal.ivOctets;
    if (holdsMarker(memory, start, at + batch.espLength(index))) throw new Violation('plaintext was sent');
  }

  /** Nothing that was changed is believed, no window goes beyond what was sent, and what comes out is what the SA is for. */
  #checkReceived(index: number): void {
    const { batch } = this.#world.receiver;
    const found = this.#receiver.take(index, 'inbound');
    const spi = batch.pairSpi(index);
    const place = spi - SENT_SPI;
    if (place >= 0 && place < this.#world.pairs.length) this.#checkWindow(place);
    if (this.#arrivals.intact[index] === 1 && batch.reason(index) === DROP_ICV)
      throw new Violation('a packet that was not changed was dropped for its ICV');
    if (found !== VERDICT_DELIVER && found !== VERDICT_DELIVER_HOST) return;
    if (this.#arrivals.changed[index] === 1) throw new Violation('a packet that was changed was delivered');
    this.#receiver.checkBounds(index);
    const { memory } = batch;
    const at = batch.start(index);
    const ipv6 = (memory[at] ?? 0) >> 4 === 6;
    const [source, destination] = ipv6 ? [at + 13, at + 29] : [at + 13, at + 17];
    const [offset, first] = ipv6 ? [2, 0xfd] : [1, 10];
    const isFrom = (address: number, net: number): boolean =>
      memory[address - (ipv6 ? 5 : 1)] === first &&
      memory[address] === place &&
      memory[address + offset] === net;
    if (!isFrom(source, SENDING_NET) || !isFrom(destination, RECEIVING_NET))
      throw new Violation('delivered from or to addresses that the SA is not for');
  }

  #checkWindow(place: number): void {
    const pair = this.#world.pairs[place];
    const received = this.#receiver.sequenceWord(place);
    const high = this.#receiver.word(received + 1);
    const low = this.#receiver.word(received);
    let [sentHigh, sentLow] = [this.#arrivals.forgedHigh[place] ?? 0, this.#arrivals.forgedLow[place] ?? 0];
    if (pair?.origin !== 'forgery') {
      const watch = pair?.origin === 'router' ? this.#sender : this.#peer;
      const sent = watch.sequenceWord(this.#world.layout.capacities.saPairs + place);
      [sentHigh, sentLow] = [watch.word(sent + 1), watch.word(sent)];
    }
    if (high > sentHigh || (high === sentHigh && low > sentLow))
      throw new Violation(
        `a window reached ${high}:${low}, the highest number sent is ${sentHigh}:${sentLow}`,
      );
  }
}

function read32(memory: Uint8Array, at: number): number {
  return read16(memory, at) * 65536 + read16(memory, at + 2);
}
