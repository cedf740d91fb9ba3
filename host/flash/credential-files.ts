/**
 * The credentials of one revision: what would be files beside a settings file, by name. They stand apart from the settings,
 * so that those can be shown, compared and brought to another version without a secret in them.
 */
import { fail, ok, type Result } from '../model/result.ts';

/** Octets by name. The owner wipes them. */
export type CredentialFiles = ReadonlyMap<string, Uint8Array>;

const lengthOctets = 4;

/** One string of octets, which the caller wipes: for each file the length of its name, the name, its length, its octets. */
export function packCredentials(files: CredentialFiles): Uint8Array {
  const parts = [...files].flatMap(([name, octets]) => [new TextEncoder().encode(name), octets]);
  const packed = new Uint8Array(parts.reduce((sum, { length }) => sum + lengthOctets + length, 0));
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    packed.set(part, at + lengthOctets);
    at += lengthOctets + part.length;
  }
  return packed;
}

/** The files again, as copies. */
export function unpackCredentials(packed: Uint8Array): Result<CredentialFiles, 'RECORD'> {
  const parts: Uint8Array[] = [];
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  let at = 0;
  while (at < packed.length) {
    const length = at + lengthOctets <= packed.length ? view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (at + lengthOctets + length > packed.length) return cut(parts);
    parts.push(packed.slice(at + lengthOctets, at + lengthOctets + length));
    at += lengthOctets + length;
  }
  if (parts.length % 2 !== 0) return cut(parts);
  const files = new Map<string, Uint8Array>();
  for (let index = 0; index < parts.length; index += 2) {
    files.set(new TextDecoder().decode(parts[index]), parts[index + 1] ?? new Uint8Array(0));
  }
  return ok(files);
}

/** Overwrites what the files hold. */
export function wipeCredentials(files: CredentialFiles): void {
  for (const octets of files.values()) octets.fill(0);
}

function cut(parts: readonly Uint8Array[]): Result<never, 'RECORD'> {
  for (const part of parts) part.fill(0);
  return fail('RECORD', 'the credentials of the record are cut short');
}
