/**
 * The one source of chance of a fuzz run: xoshiro128** (Blackman and Vigna 2018), seeded through SplitMix32, in 32-bit
 * integers so that a number costs a few nanoseconds and nothing is allocated. Not for keys that guard anything.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** The same seeds give the same numbers. `stream` sets apart what is drawn under one seed. */
  constructor(seed: number, stream: number) {
    let state = seed >>> 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) | 0;
    };
    this.#a = next();
    this.#b = next() ^ Math.floor(seed / 2 ** 32);
    this.#c = next() ^ stream;
    this.#d = next() | 1;
    for (let round = 0; round < 16; round++) this.uint32();
  }

  uint32(): number {
    const times5 = Math.imul(this.#b, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result >>> 0;
  }

  /** A whole number of [0, end). */
  below(end: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * end);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<Value>(values: readonly Value[]): Value {
    // An index below the length is always there.
    return values[this.below(values.length)] as Value;
  }

  octets(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.uint32() & 0xff);
  }
}
