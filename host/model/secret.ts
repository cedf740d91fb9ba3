/**
 * Key material. It prints as `[secret]` wherever a log, an error, JSON or the inspector would show it, and is wiped by
 * its owner as soon as it was used.
 */
import { timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

export class Secret {
  readonly #octets: Uint8Array;

  /** Takes ownership of `octets`: nobody else may keep a reference. */
  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  get length(): number {
    return this.#octets.length;
  }

  /** The octets themselves, borrowed until `wipe()`; never copy them into a string. */
  reveal(): Uint8Array {
    return this.#octets;
  }

  /** True when both hold the same octets; takes the same time wherever they differ. */
  equals(other: Secret): boolean {
    return this.length === other.length && timingSafeEqual(this.#octets, other.#octets);
  }

  /** Overwrites the octets with zeros. */
  wipe(): void {
    this.#octets.fill(0);
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
