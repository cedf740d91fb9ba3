/**
 * Writes well-formed IP packets of every shape straight into memory: IPv4 with and without options, IPv6 with chains of
 * extension headers, fragments, the protocols that selectors know. What is done to them afterwards is `mutation.ts`' business.
 * Nothing is allocated.
 */
import type { Random } from '../random.ts';

/** Addresses that belong to pair i: 10.i.2.x and fd00:0:i:2::x send to 10.i.1.x and fd00:0:i:1::x. */
export const SENDING_NET = 2;
export const RECEIVING_NET = 1;

/** Four words that stand at the head of every payload with room for them: they must not be seen in what is encrypted. */
const MARKER: readonly number[] = [0x5ec15400, 0xb0a710ad, 0x1f7e57ed, 0xc0ffee42];
const MARKER_OCTETS = 16;

export const PROTOCOL_UDP = 17;
const protocols = [17, 17, 17, 17, 6, 6, 6, 1, 58, 132, 33, 136, 50, 51, 47, 4, 41, 59];
const extensionHeaders = [0, 0, 60, 60, 43, 44, 135, 139, 140];
const FRAGMENT = 44;
/** IANA ip-parameters: router alert, which AH covers, security; record route, loose and strict source route. */
const ROUTER_ALERT = 148;
const options = [ROUTER_ALERT, 130, 7, 131, 137];
const routePointers = [4, 4, 8, 12];

export class InnerPacketWriter {
  readonly #random: Random;
  readonly #memory: Uint8Array;
  /** The ports that a narrow SA is for; others now and then. */
  readonly #firstPort: number;

  constructor(random: Random, memory: Uint8Array, firstPort: number) {
    this.#random = random;
    this.#memory = memory;
    this.#firstPort = firstPort;
  }

  /** Writes a packet of pair `pair` at `at`, of at most `room` octets (200 at least). Returns its length. */
  write(at: number, room: number, pair: number): number {
    return this.#random.oneIn(3) ? this.#ipv6(at, room, pair) : this.#ipv4(at, room, pair);
  }

  #ipv4(at: number, room: number, pair: number): number {
    const random = this.#random;
    const memory = this.#memory;
    const header = 20 + (random.oneIn(8) ? 4 * random.below(11) : 0);
    const protocol = random.pick(protocols);
    const length = header + this.#upper(at + header, room - header);
    this.#options(at + 20, header - 20);
    memory[at] = 0x40 | (header >> 2);
    memory[at + 1] = random.oneIn(4) ? random.below(256) : 0;
    write16(memory, at + 2, length);
    write16(memory, at + 4, random.below(65536));
    write16(memory, at + 6, (random.oneIn(4) ? 0x4000 : 0) | (random.oneIn(10) ? this.#fragment() : 0));
    memory[at + 8] = random.oneIn(50) ? random.below(2) : 64;
    memory[at + 9] = protocol;
    this.#ipv4Address(at + 12, pair, SENDING_NET);
    this.#ipv4Address(at + 16, pair, RECEIVING_NET);
    writeIpv4Checksum(memory, at);
    return length;
  }

  /** No operations, and half the time one option that fits among them. */
  #options(at: number, length: number): void {
    const random = this.#random;
    const memory = this.#memory;
    memory.fill(1, at, at + length);
    if (length < 12 || random.oneIn(2)) return;
    const optionAt = at + random.below(length - 11);
    const option = random.pick(options);
    const octets = option === ROUTER_ALERT ? 4 : 11;
    memory.fill(0, optionAt, optionAt + octets);
    memory[optionAt] = option;
    memory[optionAt + 1] = octets;
    // Of a route: at its first address, between two, or used up.
    if (octets > 4) memory[optionAt + 2] = random.pick(routePointers);
  }

