/**
 * Takes out of Node's binary what strips types from TypeScript: 3.8 MB of text, a WebAssembly module in base64 that does not
 * compress. The image's code is JavaScript. What is taken out is overwritten with zeros, as ICU's data is (icu-data.ts).
 */
import { HostError } from '../../host/model/host-error.ts';

/** A WebAssembly module's first octets, in base64. */
const moduleStart = 'AGFzbQ';
/** The function that the text exports; other texts of Node hold modules too. */
const exported = 'transformSync';
/** Node's own texts end with a zero, and have none inside. */
const end = 0;

/** Overwrites in place; returns the octets freed. Throws HostError PLATFORM when the binary has no such text. */
export function clearTypeStripper(binary: Buffer): number {
  for (let at = binary.indexOf(moduleStart); at >= 0; at = binary.indexOf(moduleStart, at + 1)) {
    const from = binary.lastIndexOf(end, at) + 1;
    const to = binary.indexOf(end, at);
    if (to < 0 || !binary.subarray(from, to).includes(exported)) continue;
    binary.fill(0, from, to);
    return to - from;
  }
  throw new HostError('PLATFORM', "Node's binary has no stripper of types of the expected form");
}
