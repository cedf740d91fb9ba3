/**
 * Counts what a capture between the routers saw, by looking at packets alone and at none of our own counters: ESP and AH packets
 * for each SA, a repeated IV or sequence number, and anything of the protected networks that is not encapsulated.
 *
 * An SA is known here by destination address and SPI (RFC 4301 section 4.1). IVs are the eight octets after the sequence
 * number (RFC 4106 section 3.1, the lab's ciphers); a repeated pair of SA and IV would be a repeated (key, IV).
 */
import { formatAddress, parseAddress } from '../../host/model/address.ts';
import { formatPrefix, type Prefix, parsePrefix, prefixHolds } from '../../host/model/prefix.ts';

/** Payloads of the lab's own traffic begin with this; seen outside ESP it is cleartext, whatever the addresses say. */
export const cleartextMarker = 'sekisho-lab-cleartext';

/** Payload of the datagram by which the lab finds out that the capture has caught up. */
export const settleMarker = 'sekisho-lab-settle';

export interface Counts {
  readonly packets: number;
  /** ESP packets, raw or in UDP, that go from router to router. */
  readonly esp: number;
  /** AH packets that go from router to router. */
  readonly ah: number;
  /** ESP packets to or from the setting server: the channel. */
  readonly channelEsp: number;
  readonly ike: number;
  readonly keepalives: number;
  /** Packets from or to a protected network, or with the lab's marker, outside ESP and AH. */
  readonly cleartext: number;
  /** Non-initial fragments of outer packets; there should be none. */
  readonly fragments: number;
  /** Whatever else crossed: ICMP errors between the outer addresses, mostly. */
  readonly other: number;
  /** (SA, IV) pairs seen before. */
  readonly repeatedIvs: number;
  /** (SA, sequence number) pairs seen before. */
  readonly repeatedSequences: number;
}

/** One packet that mattered, for the time sequence. */
export interface Sighting {
  readonly wallMs: number;
  readonly kind: 'esp' | 'ah' | 'channel' | 'ike' | 'cleartext';
  readonly from: string;
  readonly to: string;
  readonly spi: number;
  readonly sequence: number;
}

interface SeenSa {
  packets: number;
  readonly ivs: Set<bigint>;
  readonly sequences: Set<number>;
}

