/** A seeded generator (sfc32, PractRand's small fast counter): the one source of chance in a simulated world. */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 2 ** 32) >>> 0;
    this.#c = 0x9e3779b9;
    for (let round = 0; round < 15; round += 1) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** Of [0, 1). */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** A whole number of [0, end). */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** Of [first, last), not necessarily whole. */
  between(first: number, last: number): number {
    return first + this.fraction() * (last - first);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  }

  octets(count: number): Uint8Array {
    const octets = new Uint8Array(count);
    for (let index = 0; index < count; index += 1) octets[index] = this.uint32() & 0xff;
    return octets;
  }

  /** A generator of its own, so that what one part draws does not change what another gets. */
  fork(): Prng {
    return new Prng(this.uint32() + this.below(2 ** 20) * 2 ** 32);
  }
}
