/** Identifiers that an image needs, made from what it is: the same image has the same ones on each machine. */
import { createHash } from 'node:crypto';

/** A UUID of version 8 (RFC 9562 section 5.8) from `parts`, in upper case, as GPT's tools print them. */
export function uuidOf(...parts: readonly string[]): string {
  const octets = createHash('sha256').update(parts.join('/')).digest().subarray(0, 16);
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x80;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  const hex = octets.toString('hex').toUpperCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A file system's serial number, as eight hexadecimal digits. */
export function serialOf(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('/')).digest('hex').slice(0, 8);
}
