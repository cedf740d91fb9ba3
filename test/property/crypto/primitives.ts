/**
 * The shipped module's ciphers, callable from tests, and fields of its memory with canaries around them. One instance a
 * test file; the tests lay out its memory themselves, above the module's own constants. No packet engine here.
 */
import { readFileSync } from 'node:fs';

/** Signatures as in firmware/assembly/crypto/primitives.ts: addresses and lengths. */
export interface Primitives {
  primitive_aes_tables(): number;
  primitive_aes_expand(key: number, keyLength: number, schedule: number): void;
  primitive_aes_encrypt(schedule: number, block: number): void;
  primitive_aes_expand_decrypt(key: number, keyLength: number, schedule: number): void;
  primitive_aes_decrypt_eight(schedule: number, blocks: number): void;
  primitive_gcm_setup(context: number, key: number, keyLength: number): void;
  primitive_gcm_seal(
    context: number,
    nonce: number,
    aad: number,
    aadLength: number,
    text: number,
    textLength: number,
    icv: number,
    icvLength: number,
  ): void;
  primitive_gcm_open(
    context: number,
    nonce: number,
    aad: number,
    aadLength: number,
    text: number,
    textLength: number,
    icv: number,
    icvLength: number,
  ): number;
  primitive_cbc_setup(context: number, key: number, keyLength: number): void;
  primitive_cbc_encrypt(context: number, iv: number, text: number, textLength: number): void;
  primitive_cbc_decrypt(context: number, iv: number, text: number, textLength: number): void;
  primitive_cbc_unpredictable_iv(
    schedule: number,
    sequenceLow: number,
    sequenceHigh: number,
    out: number,
  ): void;
  primitive_equal(a: number, b: number, length: number): number;
  primitive_self_test(): number;
}

const PAGES = 64;
/** Above the module's constants and scratch, which end well below. */
const FIELDS_START = 2 ** 20;
const CANARY_LENGTH = 48;
const CANARY = 0xc5;

const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
const module = new WebAssembly.Module(readFileSync(new URL('../../../build/firmware.wasm', import.meta.url)));
// The module exports numbers only; its signatures are checked by the calls themselves.
export const primitives = new WebAssembly.Instance(module, { env: { memory } })
  .exports as unknown as Primitives;

const octets = new Uint8Array(memory.buffer);

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
    octets[this.address + (bit >>> 3)]! ^= 1 << (bit & 7);
  }

  hasItsCanaries(): boolean {
    const before = octets.subarray(this.address - CANARY_LENGTH, this.address);
    const end = this.address + this.length;
    return [...before, ...octets.subarray(end, end + CANARY_LENGTH)].every((octet) => octet === CANARY);
  }
}

/** Lays fields out one after the other; a fresh one per case starts from the front again. */
export class Layout {
  readonly fields: Field[] = [];
  #next = FIELDS_START;

  /** A field of `content`'s length that holds it, `misalignment` octets past a multiple of 16. */
  place(content: Uint8Array, misalignment = 0): Field {
    const address = Math.ceil((this.#next + CANARY_LENGTH) / 16) * 16 + misalignment;
    const field = new Field(address, content.length);
    field.write(content);
    this.#next = address + content.length + CANARY_LENGTH;
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

/** Octets at an address of the module's own, such as its tables; live, not a copy. */
export function octetsAt(address: number, length: number): Uint8Array {
  return octets.subarray(address, address + length);
}

export const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
export const fromHex = (digits: string): Uint8Array =>
  Uint8Array.from(Buffer.from(digits.replace(/\s/g, ''), 'hex'));
export const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

/** `length` octets that depend on `seed` alone, so that a failure repeats (splitmix32). */
export function sampleOctets(length: number, seed: number): Uint8Array {
  let state = seed | 0;
  return Uint8Array.from({ length }, () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) & 0xff;
  });
}
