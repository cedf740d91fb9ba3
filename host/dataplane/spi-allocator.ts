/**
 * Chooses inbound SPIs. The low bits are the pair's place in the firmware's memory, so inbound lookup is one load; the
 * high bits are random, so an SPI is not guessable and a reused place does not mean a reused SPI. Where a router has several
 * workers, each with an engine of its own, the two highest bits say whose a SPI is.
 *
 * A place is given again only after `release`, and never with a SPI that is still known to a request or an SA.
 */
import { maximumWorkers, type Spi, spiWorkerShift } from '../model/security-association.ts';

/** Whose engine has the SPI; any number has one, so that a packet for a SPI that nobody chose is counted somewhere. */
export function workerOfSpi(spi: Spi, workers: number): number {
  return (spi >>> spiWorkerShift) % workers;
}

export class SpiAllocator {
  readonly workers: number;
  readonly #capacity: number;
  readonly #randomUint32: () => number;
  readonly #free: readonly number[][];
  readonly #taken = new Map<number, Spi>();

  /**
   * @param capacity SA pairs of each engine, a power of two
   * @param randomUint32 must be unpredictable outside simulations
   * @param workers engines, 1 to `maximumWorkers`
   */
  constructor(capacity: number, randomUint32: () => number, workers = 1) {
    if (capacity < 2 || (capacity & (capacity - 1)) !== 0)
      throw new RangeError('capacity must be a power of two');
    if (!Number.isInteger(workers) || workers < 1 || workers > maximumWorkers)
      throw new RangeError(`expected 1 to ${maximumWorkers} workers, found ${workers}`);
    this.workers = workers;
    this.#capacity = capacity;
    this.#randomUint32 = randomUint32;
    this.#free = Array.from({ length: workers }, () => Array.from({ length: capacity }, (_, index) => index));
  }

  /** Places that are left, of all workers. */
  get available(): number {
    return this.#free.reduce((sum, places) => sum + places.length, 0);
  }

  /** An unused SPI of `worker` outside `avoid`, or undefined when every place there is taken. */
  allocate(avoid: ReadonlySet<Spi> = new Set(), worker = 0): Spi | undefined {
    const place = this.#free[worker]?.shift();
    if (place === undefined) return undefined;
    for (;;) {
      const spi = this.#mark(((this.#randomUint32() & ~(this.#capacity - 1)) | place) >>> 0, worker);
      // RFC 4303 section 2.1: 0 is for local use, 1..255 are reserved.
      if (spi < 256 || avoid.has(spi)) continue;
      this.#taken.set(this.#key(spi), spi);
      return spi;
    }
  }

  /** Gives a SPI back; one that is not taken is ignored. Places are reused oldest first. */
  release(spi: Spi): void {
    const key = this.#key(spi);
    if (this.#taken.get(key) !== spi) return;
    this.#taken.delete(key);
    this.#free[workerOfSpi(spi, this.workers)]?.push(spi & (this.#capacity - 1));
  }

  #mark(spi: Spi, worker: number): Spi {
    if (this.workers === 1) return spi;
    return ((spi & (2 ** spiWorkerShift - 1)) | (worker << spiWorkerShift)) >>> 0;
  }

  /** Places of all workers, numbered through. */
  #key(spi: Spi): number {
    return workerOfSpi(spi, this.workers) * this.#capacity + (spi & (this.#capacity - 1));
  }
}
