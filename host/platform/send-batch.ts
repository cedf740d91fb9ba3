/**
 * A batch of datagrams to send: where each one is in the frame memory, to whom it goes, from which of our addresses, and
 * the TOS, TTL and "don't fragment" of its outer header. One array for each property; no object per datagram.
 *
 * Datagrams in a row that differ in their content alone can go as a bundle: one message, which the kernel cuts again after each
 * `lengths[i]` octets (UDP_SEGMENT), as late as it can, perhaps in the network card. What is on the wire is the same.
 */
import type { FrameMemory } from './frame-memory.ts';
import { libc } from './libc.ts';
import {
  CMSG_HEADER_LENGTH,
  CMSG_LEN,
  CMSG_LEVEL,
  CMSG_TYPE,
  cmsgSpace,
  IN_PKTINFO_LENGTH,
  IN_PKTINFO_LOCAL,
  IN6_PKTINFO_LENGTH,
  IP_PKTINFO,
  IP_TOS,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  MSG_DONTWAIT,
  SOL_UDP,
  UDP_SEGMENT,
} from './linux-abi.ts';
import { MessageStorage } from './message-storage.ts';

/** IANA's recommended default, used where the caller gives no TTL. */
const TTL_DEFAULT = 64;

// Control messages of a datagram, always in this order; the source address is left out where none is wanted. A segment size of 0
// is none; what is no UDP socket does not look at it.
const TOS_AT = 0;
const TTL_AT = cmsgSpace(4);
const SEGMENT_AT = 2 * cmsgSpace(4);
const SOURCE_AT = 2 * cmsgSpace(4) + cmsgSpace(2);
const CONTROL_LENGTH = 128;

/** Octets of a bundle, which travels through the kernel as one UDP datagram would; all kernels that bundle take 64 datagrams. */
const BUNDLE_OCTETS_MAX = 65_000;

export class SendBatch {
  readonly capacity: number;
  readonly family: 4 | 6;
  /** Where in the frame memory datagram i is, without IP or UDP header. */
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
  /** TOS or traffic class of the outer header. */
  readonly tos: Uint8Array;
  /** TTL or hop limit of the outer header; 0: 64. */
  readonly ttl: Uint8Array;
  /** 1: set DF and do not fragment here either (EMSGSIZE in `errnos` when it does not fit); 0: fragments are fine. */
  readonly dontFragment: Uint8Array;
  /** Filled by `send`: 0 when the kernel took the datagram, otherwise why not (errno). */
  readonly errnos: Uint16Array;
  readonly #showsSpi: boolean;
  readonly #frames: FrameMemory;
  readonly #storage: MessageStorage;
  readonly #withSource: Uint8Array;
  /** The first datagram of each message. */
  readonly #firsts: Uint8Array;

  /**
   * @param showsSpi whether the two highest bits of what a datagram begins with, which is an SPI, show in its TTL. They say which of a
   *   receiver's workers it is for; what differs in its TTL no receiver's kernel puts together (GRO), although all has the same ports.
   */
  constructor(family: 4 | 6, frames: FrameMemory, capacity: number, showsSpi = false) {
    this.#showsSpi = showsSpi;
    this.#frames = frames;
    this.capacity = capacity;
    this.family = family;
    this.offsets = new Uint32Array(capacity);
    this.lengths = new Uint32Array(capacity);
    this.tos = new Uint8Array(capacity);
    this.ttl = new Uint8Array(capacity);
    this.dontFragment = new Uint8Array(capacity);
    this.errnos = new Uint16Array(capacity);
    this.#withSource = new Uint8Array(capacity);
    this.#firsts = new Uint8Array(capacity + 1);
    this.#storage = new MessageStorage(family, frames, capacity, CONTROL_LENGTH);
    for (let index = 0; index < capacity; index++) this.#writeControlHeaders(index);
  }

