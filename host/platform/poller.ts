/**
 * Waits, in a worker thread, until one of a few file descriptors is ready or another thread calls. Blocking the thread is
 * the point: the loop polls only when it is idle (spinning was slower, measured).
 */
import { writeSync } from 'node:fs';
import { addressOfBuffer, check, errno, libc } from './libc.ts';
import { EFD_CLOEXEC, EFD_NONBLOCK, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT } from './linux-abi.ts';
import { errnos, SystemCallError } from './system-call-error.ts';

const POLLFD_LENGTH = 8;

/** poll(2) over a fixed set of at most `capacity` descriptors; each keeps the index that `add` returned. */
export class Poller {
  readonly #buffer: ArrayBuffer;
  readonly #view: DataView;
  readonly #address: number;
  readonly #capacity: number;
  #count = 0;

  constructor(capacity = 16) {
    this.#capacity = capacity;
    this.#buffer = new ArrayBuffer(capacity * POLLFD_LENGTH);
    this.#view = new DataView(this.#buffer);
    this.#address = addressOfBuffer(this.#buffer);
  }

  /** Watches `fd` for input from now on. Returns its index for `isReadable` and the like. */
  add(fd: number): number {
    if (this.#count === this.#capacity) throw new RangeError(`a poller of ${this.#capacity} is full`);
    const index = this.#count++;
    this.#view.setInt32(index * POLLFD_LENGTH, fd, true);
    this.#view.setUint16(index * POLLFD_LENGTH + 4, POLLIN, true);
    return index;
  }

  /** Watches `fd` in place of the descriptor that had the index. */
  replace(index: number, fd: number): void {
    this.#view.setInt32(index * POLLFD_LENGTH, fd, true);
  }

  /** Also (or no longer) waits until the descriptor takes output, for a socket whose buffer was full. */
  watchWritable(index: number, wanted: boolean): void {
    this.#view.setUint16(index * POLLFD_LENGTH + 4, wanted ? POLLIN | POLLOUT : POLLIN, true);
  }

  /** Waits for input there (again), or for nothing but errors, which nobody can leave out. */
  watchReadable(index: number, wanted: boolean): void {
    this.#view.setUint16(index * POLLFD_LENGTH + 4, wanted ? POLLIN : 0, true);
  }

  /**
   * Waits up to `timeoutMs` milliseconds (rounded up; -1: for ever; 0: not at all).
   *
   * @returns the number of descriptors that are ready; 0 after the time or a signal
   */
  wait(timeoutMs: number): number {
    const ready = libc.poll(this.#address, this.#count, timeoutMs < 0 ? -1 : Math.ceil(timeoutMs));
    if (ready >= 0) return ready;
    const error = errno();
    for (let index = 0; index < this.#count; index++)
      this.#view.setUint16(index * POLLFD_LENGTH + 6, 0, true);
    if (error === errnos.EINTR) return 0;
    throw new SystemCallError(`poll ${this.#count} descriptors`, error);
  }

  /** True when reading will not block; also true on an error, which the read then reports. */
  isReadable(index: number): boolean {
    return (this.#events(index) & (POLLIN | POLLERR | POLLHUP | POLLNVAL)) !== 0;
  }

  isWritable(index: number): boolean {
    return (this.#events(index) & POLLOUT) !== 0;
  }

  #events(index: number): number {
    return this.#view.getUint16(index * POLLFD_LENGTH + 6, true);
  }
}

/** An eventfd that ends another thread's `Poller.wait`. Its number may be sent to the other thread; see `wake`. */
export class WakeEvent {
  readonly fd: number;
  readonly #counter = new ArrayBuffer(8);
  readonly #address = addressOfBuffer(this.#counter);

  constructor() {
    this.fd = check(libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), 'create an eventfd');
  }

  /** Forgets the calls so far. Returns whether there were any. */
  drain(): boolean {
    return libc.read(this.fd, this.#address, 8) === 8;
  }

  close(): void {
    libc.close(this.fd);
  }
}

const one = new Uint8Array(new BigUint64Array([1n]).buffer);

/** Ends the wait of the thread that polls the eventfd `fd`; callable from any thread, costs one write. */
export function wake(fd: number): void {
  writeSync(fd, one);
}
