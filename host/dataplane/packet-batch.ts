/**
 * Packets in the firmware's memory, for a loop that reads, runs and writes batches in place: packet slot i has a descriptor,
 * and everything about it is a number read or written at an offset; no object per packet.
 *
 * Outbound, in a loop over the protected side's interface:
 *   1. read packet i to `packetAddress(i)`, at most `packetRoom` octets; `setOutbound(i, length)`. Or read a bundle, one packet that
 *      stands for several (firmware/abi/bundle.ts), to `outboundBundleAddress`, and have the dataplane cut it into slots
 *      (`openOutboundBundle`, `takeSegments`)
 *   2. `run` of the dataplane (`runOutbound(count, now)`)
 *   3. by `verdict(i)`:
 *      VERDICT_SEND    send `espLength(i)` octets at `espStart(i)` by UDP or a raw socket (`isUdp(i)`, `isAh(i)`, `family(i)`) to
 *                      `peerAddressAt(i)`, `peerPort(i)`, from `localAddressAt(i)`, with `tos(i)`, `ttl(i)`, `dontFragment(i)`;
 *                      or the whole outer packet, `length(i)` octets at `start(i)`; with AH both are the same
 *      VERDICT_BYPASS  the packet, unchanged, is `length(i)` octets at `start(i)`
 *      VERDICT_HELD    a copy is kept by the firmware; ask `drainEvents` for the acquire
 *      VERDICT_DROP    `reason(i)` says why; the packet is unchanged, for an ICMP error (`mtu(i)` with DROP_PACKET_TOO_BIG)
 *
 * Inbound, over the sockets:
 *   1. receive datagram i to `packetAddress(i)`, or a bundle of datagrams to `bundleAddress(j)` and `copyTo` each to its slot;
 *      `setInbound(i, …)` for bare ESP, `setInboundWhole(i, length)` where the packet starts with its IP header (a raw IPv4 socket)
 *   2. `runInbound(count, now)`
 *   3. VERDICT_DELIVER: write `length(i)` octets at `start(i)` to the protected side; VERDICT_DELIVER_HOST: they are for this
 *      program (the channel), `pairSpi(i)` says from which pair
 *   4. or, to write several as one: `coalesce` of the dataplane. Each delivered packet with `bundleSkip(i)` 0 then begins a bundle:
 *      its virtio_net_hdr, VNET_HEADER octets, lies before it, and `bundleNext(i)` leads to the packets that follow without their
 *      first `bundleSkip` octets
 *
 * A slot is free again as soon as its packet was sent, written or dropped; its contents are undefined then. Slot numbers run
 * from 0 to `packetSlots - 1`; a run takes slots 0 to count - 1 (or a range). Where both directions run, each has a half of them, so
 * that packets of one may wait in theirs. All addresses are offsets into `memory`.
 */
import { BUNDLE_OCTETS, VNET_HEADER } from '../../firmware/abi/bundle.ts';
import {
  DESCRIPTOR_AH,
  DESCRIPTOR_BUNDLE_NEXT,
  DESCRIPTOR_BUNDLE_SKIP,
  DESCRIPTOR_DONT_FRAGMENT,
  DESCRIPTOR_ENTRY,
  DESCRIPTOR_ESP_LENGTH,
  DESCRIPTOR_ESP_START,
  DESCRIPTOR_FAMILY,
  DESCRIPTOR_INPUT,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LOCAL,
  DESCRIPTOR_LOCAL_PORT,
  DESCRIPTOR_MTU,
  DESCRIPTOR_PAIR_SPI,
  DESCRIPTOR_PEER,
  DESCRIPTOR_PEER_PORT,
  DESCRIPTOR_REASON,
  DESCRIPTOR_SIZE,
  DESCRIPTOR_START,
  DESCRIPTOR_TOS,
  DESCRIPTOR_TTL,
  DESCRIPTOR_UDP,
  DESCRIPTOR_VERDICT,
  INPUT_AH,
  INPUT_DECREMENT_TTL,
  INPUT_DUMMY,
  INPUT_OUTBOUND,
  INPUT_THROUGH,
  INPUT_UDP,
  INPUT_WHOLE,
  SLOT_NONE,
} from '../../firmware/abi/descriptor.ts';
import {
  PACKET_HEADROOM,
  REGION_BUNDLES,
  REGION_DESCRIPTORS,
  REGION_PACKETS,
} from '../../firmware/abi/layout.ts';
import type { Spi } from '../model/security-association.ts';
import type { MemoryLayout } from './memory-layout.ts';

