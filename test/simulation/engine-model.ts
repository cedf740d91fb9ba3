/**
 * The slow, obvious engine: RFC 4301's lists walked from the top, an ESP packet that is a record of SPI, sequence number,
 * key's fingerprint and inner packet. It answers as host/dataplane/dataplane.ts does, and is the reference that the
 * shipped one is compared with: both run the same seeds.
 */
import type {
  Engine,
  EngineEvent,
  EspArrival,
  Outcome,
  SaPair,
  TableChange,
} from '../../host/dataplane/engine.ts';
import { type Endpoint, equalAddresses } from '../../host/model/address.ts';
import { HostError } from '../../host/model/host-error.ts';
import type { SpdEntry } from '../../host/model/policy.ts';
import type { Lifetime, SaKeys, Spi } from '../../host/model/security-association.ts';
import { type PacketSelector, type Selector, selectorMatches } from '../../host/model/selector.ts';
import { mirrorPacket, selectorOf } from './inner-packet.ts';

/** What a planted bug may switch off. */
export interface ModelFaults {
  readonly reuseSequence?: boolean;
  readonly noReplayCheck?: boolean;
}

interface Counted {
  packets: bigint;
  octets: bigint;
}

interface ModelPair {
  readonly pair: SaPair;
  readonly order: number;
  readonly installedAt: number;
  readonly inboundKey: number;
  readonly outboundKey: number;
  peer: Endpoint;
  inUse: boolean;
  /** The outbound half was taken over by a newer pair. */
  isOld: boolean;
  sequence: number;
  readonly seen: Set<number>;
  readonly sent: Counted;
  readonly received: Counted;
  raisedSoft: boolean;
  raisedHard: boolean;
  raisedFirst: boolean;
}

/** What may carry a packet: a pair in use, or a kind without one, for which the packet is held. */
interface Candidate {
  readonly precedence: number;
  readonly selectors: readonly Selector[];
  readonly found: ModelPair | undefined;
}

/** SPI, sequence number, IV (the number again, in 8 octets, as AES-GCM has it), fingerprint of the key. */
const espHeaderOctets = 20;
const heldPerKey = 64;
const unknownSpiEventsPerSecond = 8;

export class EngineModel implements Engine {
  readonly #capacity: number;
  readonly #faults: ModelFaults;
  #spd: readonly SpdEntry[] = [];
  readonly #pairs = new Map<Spi, ModelPair>();
  readonly #reserved = new Set<Spi>();
  readonly #heldOut = new Map<string, Uint8Array[]>();
  readonly #heldIn = new Map<Spi, EspArrival[]>();
  readonly #blocks = new Map<string, readonly Selector[]>();
  readonly #acquired = new Map<string, string>();
  #events: EngineEvent[] = [];
  #generation = 0;
  #order = 0;
  #unknown = { second: 0, count: 0 };

  constructor(capacity: number, faults: ModelFaults = {}) {
    this.#capacity = capacity;
    this.#faults = faults;
  }

  change(change: TableChange, now: number): void {
    const {
      spd,
      reserve = [],
      release = [],
      install = [],
      use = [],
      remove = [],
      move = [],
      block = [],
    } = change;
    if (this.#pairs.size + install.length - remove.length > this.#capacity) {
      throw new HostError('CAPACITY', `expected at most ${this.#capacity} SA pairs`);
    }
    this.#generation += 1;
    if (spd !== undefined) {
      this.#spd = spd;
      const names = new Set(spd.map(({ name }) => name));
      for (const { pair } of this.#pairs.values()) if (!names.has(pair.entry)) this.#remove(pair.inbound.spi);
      for (const name of this.#blocks.keys()) if (!names.has(name)) this.#blocks.delete(name);
    }
    for (const spi of remove) this.#remove(spi);
    for (const spi of release) {
      this.#reserved.delete(spi);
      this.#heldIn.delete(spi);
    }
    for (const spi of reserve) {
      if (this.#reserved.has(spi) || this.#pairs.has(spi)) throw new Error(`SPI ${spi} is in use already`);
      this.#reserved.add(spi);
    }
    for (const { pair, use: atOnce } of install) this.#install(pair, atOnce, now);
    for (const spi of use) this.#use(spi);
    for (const { spi, peer } of move) {
      const found = this.#pairs.get(spi);
      if (found !== undefined) found.peer = peer;
    }
    for (const { entry, selectors } of block) this.#blocks.set(entry, selectors);
  }

  #remove(spi: Spi): void {
    this.#pairs.delete(spi);
    this.#heldIn.delete(spi);
  }

  #install(pair: SaPair, atOnce: boolean, now: number): void {
    const { spi } = pair.inbound;
    if (this.#pairs.has(spi)) throw new Error(`SPI ${spi} is installed already`);
    this.#reserved.delete(spi);
    this.#pairs.set(spi, {
      pair,
      order: this.#order++,
      installedAt: now,
      inboundKey: fingerprint(pair.inbound.keys),
      outboundKey: fingerprint(pair.outbound.keys),
      peer: pair.outbound.peer,
      inUse: false,
      isOld: false,
      sequence: 0,
      seen: new Set(),
      sent: { packets: 0n, octets: 0n },
      received: { packets: 0n, octets: 0n },
      raisedSoft: false,
      raisedHard: false,
      raisedFirst: false,
    });
    for (const { keys } of [pair.inbound, pair.outbound]) {
      keys.encryptionKey.wipe();
      keys.authenticationKey.wipe();
      keys.salt.wipe();
    }
    if (atOnce) this.#use(spi);
  }