const PROTOCOL_UDP = 17;
const PROTOCOL_ESP = 50;
const PROTOCOL_AH = 51;
const PORT_IKE = 500;
const PORT_NAT_TRAVERSAL = 4500;
const sightingsKept = 400;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Census {
  readonly #protected: readonly Prefix[];
  readonly #server: string;
  readonly #sas = new Map<string, SeenSa>();
  readonly #counts: Mutable<Counts> = {
    packets: 0,
    esp: 0,
    ah: 0,
    channelEsp: 0,
    ike: 0,
    keepalives: 0,
    cleartext: 0,
    fragments: 0,
    other: 0,
    repeatedIvs: 0,
    repeatedSequences: 0,
  };
  #sightings: Sighting[] = [];
  #settled = '';
  /** Keep packets for the time sequence. */
  tracing = false;
  /** Text of each packet seen in clear, at most ten, for a person. */
  readonly cleartextExamples: string[] = [];

  /**
   * @param protectedNetworks prefixes whose addresses must never stand in an outer header
   * @param serverAddress the setting server's outer address
   */
  constructor(protectedNetworks: readonly string[], serverAddress: string) {
    this.#protected = protectedNetworks.map((text) => {
      const prefix = parsePrefix(text);
      if (!prefix.ok) throw new RangeError(prefix.message);
      return prefix.value;
    });
    this.#server = serverAddress;
  }

  /** Everything counted so far. */
  counts(): Counts {
    return { ...this.#counts };
  }

  /** The SAs seen between routers, with their packets. */
  securityAssociations(): { to: string; spi: number; packets: number }[] {
    return [...this.#sas].map(([key, seen]) => {
      const [to = '', spi = ''] = key.split(' ');
      return { to, spi: Number(spi), packets: seen.packets };
    });
  }

  /** Packets kept since the last call. */
  takeSightings(): Sighting[] {
    const taken = this.#sightings;
    this.#sightings = [];
    return taken;
  }

  /** The text that followed the settle marker last. */
  get settled(): string {
    return this.#settled;
  }

  /** Takes one packet, from its IP header on; it may be cut short. */
  add(wallMs: number, packet: Uint8Array): void {
    const header = readHeader(packet);
    if (header === undefined) return;
    if (header.protocol === PROTOCOL_UDP && startsWith(packet, header.payloadAt + 8, settleMarker)) {
      this.#settled = textAt(packet, header.payloadAt + 8 + settleMarker.length);
      return;
    }
    // The internet's own answer to the settle datagram.
    if (header.from === '127.0.0.1') return;
    this.#counts.packets++;
    if (header.fragment) {
      this.#counts.fragments++;
    } else if (header.protocol === PROTOCOL_ESP) {
      this.#addEsp(wallMs, packet, header, header.payloadAt);
    } else if (header.protocol === PROTOCOL_AH) {
      this.#addAh(wallMs, packet, header);
    } else if (header.protocol === PROTOCOL_UDP && this.#addUdp(wallMs, packet, header)) {
      return;
    } else if (this.#isCleartext(packet, header)) {
      this.#counts.cleartext++;
      const example = `${header.from} -> ${header.to} protocol ${header.protocol}`;
      if (this.cleartextExamples.length < 10) this.cleartextExamples.push(example);
      this.#keep({ wallMs, kind: 'cleartext', from: header.from, to: header.to, spi: 0, sequence: 0 });
    } else {
      this.#counts.other++;
    }
  }

  /** True when the datagram was ESP, IKE or a keepalive (RFC 3948 section 2). */
  #addUdp(wallMs: number, packet: Uint8Array, header: Header): boolean {
    const at = header.payloadAt;
    if (at + 8 > packet.length) return false;
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    const ports = [view.getUint16(at), view.getUint16(at + 2)];
    const traversal = ports.includes(PORT_NAT_TRAVERSAL);
    if (!traversal && !ports.includes(PORT_IKE)) return false;
    if (this.#isProtected(header)) return false;
    const length = view.getUint16(at + 4) - 8;
    if (traversal && length === 1) {
      this.#counts.keepalives++;
      return true;
    }
    if (length < 8 || at + 16 > packet.length) return false;
    if (traversal && view.getUint32(at + 8) !== 0) {
      this.#addEsp(wallMs, packet, header, at + 8);
      return true;
    }
    this.#counts.ike++;
    this.#keep({ wallMs, kind: 'ike', from: header.from, to: header.to, spi: 0, sequence: 0 });
    return true;
  }

  #addEsp(wallMs: number, packet: Uint8Array, header: Header, at: number): void {
    if (at + 16 > packet.length) {
      this.#counts.other++;
      return;
    }
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    const spi = view.getUint32(at);
    const sequence = view.getUint32(at + 4);
    const channel = header.from === this.#server || header.to === this.#server;
    if (channel) this.#counts.channelEsp++;
    else this.#counts.esp++;
    const seen = this.#saOf(`${header.to} ${spi}`);
    seen.packets++;
    if (!remember(seen.ivs, view.getBigUint64(at + 8))) this.#counts.repeatedIvs++;
    if (!remember(seen.sequences, sequence)) this.#counts.repeatedSequences++;
    const kind = channel ? 'channel' : 'esp';
    this.#keep({ wallMs, kind, from: header.from, to: header.to, spi, sequence });
  }

  #addAh(wallMs: number, packet: Uint8Array, header: Header): void {
    const at = header.payloadAt;
    if (at + 12 > packet.length) {
      this.#counts.other++;
      return;
    }
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    const spi = view.getUint32(at + 4);
    const sequence = view.getUint32(at + 8);
    this.#counts.ah++;
    const seen = this.#saOf(`${header.to} ${spi}`);
    seen.packets++;
    if (!remember(seen.sequences, sequence)) this.#counts.repeatedSequences++;
    this.#keep({ wallMs, kind: 'ah', from: header.from, to: header.to, spi, sequence });
  }

  #saOf(key: string): SeenSa {
    let seen = this.#sas.get(key);
    if (seen === undefined) {
      seen = { packets: 0, ivs: new Set(), sequences: new Set() };
      this.#sas.set(key, seen);
    }
    return seen;
  }

  #isCleartext(packet: Uint8Array, header: Header): boolean {
    return this.#isProtected(header) || asBuffer(packet).includes(cleartextMarker);
  }

  #isProtected(header: Header): boolean {
    return [header.from, header.to].some((text) => {
      const address = parseAddress(text);
      return address.ok && this.#protected.some((prefix) => prefixHolds(prefix, address.value));
    });
  }

  #keep(sighting: Sighting): void {
    if (this.tracing && this.#sightings.length < sightingsKept) this.#sightings.push(sighting);
  }

  /** The networks that count as protected, as text. */
  describe(): string {
    return this.#protected.map(formatPrefix).join(', ');
  }
}

interface Header {
  readonly from: string;
  readonly to: string;
  readonly protocol: number;
  readonly payloadAt: number;
  readonly fragment: boolean;
}

function readHeader(packet: Uint8Array): Header | undefined {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4 && packet.length >= 20) {
    return {
      from: packet.subarray(12, 16).join('.'),
      to: packet.subarray(16, 20).join('.'),
      protocol: packet[9] ?? 0,
      payloadAt: ((packet[0] ?? 0) & 0x0f) * 4,
      fragment: (((packet[6] ?? 0) & 0x1f) << 8) + (packet[7] ?? 0) !== 0,
    };
  }
  if (version === 6 && packet.length >= 40) {
    return {
      from: formatAddress({ family: 6, octets: packet.slice(8, 24) }),
      to: formatAddress({ family: 6, octets: packet.slice(24, 40) }),
      protocol: packet[6] ?? 0,
      payloadAt: 40,
      fragment: packet[6] === 44,
    };
  }
  return undefined;
}

/** Adds to the set; false when it was there. */
function remember<T>(set: Set<T>, value: T): boolean {
  if (set.has(value)) return false;
  set.add(value);
  return true;
}

function startsWith(packet: Uint8Array, at: number, text: string): boolean {
  return textAt(packet, at).startsWith(text);
}

function textAt(packet: Uint8Array, at: number): string {
  return at < packet.length ? asBuffer(packet).toString('latin1', at) : '';
}

/** The same octets as a Buffer, without a copy. */
function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length);
}
