/**
 * The one way in which octets of a peer can be wrong at this level: a type, length or value out of range. Sits under
 * every parser of host/ike/wire; what a machine then answers (nothing, or INVALID_SYNTAX under protection) is its
 * business. RFC 7296 section 3.10.1.
 */
import { fail, type Result } from '../../model/result.ts';

export type Parsed<Value> = Result<Value, 'INVALID_SYNTAX'>;

/** A refusal; `message` says what was expected and what was found, and quotes no octet that may be secret. */
export function syntaxError(message: string): {
  readonly ok: false;
  readonly code: 'INVALID_SYNTAX';
  readonly message: string;
} {
  return fail('INVALID_SYNTAX', message);
}

/** Big-endian 16-bit number at `offset`, which the caller has checked to exist. */
export function readUint16(octets: Uint8Array, offset: number): number {
  return ((octets[offset] ?? 0) << 8) | (octets[offset + 1] ?? 0);
}

/** Big-endian 32-bit number at `offset`, which the caller has checked to exist. */
export function readUint32(octets: Uint8Array, offset: number): number {
  return readUint16(octets, offset) * 0x10000 + readUint16(octets, offset + 2);
}

/** Writes the low 16 bits of `value` at `offset`, most significant octet first. */
export function writeUint16(octets: Uint8Array, offset: number, value: number): void {
  octets[offset] = value >>> 8;
  octets[offset + 1] = value;
}

/** Writes a number of 0..2^32-1 at `offset`, most significant octet first. */
export function writeUint32(octets: Uint8Array, offset: number, value: number): void {
  writeUint16(octets, offset, Math.floor(value / 0x10000));
  writeUint16(octets, offset + 2, value & 0xffff);
}

/** The same octets as a plain Uint8Array, borrowed: a Buffer's `slice` would share memory where ours must copy. */
export function plainOctets(octets: Uint8Array): Uint8Array {
  return new Uint8Array(octets.buffer, octets.byteOffset, octets.byteLength);
}

/** One fresh array with all `parts` in order. */
export function concatenate(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