const WORDS = DESCRIPTOR_SIZE / 4;

export class PacketBatch {
  /** Linear memory; it never moves while the instance lives. */
  readonly memory: Uint8Array;
  /** Packet slots. The slot with this number also exists, for single packets. */
  readonly packetSlots: number;
  /** Of these, the first are for a batch from the protected side, the others for one from the unprotected side. */
  readonly outboundSlots: number;
  /** Octets that may be written at `packetAddress`. */
  readonly packetRoom: number;
  /** Places for received bundles. */
  readonly bundlePlaces: number;
  /** Octets that may be written at `bundleAddress` and at `outboundBundleAddress`. */
  readonly bundleRoom = BUNDLE_OCTETS;
  readonly #bundles: number;
  readonly #firstPacket: number;
  readonly #stride: number;
  readonly #descriptors: number;
  /** All descriptors as 32-bit words; wasm and every machine that runs this are little-endian. */
  readonly #words: Uint32Array;
  readonly #inputFlags: number;

  /** `decrementTtl`: this router itself forwards, so TTL and hop limit are to be decremented. */
  constructor(buffer: ArrayBuffer, layout: MemoryLayout, decrementTtl: boolean) {
    const { packetSlots, packetOctets, bundles } = layout.capacities;
    this.memory = new Uint8Array(buffer);
    this.packetSlots = packetSlots;
    this.outboundSlots = packetSlots >> 1;
    this.packetRoom = packetOctets;
    this.bundlePlaces = bundles;
    this.#bundles = layout.regions[REGION_BUNDLES] ?? 0;
    this.#firstPacket = (layout.regions[REGION_PACKETS] ?? 0) + PACKET_HEADROOM;
    this.#stride = layout.packetStride;
    this.#descriptors = layout.regions[REGION_DESCRIPTORS] ?? 0;
    this.#words = new Uint32Array(buffer, this.#descriptors, (packetSlots + 1) * WORDS);
    this.#inputFlags = decrementTtl ? INPUT_DECREMENT_TTL : 0;
  }

  /** Where packet `index` is to be read to; before it is room for every header that may be added. */
  packetAddress(index: number): number {
    return this.#firstPacket + index * this.#stride;
  }

  /** Where bundle `place` is to be received to. */
  bundleAddress(place: number): number {
    return this.#bundles + place * BUNDLE_OCTETS;
  }

  /** Where a bundle from the protected side is to be read to, its virtio_net_hdr first. */
  get outboundBundleAddress(): number {
    return this.bundleAddress(this.bundlePlaces);
  }

  /** Copies `length` octets, at most `packetRoom`, from elsewhere in memory to packet slot `index`. */
  copyTo(index: number, from: number, length: number): void {
    this.memory.copyWithin(this.packetAddress(index), from, from + length);
  }

  /** A packet from the protected side: `length` octets at `packetAddress(index)`, starting with its IP header. */
  setOutbound(index: number, length: number): void {
    this.#set(index, DESCRIPTOR_START, this.packetAddress(index));
    this.#set(index, DESCRIPTOR_LENGTH, length);
    this.#set(index, DESCRIPTOR_INPUT, this.#inputFlags | INPUT_OUTBOUND);
  }

  /** A packet of this host's own that goes through one pair, whatever the SPD says (the channel). */
  setOutboundThrough(index: number, length: number, pairSpi: Spi): void {
    this.#set(index, DESCRIPTOR_START, this.packetAddress(index));
    this.#set(index, DESCRIPTOR_LENGTH, length);
    this.#set(index, DESCRIPTOR_INPUT, INPUT_THROUGH | INPUT_OUTBOUND);
    this.#set(index, DESCRIPTOR_PAIR_SPI, pairSpi);
  }

