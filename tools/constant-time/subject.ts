/**
 * What is timed: a call into a WebAssembly module, and two classes of inputs that it must take equally long for. A subject
 * names one stretch of the module's memory that holds all that the call reads and writes; so inputs can be made before the
 * measurement and copied there by the same instruction, whichever their class. Measures nothing.
 */

export interface Subject {
  readonly name: string;
  /** What the inputs of the first and of the second class are. */
  readonly classes: readonly [string, string];
  /** The module's memory, and the stretch of it. */
  readonly memory: Uint8Array;
  readonly stretch: Stretch;
  /** Calls that make one sample: so many that it takes well over the timer's own time. */
  readonly calls: number;
  /** Makes an input of one class where it belongs; the stretch holds fresh random octets before. */
  prepare(second: boolean): void;
  call(): void;
  /** False when the last call did not do what both classes are to do: a refusal for another reason may be earlier. */
  readonly didAsMeant?: () => boolean;
}

const ALIGNMENT = 16;

/** Lays the parts of a stretch of memory out one behind the other. */
export class Stretch {
  readonly at: number;
  #end: number;

  /** @param at first octet, a multiple of 16 */
  constructor(at: number) {
    this.at = at;
    this.#end = at;
  }

  /** The address of a new part of `length` octets. */
  part(length: number): number {
    const address = this.#end;
    this.#end += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    return address;
  }

  /** Octets of all parts so far. */
  get length(): number {
    return this.#end - this.at;
  }
}
