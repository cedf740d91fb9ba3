/**
 * Chooses inbound SPIs. The low bits are the pair's place in the firmware's memory, so inbound lookup is one load; the
 * high bits are random, so an SPI is not guessable and a reused place does not mean a reused SPI.
 *
 * A place is given again only after `release`, and never with a SPI that is still known to a request or an SA.
 */
import type { Spi } from '../model/security-association.ts';

export class SpiAllocator {
  readonly #capacity: number;
  readonly #randomUint32: () => number;
  readonly #free: number[];
  readonly #taken = new Map<number, Spi>();

  /** `capacity` is the number of SA pairs, a power of two; `randomUint32` must be unpredictable outside simulations. */
  constructor(capacity: number, randomUint32: () => number) {
    if (capacity < 2 || (capacity & (capacity - 1)) !== 0)
      throw new RangeError('capacity must be a power of two');
    this.#capacity = capacity;
    this.#randomUint32 = randomUint32;
    this.#free = Array.from({ length: capacity }, (_, index) => index);
  }

  get available(): number {
    return this.#free.length;
  }

  /** An unused SPI outside `avoid`, or undefined when every place is taken. */
  allocate(avoid: ReadonlySet<Spi> = new Set()): Spi | undefined {
    const place = this.#free.shift();
    if (place === undefined) return undefined;
    for (;;) {
      const spi = ((this.#randomUint32() & ~(this.#capacity - 1)) | place) >>> 0;
      // RFC 4303 section 2.1: 0 is for local use, 1..255 are reserved.
      if (spi < 256 || avoid.has(spi)) continue;
      this.#taken.set(place, spi);
      return spi;
    }
  }

  /** Gives a SPI back; one that is not taken is ignored. Places are reused oldest first. */
  release(spi: Spi): void {
    const place = spi & (this.#capacity - 1);
    if (this.#taken.get(place) !== spi) return;
    this.#taken.delete(place);
    this.#free.push(place);
  }
}
