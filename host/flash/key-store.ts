/**
 * Where a board keeps the key that its credentials are encrypted with: a TPM, fuses, a secure element. The interface is all
 * that the flash knows of it. A board without one has its credentials on the flash as they are, and `status` says so.
 */
import { hkdfSync } from 'node:crypto';
import { ok, type Result } from '../model/result.ts';
import { decrypt, encrypt } from './encryption.ts';

export interface KeyStore {
  /** Of the kind of store, as records name it; a record that another kind sealed cannot be opened. */
  readonly name: string;
  /**
   * Encrypts and authenticates.
   *
   * @param context what it goes with, authenticated but not encrypted; without exactly this it does not open again
   */
  seal(plain: Uint8Array, context: Uint8Array): Result<Uint8Array, 'KEY_STORE'>;
  /** The plain octets, which the caller wipes; or why the store does not open them. */
  open(sealed: Uint8Array, context: Uint8Array): Result<Uint8Array, 'KEY_STORE'>;
}

const deviceKeyOctets = 32;

/**
 * A key store around one secret number of the board, such as fuses that only the boot loader can read. AES-256-GCM, with a key
 * derived from it for this purpose alone (HKDF, RFC 5869) and a few thousand records in the life of a board.
 *
 * @param deviceKey 32 octets, borrowed during the call
 * @throws RangeError for another length
 */
export function deviceKeyStore(deviceKey: Uint8Array, random: (octets: number) => Uint8Array): KeyStore {
  if (deviceKey.length !== deviceKeyOctets) {
    throw new RangeError(`expected a device key of ${deviceKeyOctets} octets, found ${deviceKey.length}`);
  }
  const key = new Uint8Array(hkdfSync('sha256', deviceKey, '', 'sekisho config flash', 32));
  return {
    name: 'device-key',
    seal: (plain, context) => ok(encrypt(key, random, plain, context)),
    open: (sealed, context) => decrypt(key, sealed, context),
  };
}
