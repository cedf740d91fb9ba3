/**
 * The structures that recvmmsg and sendmmsg work on, for one batch: message headers, and for each datagram a piece of packet, a
 * socket address and room for control messages. Laid out once in one buffer outside the JavaScript heap; after that only numbers
 * in it change. Message i is datagram i, unless `bundle` makes one message of several. Not here: what the control messages say
 * (receive-batch.ts, send-batch.ts).
 *
 * ```
 *  0              64·n           80·n             112·n                (112+C)·n
 *  | mmsghdr × n  | iovec × n    | sockaddr × n   | control (C) × n     |
 * ```
 */
import type { FrameMemory } from './frame-memory.ts';
import { addressOfBuffer } from './libc.ts';
import {
  AF_INET,
  AF_INET6,
  IOV_BASE,
  IOV_LEN,
  IOVEC_LENGTH,
  MMSGHDR_LENGTH,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_FLAGS,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_LEN,
  MSG_NAME,
  MSG_NAMELEN,
  SOCKADDR_IN_ADDRESS,
  SOCKADDR_IN_LENGTH,
  SOCKADDR_IN6_ADDRESS,
  SOCKADDR_IN6_LENGTH,
  SOCKADDR_PORT,
} from './linux-abi.ts';

const SOCKADDR_STRIDE = 32;
const TWO_POW_32 = 0x1_0000_0000;

/** A batch of 64 (more gained nothing and costs latency, measured with 16, 32, 64, 128), and a single datagram beside it. */
export const BATCH_CAPACITY_MAX = 65;

export class MessageStorage {
  readonly capacity: number;
  readonly family: 4 | 6;
  /** Everything below, for reading addresses out of; offsets come from `peerAddressAt` and the like. */
  readonly octets: Uint8Array;
  readonly view: DataView;
  readonly #words: Uint32Array;
  /** Address of the first mmsghdr. */
  readonly address: number;
  /** Octets of an address: 4 or 16. */
  readonly addressLength: number;
  /** Octets reserved for the control messages of one datagram. */
  readonly controlLength: number;
  readonly #frames: FrameMemory;
  readonly #names: number;
  readonly #vectors: number;
  readonly #controls: number;
  readonly #nameLength: number;
  readonly #nameAddress: number;
  readonly #nameWords: number;

  constructor(family: 4 | 6, frames: FrameMemory, capacity: number, controlLength: number) {
    if (!(capacity >= 1 && capacity <= BATCH_CAPACITY_MAX)) {
      throw new RangeError(`a batch holds 1 to ${BATCH_CAPACITY_MAX} datagrams, not ${capacity}`);
    }
    this.family = family;
    this.capacity = capacity;
    this.controlLength = controlLength;
    this.#frames = frames;
    this.#vectors = capacity * MMSGHDR_LENGTH;
    this.#names = this.#vectors + capacity * IOVEC_LENGTH;
    this.#controls = this.#names + capacity * SOCKADDR_STRIDE;
    const buffer = new ArrayBuffer(this.#controls + capacity * controlLength);
    this.octets = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.#words = new Uint32Array(buffer);
    this.address = addressOfBuffer(buffer);
    this.addressLength = family === 4 ? 4 : 16;
    this.#nameLength = family === 4 ? SOCKADDR_IN_LENGTH : SOCKADDR_IN6_LENGTH;
    this.#nameAddress = family === 4 ? SOCKADDR_IN_ADDRESS : SOCKADDR_IN6_ADDRESS;
    this.#nameWords = this.#nameLength >> 2;
    for (let index = 0; index < capacity; index++) this.#link(index);
  }

  /** Makes message `message` of datagrams `first` to `first + count - 1`: the name and control messages of the first, all pieces. */
  bundle(message: number, first: number, count: number): void {
    const header = message * MMSGHDR_LENGTH;
    this.#setAddress(header + MSG_NAME, this.#names + first * SOCKADDR_STRIDE);
    this.#setAddress(header + MSG_IOV, this.#vectors + first * IOVEC_LENGTH);
    this.#setAddress(header + MSG_CONTROL, this.controlAt(first));
    this.view.setUint32(header + MSG_IOVLEN, count, true);
  }

  /** Whether two datagrams go to the same address and port. */
  isSamePeer(one: number, other: number): boolean {
    const words = this.#words;
    const oneAt = (this.#names + one * SOCKADDR_STRIDE) >> 2;
    const otherAt = (this.#names + other * SOCKADDR_STRIDE) >> 2;
    for (let word = 0; word < this.#nameWords; word++) {
      if (words[oneAt + word] !== words[otherAt + word]) return false;
    }
    return true;
  }

  /** Where message `index` starts in memory. */
  messageAddress(index: number): number {
    return this.address + index * MMSGHDR_LENGTH;
  }

  /** Points datagram `index` at `length` octets at `offset` of the frame memory. */
  setFrame(index: number, offset: number, length: number): void {
    const vector = this.#vectors + index * IOVEC_LENGTH;
    writeAddress(this.view, vector + IOV_BASE, this.#frames.base + offset);
    this.view.setUint32(vector + IOV_LEN, length, true);
  }

  /** Tells the kernel again how much room there is; it overwrote that with what it used. */
  resetLengths(index: number, controlLength: number): void {
    const header = index * MMSGHDR_LENGTH;
    this.view.setUint32(header + MSG_NAMELEN, this.#nameLength, true);
    this.view.setUint32(header + MSG_CONTROLLEN, controlLength, true);
  }

  /** Octets that the kernel moved. */
  transferredLength(index: number): number {
    return this.view.getUint32(index * MMSGHDR_LENGTH + MSG_LEN, true);
  }

  /** Octets of control messages that the kernel wrote. */
  receivedControlLength(index: number): number {
    return this.view.getUint32(index * MMSGHDR_LENGTH + MSG_CONTROLLEN, true);
  }

  flags(index: number): number {
    return this.view.getUint32(index * MMSGHDR_LENGTH + MSG_FLAGS, true);
  }

  /** Offset in `octets` of the peer's address. */
  peerAddressAt(index: number): number {
    return this.#names + index * SOCKADDR_STRIDE + this.#nameAddress;
  }

  peerPort(index: number): number {
    return this.view.getUint16(this.#names + index * SOCKADDR_STRIDE + SOCKADDR_PORT, false);
  }

  setPeerPort(index: number, port: number): void {
    this.view.setUint16(this.#names + index * SOCKADDR_STRIDE + SOCKADDR_PORT, port, false);
  }

  /** Offset in `octets` of the control messages of datagram `index`. */
  controlAt(index: number): number {
    return this.#controls + index * this.controlLength;
  }

  #link(index: number): void {
    this.bundle(index, index, 1);
    const name = this.#names + index * SOCKADDR_STRIDE;
    this.view.setUint16(name, this.family === 4 ? AF_INET : AF_INET6, true);
    this.resetLengths(index, this.controlLength);
  }

  #setAddress(at: number, offset: number): void {
    writeAddress(this.view, at, this.address + offset);
  }
}

/** An address of at most 53 bits, which all of user space's are, as 64. */
export function writeAddress(view: DataView, at: number, address: number): void {
  // A remainder of doubles would be a call, several times as slow.
  const high = Math.floor(address / TWO_POW_32);
  view.setUint32(at, address - high * TWO_POW_32, true);
  view.setUint32(at + 4, high, true);
}
