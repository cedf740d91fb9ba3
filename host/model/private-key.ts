/** A private key in a file of its own: PKCS#8 in PEM, without a password (RFC 5958, RFC 7468). */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { HostError } from './host-error.ts';
import { keyMistake } from './signature-scheme.ts';

/**
 * The key in `octets`, which stays within OpenSSL from here on.
 *
 * @param name of the file or field, for the message
 * @wipes `octets`
 * @throws HostError CREDENTIAL_UNREADABLE when it is none, or too weak
 */
export function pkcs8KeyIn(octets: Uint8Array, name: string): KeyObject {
  const refuse = (why: string): HostError => new HostError('CREDENTIAL_UNREADABLE', `${name}: ${why}`);
  const pem = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  try {
    if (!pem.includes('-----BEGIN PRIVATE KEY-----')) {
      throw refuse(
        'expected PKCS#8 in PEM (-----BEGIN PRIVATE KEY-----); convert with: openssl pkcs8 -topk8 -nocrypt',
      );
    }
    const key = createPrivateKey({ key: pem, format: 'pem' });
    const mistake = keyMistake(key);
    if (mistake !== undefined) throw refuse(mistake);
    return key;
  } catch (cause) {
    if (cause instanceof HostError) throw cause;
    throw refuse('expected a private key in PKCS#8, found something else');
  } finally {
    octets.fill(0);
  }
}
