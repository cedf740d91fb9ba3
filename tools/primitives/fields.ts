/**
 * Stretches of the firmware's memory for its ciphers to work on, laid out one after the other with canaries between them, so
 * that whoever writes beyond a field is seen.
 */
import { fieldsStart, octets } from './firmware.ts';

const CANARY_LENGTH = 48;
const CANARY = 0xc5;

/** A stretch of the module's memory with canaries before and after it. */
export class Field {
  readonly address: number;
  readonly length: number;

  constructor(address: number, length: number) {
    this.address = address;
    this.length = length;
    octets.fill(CANARY, address - CANARY_LENGTH, address);
    octets.fill(CANARY, address + length, address + length + CANARY_LENGTH);
  }

  /** A copy of what it holds. */
  read(): Uint8Array {
    return octets.slice(this.address, this.address + this.length);
  }

  write(content: Uint8Array): void {
    octets.set(content, this.address);
  }

  flipBit(bit: number): void {
    const at = this.address + (bit >>> 3);
    octets[at] = (octets[at] ?? 0) ^ (1 << (bit & 7));
  }

  hasItsCanaries(): boolean {
    const end = this.address + this.length;
    for (let distance = 1; distance <= CANARY_LENGTH; distance++) {
      if (octets[this.address - distance] !== CANARY || octets[end + distance - 1] !== CANARY) return false;
    }
    return true;
  }
}

/** Lays fields out one after the other; a fresh one per case starts from the front again. */
export class Layout {
  readonly fields: Field[] = [];
  #next = fieldsStart;

  /** A field of `content`'s length that holds it, `misalignment` octets past a multiple of 16. */
  place(content: Uint8Array, misalignment = 0): Field {
    const address = Math.ceil((this.#next + CANARY_LENGTH) / 16) * 16 + misalignment;
    const end = address + content.length + CANARY_LENGTH;
    if (end > octets.length) {
      throw new RangeError(`expected at most ${octets.length - fieldsStart} octets of fields, found more`);
    }
    const field = new Field(address, content.length);
    field.write(content);
    this.#next = end;
    this.fields.push(field);
    return field;
  }

  /** A field of `length` octets of 0xee, to be written by the module. */
  room(length: number, misalignment = 0): Field {
    return this.place(new Uint8Array(length).fill(0xee), misalignment);
  }

  hasItsCanaries(): boolean {
    return this.fields.every((field) => field.hasItsCanaries());
  }
}
