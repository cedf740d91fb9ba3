/**
 * A batch of received datagrams: where the kernel puts each one in the frame memory, and what it says about it (length,
 * peer, local address, TOS). One array for each property, filled anew by each `receive`; no object per datagram.
 *
 * Where the socket takes bundles (UDP_GRO), one entry may be several datagrams of one peer in a row, each `segmentLengths[i]` octets
 * long, the last perhaps shorter.
 */
import type { FrameMemory } from './frame-memory.ts';
import { libc } from './libc.ts';
import {
  CMSG_HEADER_LENGTH,
  CMSG_LEN,
  CMSG_LEVEL,
  CMSG_TYPE,
  IN_PKTINFO_DESTINATION,
  IP_PKTINFO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SOL_UDP,
  UDP_GRO,
} from './linux-abi.ts';
import { MessageStorage } from './message-storage.ts';

/** PKTINFO (40), TCLASS (24) and the segment size of a bundle (24). */
const CONTROL_LENGTH = 128;

export class ReceiveBatch {
  readonly capacity: number;
  readonly family: 4 | 6;
  /** Set by the caller before `receive`: where in the frame memory datagram i goes. Stays until changed. */
  readonly offsets: Uint32Array;
  /** Set by the caller: octets free there. */
  readonly rooms: Uint32Array;
  /** Octets received; 0 for a datagram that was longer than its room and therefore is useless. */
  readonly lengths: Uint32Array;
  /** After how many octets the next datagram of a bundle begins; as `lengths` where it is one datagram. */
  readonly segmentLengths: Uint32Array;
  /** TOS or traffic class of the outer header (DSCP and ECN). */
  readonly tos: Uint8Array;
  /** Offset in `octets` of the local address that the datagram was sent to; 0: the kernel did not say. */
  readonly localAddressAt: Uint32Array;
  /** Datagrams cut because they were longer than their room, since the start. */
  truncatedCount = 0;
  readonly #storage: MessageStorage;
  /** What the kernel's structures say; a room of 0 with offset 0 is where they start. */
  readonly #placedOffsets: Uint32Array;
  readonly #placedRooms: Uint32Array;

  constructor(family: 4 | 6, frames: FrameMemory, capacity: number) {
    this.capacity = capacity;
    this.family = family;
    this.offsets = new Uint32Array(capacity);
    this.rooms = new Uint32Array(capacity);
    this.lengths = new Uint32Array(capacity);
    this.segmentLengths = new Uint32Array(capacity);
    this.tos = new Uint8Array(capacity);
    this.localAddressAt = new Uint32Array(capacity);
    this.#placedOffsets = new Uint32Array(capacity);
    this.#placedRooms = new Uint32Array(capacity);
    this.#storage = new MessageStorage(family, frames, capacity, CONTROL_LENGTH);
    // An empty place is an address too.
    for (let index = 0; index < capacity; index++) this.#storage.setFrame(index, 0, 0);
  }

  /** What `peerAddressAt` and `localAddressAt` are offsets into; addresses are 4 or 16 octets, network order. */
  get octets(): Uint8Array {
    return this.#storage.octets;
  }

  /** Offset in `octets` of the address that datagram `index` came from. */
  peerAddressAt(index: number): number {
    return this.#storage.peerAddressAt(index);
  }

  /** UDP port that datagram `index` came from; 0 on a raw socket. */
  peerPort(index: number): number {
    return this.#storage.peerPort(index);
  }

  /**
   * Receives what is waiting on the non-blocking socket `fd`, at most `count`. For sockets of this package only.
   *
   * @returns how many arrived, or a negative number: ask `errno()`
   */
  receiveFrom(fd: number, count: number): number {
    const storage = this.#storage;
    for (let index = 0; index < count; index++) this.#placeFrame(index);
    const received = libc.recvmmsg(fd, storage.address, count, MSG_DONTWAIT, 0);
    for (let index = 0; index < received; index++) {
      this.#read(index);
      storage.resetLengths(index, CONTROL_LENGTH);
    }
    return received;
  }

  /** Most places stay from call to call, and comparing is cheaper than writing: an empty call costs a third less (measured). */
  #placeFrame(index: number): void {
    const offset = this.offsets[index] ?? 0;
    const room = this.rooms[index] ?? 0;
    if (offset === this.#placedOffsets[index] && room === this.#placedRooms[index]) return;
    this.#storage.setFrame(index, offset, room);
    this.#placedOffsets[index] = offset;
    this.#placedRooms[index] = room;
  }

  #read(index: number): void {
    const storage = this.#storage;
    if ((storage.flags(index) & MSG_TRUNC) === 0) {
      this.lengths[index] = storage.transferredLength(index);
    } else {
      this.lengths[index] = 0;
      this.truncatedCount++;
    }
    this.segmentLengths[index] = this.lengths[index] ?? 0;
    this.tos[index] = 0;
    this.localAddressAt[index] = 0;
    const view = storage.view;
    let at = storage.controlAt(index);
    const end = at + storage.receivedControlLength(index);
    while (at + CMSG_HEADER_LENGTH <= end) {
      const length = view.getUint32(at + CMSG_LEN, true);
      if (length < CMSG_HEADER_LENGTH) return;
      this.#readControl(index, view.getInt32(at + CMSG_LEVEL, true), view.getInt32(at + CMSG_TYPE, true), at);
      at += (length + 7) & ~7;
    }
  }

  /** Nothing to cut where the kernel says 0, or more than there is. */
  #readSegmentLength(index: number, length: number): void {
    if (length > 0 && length < (this.lengths[index] ?? 0)) this.segmentLengths[index] = length;
  }

  #readControl(index: number, level: number, type: number, at: number): void {
    const value = at + CMSG_HEADER_LENGTH;
    if (level === IPPROTO_IP) {
      // IP_TOS is one octet; IPV6_TCLASS is an int, whose low octet comes first.
      if (type === IP_TOS) this.tos[index] = this.#storage.view.getUint8(value);
      else if (type === IP_PKTINFO) this.localAddressAt[index] = value + IN_PKTINFO_DESTINATION;
    } else if (level === IPPROTO_IPV6) {
      if (type === IPV6_TCLASS) this.tos[index] = this.#storage.view.getUint8(value);
      else if (type === IPV6_PKTINFO) this.localAddressAt[index] = value;
    } else if (level === SOL_UDP && type === UDP_GRO) {
      this.#readSegmentLength(index, this.#storage.view.getUint32(value, true));
    }
  }
}