  /** A dummy (RFC 4303 section 2.6) of `length` octets for one pair; what lies at `packetAddress(index)` is overwritten. */
  setDummy(index: number, length: number, pairSpi: Spi): void {
    this.setOutboundThrough(index, length, pairSpi);
    this.#set(index, DESCRIPTOR_INPUT, INPUT_THROUGH | INPUT_OUTBOUND | INPUT_DUMMY);
  }

  /**
   * Bare ESP, or AH over IPv6, from the unprotected side: `length` octets at `packetAddress(index)`, without an IP header.
   *
   * @param udp       it came in a UDP datagram
   * @param addresses octets of which those from `peerAt` are the sender's address, from `localAt` ours (4 or 16)
   * @param peerPort  the sender's UDP port, 0 without UDP
   * @param tos       TOS or traffic class of the outer header (its ECN bits count)
   * @param ah        it is AH
   */
  setInbound(
    index: number,
    length: number,
    family: 4 | 6,
    udp: boolean,
    addresses: Uint8Array,
    peerAt: number,
    peerPort: number,
    localAt: number,
    tos: number,
    ah = false,
  ): void {
    this.#set(index, DESCRIPTOR_START, this.packetAddress(index));
    this.#set(index, DESCRIPTOR_LENGTH, length);
    this.#set(index, DESCRIPTOR_INPUT, this.#inputFlags | (udp ? INPUT_UDP : 0) | (ah ? INPUT_AH : 0));
    this.#set(index, DESCRIPTOR_FAMILY, family);
    this.#set(index, DESCRIPTOR_PEER_PORT, peerPort);
    this.#set(index, DESCRIPTOR_TOS, tos);
    const octets = family === 6 ? 16 : 4;
    this.#copyAddress(this.peerAddressAt(index), addresses, peerAt, octets);
    this.#copyAddress(this.localAddressAt(index), addresses, localAt, octets);
  }

  /** Bare ESP that came as that in slot `index - 1`, `index` above 0, came: from the same peer, in the same bundle. That slot has not been run yet. */
  setInboundAsBefore(index: number, length: number): void {
    const at = index * WORDS;
    this.#words.copyWithin(at, at - WORDS, at);
    this.#set(index, DESCRIPTOR_START, this.packetAddress(index));
    this.#set(index, DESCRIPTOR_LENGTH, length);
  }

  /** A whole packet from the unprotected side, starting with its outer IP header. */
  setInboundWhole(index: number, length: number): void {
    this.#set(index, DESCRIPTOR_START, this.packetAddress(index));
    this.#set(index, DESCRIPTOR_LENGTH, length);
    this.#set(index, DESCRIPTOR_INPUT, this.#inputFlags | INPUT_WHOLE);
  }