  /** More fragments, and an offset: often one that overlaps the first octets of a header. */
  #fragment(): number {
    const random = this.#random;
    return (random.oneIn(2) ? 0x2000 : 0) | (random.oneIn(3) ? 0 : random.below(random.oneIn(2) ? 4 : 8192));
  }

  #ipv4Address(at: number, pair: number, net: number): void {
    const memory = this.#memory;
    memory[at] = 10;
    memory[at + 1] = pair;
    memory[at + 2] = net;
    memory[at + 3] = this.#random.below(256);
  }

  #ipv6(at: number, room: number, pair: number): number {
    const random = this.#random;
    const memory = this.#memory;
    let nameAt = at + 6;
    let end = at + 40;
    const count = random.oneIn(3) ? random.below(11) : 0;
    for (let index = 0; index < count; index++) {
      const kind = random.pick(extensionHeaders);
      const octets = kind === FRAGMENT ? 8 : 8 + 8 * random.below(random.oneIn(4) ? 6 : 2);
      if (end + octets > at + room - 64) break;
      memory[nameAt] = kind;
      memory.fill(0, end, end + octets);
      if (kind === FRAGMENT) {
        const fragment = random.oneIn(3) ? 0 : this.#fragment();
        write16(memory, end + 2, ((fragment & 0x1fff) << 3) | ((fragment >> 13) & 1));
      } else {
        memory[end + 1] = octets / 8 - 1;
        // RFC 8200 section 4.2: PadN over the rest.
        memory[end + 2] = 1;
        memory[end + 3] = octets - 4;
      }
      nameAt = end;
      end += octets;
    }
    memory[nameAt] = random.pick(protocols);
    end += this.#upper(end, room - (end - at));
    const trafficClass = random.oneIn(4) ? random.below(256) : 0;
    memory[at] = 0x60 | (trafficClass >> 4);
    memory[at + 1] = (trafficClass & 15) << 4;
    write16(memory, at + 2, 0);
    write16(memory, at + 4, end - at - 40);
    memory[at + 7] = random.oneIn(50) ? random.below(2) : 64;
    this.#ipv6Address(at + 8, pair, SENDING_NET);
    this.#ipv6Address(at + 24, pair, RECEIVING_NET);
    return end - at;
  }

  #ipv6Address(at: number, pair: number, net: number): void {
    const memory = this.#memory;
    memory.fill(0, at, at + 16);
    memory[at] = 0xfd;
    memory[at + 5] = pair;
    memory[at + 7] = net;
    memory[at + 15] = this.#random.below(256);
  }

  /** Eight octets that begin with ports, then a payload that begins with the marker. Returns the octets of both. */
  #upper(at: number, room: number): number {
    const random = this.#random;
    const memory = this.#memory;
    const payload = Math.min(payloadLength(random), room - 8);
    write16(memory, at, random.oneIn(20) ? random.below(65536) : this.#firstPort + random.below(16));
    write16(memory, at + 2, random.oneIn(20) ? random.below(65536) : this.#firstPort + random.below(16));
    write16(memory, at + 4, 8 + payload);
    write16(memory, at + 6, 0);
    memory.fill(random.below(256), at + 8, at + 8 + payload);
    if (payload >= MARKER_OCTETS) writeMarker(memory, at + 8);
    return 8 + payload;
  }
}

/** Mostly short, where the edges of blocks and headers are; now and then as long as there is room. */
export function payloadLength(random: Random): number {
  const draw = random.below(64);
  if (draw < 24) return random.below(48);
  if (draw < 60) return random.below(200);
  return draw < 63 ? random.below(1400) : 65536;
}

function writeMarker(memory: Uint8Array, at: number): void {
  for (let index = 0; index < MARKER.length; index++) {
    const word = MARKER[index] ?? 0;
    write16(memory, at + 4 * index, word >>> 16);
    write16(memory, at + 4 * index + 2, word & 0xffff);
  }
}

/** True where the whole marker stands between `at` and `end`. */
export function holdsMarker(memory: Uint8Array, at: number, end: number): boolean {
  const first = (MARKER[0] ?? 0) >>> 24;
  for (let start = memory.indexOf(first, at); start >= 0 && start + MARKER_OCTETS <= end; ) {
    let octet = 0;
    while (octet < MARKER_OCTETS && memory[start + octet] === markerOctet(octet)) octet++;
    if (octet === MARKER_OCTETS) return true;
    start = memory.indexOf(first, start + 1);
  }
  return false;
}

function markerOctet(index: number): number {
  return ((MARKER[index >> 2] ?? 0) >>> (24 - 8 * (index & 3))) & 0xff;
}

export function write16(memory: Uint8Array, at: number, value: number): void {
  memory[at] = value >> 8;
  memory[at + 1] = value & 0xff;
}

export function read16(memory: Uint8Array, at: number): number {
  return ((memory[at] ?? 0) << 8) | (memory[at + 1] ?? 0);
}

/** Makes the checksum of the IPv4 header at `at` right, over as many octets as it says that it has. */
export function writeIpv4Checksum(memory: Uint8Array, at: number): void {
  const length = ((memory[at] ?? 0) & 15) * 4;
  write16(memory, at + 10, 0);
  write16(memory, at + 10, ~onesComplementSum(memory, at, length) & 0xffff);
}

/** RFC 1071; all ones over a header whose checksum is right. */
export function onesComplementSum(memory: Uint8Array, at: number, length: number): number {
  let sum = 0;
  for (let offset = 0; offset < length; offset += 2) sum += read16(memory, at + offset);
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}