  /** Sends datagram `index` to the address at `source[at]` (4 or 16 octets) and `port` (0 on a raw socket). */
  setPeer(index: number, source: Uint8Array, at: number, port: number): void {
    copy(this.#storage.octets, this.#storage.peerAddressAt(index), source, at, this.#storage.addressLength);
    this.#storage.setPeerPort(index, port);
  }

  /** A copy of the address that datagram `index` goes to. */
  peerAddress(index: number): Uint8Array {
    const at = this.#storage.peerAddressAt(index);
    return this.#storage.octets.slice(at, at + this.#storage.addressLength);
  }

  /** Sends datagram `index` from our address at `source[at]`, whatever the route says. */
  setSource(index: number, source: Uint8Array, at: number): void {
    copy(this.#storage.octets, this.#sourceAt(index), source, at, this.#storage.addressLength);
    this.#withSource[index] = 1;
  }

  /** Lets the route choose our address again. */
  clearSource(index: number): void {
    this.#withSource[index] = 0;
  }

  /** Hands messages `first` to `first + count - 1` over; one the kernel refuses ends the call. For sockets of this package. */
  sendTo(fd: number, first: number, count: number): number {
    return libc.sendmmsg(fd, this.#storage.messageAddress(first), count, MSG_DONTWAIT);
  }

  /** The first datagram of a prepared message; of the message behind the last, how many datagrams there are. */
  firstOf(message: number): number {
    return this.#firsts[message] ?? 0;
  }

  /**
   * Writes what the arrays say about datagrams `first` to `end - 1` into the kernel's structures.
   *
   * @param bundled whether datagrams may share a message
   * @returns how many messages they are, the first of them message 0
   */
  prepare(first: number, end: number, bundled: boolean): number {
    let messages = 0;
    let next = first;
    while (next < end) {
      const following = bundled ? this.#endOfBundle(next, end) : next + 1;
      this.#firsts[messages] = next;
      this.#prepareMessage(messages++, next, following);
      next = following;
    }
    this.#firsts[messages] = end;
    return messages;
  }

  #prepareMessage(message: number, first: number, end: number): void {
    const storage = this.#storage;
    for (let index = first; index < end; index++) {
      storage.setFrame(index, this.offsets[index] ?? 0, this.lengths[index] ?? 0);
      this.errnos[index] = 0;
    }
    storage.bundle(message, first, end - first);
    storage.resetLengths(message, this.#withSource[first] === 1 ? this.#controlLength() : SOURCE_AT);
    const control = storage.controlAt(first) + CMSG_HEADER_LENGTH;
    storage.view.setUint32(control + TOS_AT, this.tos[first] ?? 0, true);
    storage.view.setUint32(control + TTL_AT, this.#ttlOf(first), true);
    const segment = end - first > 1 ? (this.lengths[first] ?? 0) : 0;
    storage.view.setUint16(control + SEGMENT_AT, segment, true);
  }

  /** All of a bundle are as long as its first but the last, which may be shorter. */
  #endOfBundle(first: number, count: number): number {
    const { lengths } = this;
    const length = lengths[first] ?? 0;
    let octets = length;
    let end = first + 1;
    while (end < count && this.#isLikeFirst(first, end)) {
      const next = lengths[end] ?? 0;
      octets += next;
      if (next > length || next === 0 || octets > BUNDLE_OCTETS_MAX) break;
      end++;
      if (next < length) break;
    }
    return end;
  }

  #isLikeFirst(first: number, index: number): boolean {
    return (
      this.tos[index] === this.tos[first] &&
      this.#ttlOf(index) === this.#ttlOf(first) &&
      this.dontFragment[index] === this.dontFragment[first] &&
      this.#withSource[index] === 0 &&
      this.#withSource[first] === 0 &&
      this.#storage.isSamePeer(first, index)
    );
  }

  /** The last few hops of a packet that has hardly any left are its own. */
  #ttlOf(index: number): number {
    const ttl = this.ttl[index] || TTL_DEFAULT;
    if (!this.#showsSpi || ttl <= 4) return ttl;
    return ttl - ((this.#frames.octets[this.offsets[index] ?? 0] ?? 0) >>> 6);
  }

  #writeControlHeaders(index: number): void {
    const at = this.#storage.controlAt(index);
    if (this.family === 4) {
      this.#writeControlHeader(at + TOS_AT, IPPROTO_IP, IP_TOS, 4);
      this.#writeControlHeader(at + TTL_AT, IPPROTO_IP, IP_TTL, 4);
      this.#writeControlHeader(at + SOURCE_AT, IPPROTO_IP, IP_PKTINFO, IN_PKTINFO_LENGTH);
    } else {
      this.#writeControlHeader(at + TOS_AT, IPPROTO_IPV6, IPV6_TCLASS, 4);
      this.#writeControlHeader(at + TTL_AT, IPPROTO_IPV6, IPV6_HOPLIMIT, 4);
      this.#writeControlHeader(at + SOURCE_AT, IPPROTO_IPV6, IPV6_PKTINFO, IN6_PKTINFO_LENGTH);
    }
    this.#writeControlHeader(at + SEGMENT_AT, SOL_UDP, UDP_SEGMENT, 2);
  }

  #writeControlHeader(at: number, level: number, type: number, dataLength: number): void {
    this.#storage.view.setUint32(at + CMSG_LEN, CMSG_HEADER_LENGTH + dataLength, true);
    this.#storage.view.setInt32(at + CMSG_LEVEL, level, true);
    this.#storage.view.setInt32(at + CMSG_TYPE, type, true);
  }

  /** Interface index 0 and only the address filled in: the kernel still chooses the interface by route. */
  #sourceAt(index: number): number {
    const data = this.#storage.controlAt(index) + SOURCE_AT + CMSG_HEADER_LENGTH;
    return this.family === 4 ? data + IN_PKTINFO_LOCAL : data;
  }

  #controlLength(): number {
    return SOURCE_AT + cmsgSpace(this.family === 4 ? IN_PKTINFO_LENGTH : IN6_PKTINFO_LENGTH);
  }
}

/** For 4 to 16 octets a loop beats `set` with its view object. */
function copy(target: Uint8Array, to: number, source: Uint8Array, from: number, length: number): void {
  for (let index = 0; index < length; index++) target[to + index] = source[from + index] ?? 0;
}
