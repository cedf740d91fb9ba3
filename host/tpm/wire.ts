/** Octets as a TPM has them: numbers in network order, and strings of octets with their length before them (TPM2B). */

/** What a TPM, or whatever stands in its place, gets wrong; in this room alone, a key store makes a Result of it. */
export class TpmError extends Error {
  override readonly name = 'TpmError';
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** A string with its length before it. The caller wipes it where its content is secret. */
export function sized(...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > 0xffff) throw new RangeError(`expected at most 65535 octets, found ${length}`);
  return joined(u16(length), ...parts);
}

/** A copy of all parts, one behind the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Reads from the front. Every method throws TpmError where the octets end before what it is to read. */
export class WireReader {
  readonly #octets: Uint8Array;
  readonly #what: string;
  #at = 0;

  /** @param what names the octets in messages */
  constructor(octets: Uint8Array, what: string) {
    this.#octets = octets;
    this.#what = what;
  }

  get position(): number {
    return this.#at;
  }

  u8(): number {
    return this.octets(1)[0] ?? 0;
  }

  u16(): number {
    return this.u8() * 0x100 + this.u8();
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }

  /** A view of as many octets. */
  octets(length: number): Uint8Array {
    const left = this.#octets.length - this.#at;
    if (length > left) throw new TpmError(`${this.#what}: expected ${length} more octets, found ${left}`);
    this.#at += length;
    return this.#octets.subarray(this.#at - length, this.#at);
  }

  /** A view of a string that has its length before it. */
  sized(most: number): Uint8Array {
    const length = this.u16();
    if (length > most) throw new TpmError(`${this.#what}: expected at most ${most} octets, found ${length}`);
    return this.octets(length);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.octets(this.#octets.length - this.#at);
  }

  /** Throws TpmError where something is left. */
  end(): void {
    const left = this.#octets.length - this.#at;
    if (left > 0) throw new TpmError(`${this.#what}: ${left} octets too many`);
  }
}