  /** True for a packet that was described as one from the protected side. */
  isOutbound(index: number): boolean {
    return (this.#get(index, DESCRIPTOR_INPUT) & INPUT_OUTBOUND) !== 0;
  }

  /** VERDICT_* of firmware/abi/verdict.ts. */
  verdict(index: number): number {
    return this.#get(index, DESCRIPTOR_VERDICT);
  }

  /** DROP_* of firmware/abi/drop-code.ts, where the verdict is VERDICT_DROP. */
  reason(index: number): number {
    return this.#get(index, DESCRIPTOR_REASON);
  }

  start(index: number): number {
    return this.#get(index, DESCRIPTOR_START);
  }

  length(index: number): number {
    return this.#get(index, DESCRIPTOR_LENGTH);
  }

  espStart(index: number): number {
    return this.#get(index, DESCRIPTOR_ESP_START);
  }

  espLength(index: number): number {
    return this.#get(index, DESCRIPTOR_ESP_LENGTH);
  }

  /** SPI of the pair's inbound SA; 0 if no pair was involved. */
  pairSpi(index: number): Spi {
    return this.#get(index, DESCRIPTOR_PAIR_SPI);
  }

  /** The largest packet that fits, with DROP_PACKET_TOO_BIG. */
  mtu(index: number): number {
    return this.#get(index, DESCRIPTOR_MTU);
  }

  /** Index of the SPD entry that decided, ENTRY_NONE if none; the dataplane's `entryName` names it. */
  entryIndex(index: number): number {
    return this.#get(index, DESCRIPTOR_ENTRY);
  }

  /** 4 or 6: family of the outer addresses. */
  family(index: number): number {
    return this.#get(index, DESCRIPTOR_FAMILY);
  }

  /** True when a packet to be sent goes by UDP, false when by a raw ESP socket. */
  isUdp(index: number): boolean {
    return this.#get(index, DESCRIPTOR_UDP) !== 0;
  }

  /** True when a packet to be sent is AH. */
  isAh(index: number): boolean {
    return this.#get(index, DESCRIPTOR_AH) !== 0;
  }

  peerPort(index: number): number {
    return this.#get(index, DESCRIPTOR_PEER_PORT);
  }

  /** UDP port that this router is to send from. */
  localPort(index: number): number {
    return this.#get(index, DESCRIPTOR_LOCAL_PORT);
  }

  /** Offset in `memory` of the 4 or 16 octets of the peer's outer address. */
  peerAddressAt(index: number): number {
    return this.#descriptors + index * DESCRIPTOR_SIZE + DESCRIPTOR_PEER;
  }

  /** Offset in `memory` of the 4 or 16 octets of our outer address. */
  localAddressAt(index: number): number {
    return this.#descriptors + index * DESCRIPTOR_SIZE + DESCRIPTOR_LOCAL;
  }

  /** TOS or traffic class that the outer header is to have. */
  tos(index: number): number {
    return this.#get(index, DESCRIPTOR_TOS);
  }

  /** TTL or hop limit that the outer header is to have. */
  ttl(index: number): number {
    return this.#get(index, DESCRIPTOR_TTL);
  }

  /** 1 when DF is to be set in the outer IPv4 header, 0 when the packet may be fragmented. */
  dontFragment(index: number): number {
    return this.#get(index, DESCRIPTOR_DONT_FRAGMENT);
  }

  /** INPUT_* of a packet from the protected side. */
  get outboundInput(): number {
    return this.#inputFlags | INPUT_OUTBOUND;
  }

  /** After `coalesce`: the packet that follows in the same bundle, or -1. */
  bundleNext(index: number): number {
    const next = this.#get(index, DESCRIPTOR_BUNDLE_NEXT);
    return next === SLOT_NONE ? -1 : next;
  }

  /** After `coalesce`: octets at the start that the packet leaves out behind others of its bundle; 0: it is the first. */
  bundleSkip(index: number): number {
    return this.#get(index, DESCRIPTOR_BUNDLE_SKIP);
  }

  /** Says before the packet at `at` of a packet slot, by a virtio_net_hdr, that it is one packet. Returns where that begins. */
  withoutOffload(at: number): number {
    this.memory.fill(0, at - VNET_HEADER, at);
    return at - VNET_HEADER;
  }

  /** A copy of the packet as it lies now. */
  copyPacket(index: number): Uint8Array {
    return this.memory.slice(this.start(index), this.start(index) + this.length(index));
  }

  /** A copy of the ESP part of a packet that is to be sent; with AH of the whole. */
  copyEsp(index: number): Uint8Array {
    return this.memory.slice(this.espStart(index), this.espStart(index) + this.espLength(index));
  }

  #copyAddress(to: number, source: Uint8Array, from: number, octets: number): void {
    const { memory } = this;
    for (let index = 0; index < octets; index++) memory[to + index] = source[from + index] ?? 0;
    for (let index = octets; index < 16; index++) memory[to + index] = 0;
  }

  #get(index: number, offset: number): number {
    return this.#words[index * WORDS + (offset >> 2)] ?? 0;
  }

  #set(index: number, offset: number, value: number): void {
    this.#words[index * WORDS + (offset >> 2)] = value;
  }
}
