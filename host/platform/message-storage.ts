/**
 * The structures that recvmmsg and sendmmsg work on, for one batch: message headers, one piece of packet each, a socket
 * address and room for control messages. Laid out once in one buffer outside the JavaScript heap; after that only numbers
 * in it change. Not here: what the control messages say (receive-batch.ts, send-batch.ts).
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

/** A batch never holds more datagrams; more gained nothing and costs latency (measured with 16, 32, 64, 128). */
export const BATCH_CAPACITY_MAX = 64;

export class MessageStorage {
  readonly capacity: number;
  readonly family: 4 | 6;
  /** Everything below, for reading addresses out of; offsets come from `peerAddressAt` and the like. */
  readonly octets: Uint8Array;
  readonly view: DataView;
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
    this.address = addressOfBuffer(buffer);
    this.addressLength = family === 4 ? 4 : 16;
    this.#nameLength = family === 4 ? SOCKADDR_IN_LENGTH : SOCKADDR_IN6_LENGTH;
    this.#nameAddress = family === 4 ? SOCKADDR_IN_ADDRESS : SOCKADDR_IN6_ADDRESS;
    for (let index = 0; index < capacity; index++) this.#link(index);
  }

  /** Where message `index` starts in memory. */
  messageAddress(index: number): number {
    return this.address + index * MMSGHDR_LENGTH;
  }

  /** Points datagram `index` at `length` octets at `offset` of the frame memory. */
  setFrame(index: number, offset: number, length: number): void {
    const vector = this.#vectors + index * IOVEC_LENGTH;
    const address = this.#frames.base + offset;
    this.view.setUint32(vector + IOV_BASE, address % TWO_POW_32, true);
    this.view.setUint32(vector + IOV_BASE + 4, Math.floor(address / TWO_POW_32), true);
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
    const header = index * MMSGHDR_LENGTH;
    const name = this.#names + index * SOCKADDR_STRIDE;
    this.view.setBigUint64(header + MSG_NAME, BigInt(this.address + name), true);
    this.view.setBigUint64(
      header + MSG_IOV,
      BigInt(this.address + this.#vectors + index * IOVEC_LENGTH),
      true,
    );
    this.view.setBigUint64(header + MSG_IOVLEN, 1n, true);
    this.view.setBigUint64(header + MSG_CONTROL, BigInt(this.address + this.controlAt(index)), true);
    this.view.setUint16(name, this.family === 4 ? AF_INET : AF_INET6, true);
    this.resetLengths(index, this.controlLength);
  }
}