  #use(spi: Spi): void {
    const found = this.#pairs.get(spi);
    if (found === undefined) return;
    for (const other of this.#pairs.values()) {
      if (other === found || other.pair.entry !== found.pair.entry || other.pair.kind !== found.pair.kind)
        continue;
      if (!other.inUse || turnOf(other) !== turnOf(found)) continue;
      other.inUse = false;
      other.isOld = true;
    }
    found.inUse = true;
  }

  outbound(packet: Uint8Array, now: number): Outcome {
    return this.#process(packet.slice(), now);
  }

  outboundThrough(spi: Spi, packet: Uint8Array, now: number): Outcome {
    const found = this.#pairs.get(spi);
    return found === undefined ? dropped('sa-not-ready', packet) : this.#seal(found, packet, now);
  }

  /** A dummy is what has no IP version. */
  dummy(spi: Spi, octets: number, now: number): Outcome {
    return this.outboundThrough(spi, new Uint8Array(octets), now);
  }

  #process(packet: Uint8Array, now: number): Outcome {
    const selector = selectorOf(packet);
    const entry = this.#spd.find(({ selectors }) => selectors.some((one) => selectorMatches(one, selector)));
    if (entry === undefined) return dropped('no-spd-entry', packet);
    if (entry.action === 'BYPASS') return { kind: 'bypass', packet };
    if (entry.action === 'DISCARD') return dropped('spd-discard', packet);
    const found = this.#through(entry, selector);
    if (found !== undefined) return this.#seal(found, packet, now);
    const blocks = this.#blocks.get(entry.name) ?? [];
    if (blocks.some((one) => selectorMatches(one, selector))) return dropped('blocked', packet);
    const once = `${this.#generation} ${Math.floor(now / 1000)}`;
    if (this.#acquired.get(entry.name) !== once) {
      this.#acquired.set(entry.name, once);
      this.#events.push({ kind: 'acquire', entry: entry.name, packet: selector });
    }
    hold(this.#heldOut, entry.name, packet);
    return { kind: 'held' };
  }

  /**
   * The pair in use for the first kind, by precedence, that selects the packet; undefined when that kind has none. Of several
   * that select it, the one with the lowest turn.
   */
  #through(entry: SpdEntry, packet: PacketSelector): ModelPair | undefined {
    const ofEntry = [...this.#pairs.values()].filter(({ pair }) => pair.entry === entry.name);
    const kinds = new Map<string, Omit<Candidate, 'found'>>();
    for (const { pair } of ofEntry) {
      for (const precedent of pair.precedents) kinds.set(precedent.kind, precedent);
    }
    for (const { pair } of ofEntry) {
      kinds.set(pair.kind, { precedence: pair.precedence, selectors: pair.outbound.selectors });
    }
    const inUse = ofEntry.filter((found) => found.inUse).sort((a, b) => turnOf(a) - turnOf(b));
    const candidates = [...kinds].flatMap(([kind, unused]): Candidate[] => {
      const used = inUse.filter(({ pair }) => pair.kind === kind);
      if (used.length === 0) return [{ ...unused, found: undefined }];
      return used.map((found) => {
        const { precedence, outbound } = found.pair;
        return { precedence, selectors: outbound.selectors, found };
      });
    });
    return candidates
      .sort((a, b) => a.precedence - b.precedence)
      .find(({ selectors }) => selectors.some((one) => selectorMatches(one, packet)))?.found;
  }

  #seal(found: ModelPair, packet: Uint8Array, now: number): Outcome {
    const { outbound } = found.pair;
    if (!this.#isAlive(found, outbound.hard, found.sent, packet.length, now))
      return dropped('lifetime', packet);
    this.#count(found, outbound.soft, found.sent, packet.length, now);
    if (!this.#faults.reuseSequence || found.sequence % 8 !== 7) found.sequence += 1;
    const esp = new Uint8Array(espHeaderOctets + packet.length);
    const view = new DataView(esp.buffer);
    view.setUint32(0, outbound.spi);
    view.setUint32(4, found.sequence);
    view.setBigUint64(8, BigInt(found.sequence));
    view.setUint32(16, found.outboundKey);
    esp.set(packet, espHeaderOctets);
    return {
      kind: 'send',
      esp,
      outer: esp,
      to: found.peer,
      protocol: outbound.protocol,
      encapsulation: outbound.encapsulation,
      tos: 0,
      spi: found.pair.inbound.spi,
    };
  }

  inbound(arrival: EspArrival, now: number): Outcome {
    const { esp, from } = arrival;
    if (esp.length < espHeaderOctets) return dropped('esp-malformed');
    const view = new DataView(esp.buffer, esp.byteOffset);
    const spi = view.getUint32(0);
    if (this.#reserved.has(spi)) {
      hold(this.#heldIn, spi, { ...arrival, esp: esp.slice() });
      return { kind: 'held' };
    }
    const found = this.#pairs.get(spi);
    if (found === undefined) {
      const second = Math.floor(now / 1000);
      if (this.#unknown.second !== second) this.#unknown = { second, count: 0 };
      this.#unknown.count += 1;
      if (this.#unknown.count <= unknownSpiEventsPerSecond)
        this.#events.push({ kind: 'unknown-spi', spi, from });
      return dropped('spi-unknown');
    }
    return this.#open(found, arrival, view, now);
  }

  #open(found: ModelPair, { esp, from }: EspArrival, view: DataView, now: number): Outcome {
    const { inbound } = found.pair;
    const sequence = view.getUint32(4);
    if (view.getUint32(16) !== found.inboundKey) return dropped('icv');
    if (found.seen.has(sequence) && !this.#faults.noReplayCheck) return dropped('replay');
    found.seen.add(sequence);
    const isMoved = from.port !== found.peer.port || !equalAddresses(from.address, found.peer.address);
    if (isMoved && inbound.encapsulation === 'udp') {
      this.#events.push({ kind: 'peer-moved', spi: inbound.spi, from });
    }
    if (inbound.notifyFirstAuthentic && !found.raisedFirst) {
      found.raisedFirst = true;
      this.#events.push({ kind: 'first-authentic', spi: inbound.spi });
    }
    const packet = esp.slice(espHeaderOctets);
    if (packet[0] === 0) return dropped('dummy');
    const selector = mirrorPacket(selectorOf(packet));
    if (!inbound.selectors.some((one) => selectorMatches(one, selector))) return dropped('selector-mismatch');
    if (!this.#isAlive(found, inbound.hard, found.received, packet.length, now)) return dropped('lifetime');
    this.#count(found, inbound.soft, found.received, packet.length, now);
    return { kind: 'deliver', packet, spi: inbound.spi, to: found.pair.deliver };
  }

  #isAlive(found: ModelPair, hard: Lifetime, counted: Counted, octets: number, now: number): boolean {
    const isAlive =
      now < found.installedAt + hard.seconds * 1000 &&
      (hard.packets === undefined || counted.packets < hard.packets) &&
      (hard.octets === undefined || counted.octets + BigInt(octets) <= hard.octets);
    if (!isAlive && !found.raisedHard) {
      found.raisedHard = true;
      this.#events.push({ kind: 'hard-lifetime', spi: found.pair.inbound.spi });
    }
    return isAlive;
  }

  #count(found: ModelPair, soft: Lifetime, counted: Counted, octets: number, now: number): void {
    counted.packets += 1n;
    counted.octets += BigInt(octets);
    const isSoft =
      now >= found.installedAt + soft.seconds * 1000 ||
      (soft.packets !== undefined && counted.packets >= soft.packets) ||
      (soft.octets !== undefined && counted.octets >= soft.octets);
    if (!isSoft || found.raisedSoft) return;
    found.raisedSoft = true;
    this.#events.push({ kind: 'soft-lifetime', spi: found.pair.inbound.spi });
  }

  releaseHeld(entry: string, now: number): Outcome[] {
    const packets = this.#heldOut.get(entry) ?? [];
    this.#heldOut.delete(entry);
    const outcomes = packets.map((packet) => this.#process(packet, now));
    for (const { pair } of [...this.#pairs.values()]) {
      if (pair.entry !== entry) continue;
      const arrivals = this.#heldIn.get(pair.inbound.spi) ?? [];
      this.#heldIn.delete(pair.inbound.spi);
      for (const arrival of arrivals) outcomes.push(this.inbound(arrival, now));
    }
    return outcomes;
  }

  dropHeld(entry: string): Uint8Array[] {
    const packets = this.#heldOut.get(entry) ?? [];
    this.#heldOut.delete(entry);
    return packets;
  }

  drainEvents(): EngineEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

function turnOf({ pair }: ModelPair): number {
  return pair.turn ?? 0;
}

function dropped(reason: string, packet?: Uint8Array): Outcome {
  return packet === undefined ? { kind: 'dropped', reason } : { kind: 'dropped', reason, packet };
}

function hold<Key, Value>(held: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = held.get(key);
  if (list === undefined) held.set(key, [value]);
  else {
    list.push(value);
    if (list.length > heldPerKey) list.shift();
  }
}

/** FNV-1a over the key material: who has the same one has the same key, as far as a simulation goes. */
export function fingerprint(keys: SaKeys): number {
  let hash = 0x811c9dc5;
  for (const secret of [keys.encryptionKey, keys.authenticationKey, keys.salt]) {
    for (const octet of secret.reveal()) hash = Math.imul(hash ^ octet, 0x01000193);
  }
  return hash >>> 0;
}
