/**
 * Where a board keeps the key that its credentials are encrypted with: a TPM, fuses, a secure element. The interface is all
 * that the flash knows of it. A board without one has its credentials on the flash as they are, and `status` says so.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { fail, ok, type Result } from '../model/result.ts';

export interface KeyStore {
  /** Of the kind of store, as records name it; a record that another kind sealed cannot be opened. */
  readonly name: string;
  /**
   * Encrypts and authenticates.
   *
   * @param context what it goes with, authenticated but not encrypted; without exactly this it does not open again
   */
  seal(plain: Uint8Array, context: Uint8Array): Uint8Array;
  /** The plain octets, which the caller wipes; or why the store does not open them. */
  open(sealed: Uint8Array, context: Uint8Array): Result<Uint8Array, 'KEY_STORE'>;
}

/** Of AES-GCM; random, and drawn for a few thousand settings in the life of a board: NIST SP 800-38D section 8.3 allows 2^32. */
const nonceOctets = 12;
const tagOctets = 16;
const deviceKeyOctets = 32;

/**
 * A key store around one secret number of the board: fuses that only the boot loader can read, or what a TPM unseals at boot.
 * AES-256-GCM, with a key derived from it for this purpose alone (HKDF, RFC 5869).
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
    seal(plain, context) {
      const nonce = random(nonceOctets);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      cipher.setAAD(context);
      const text = [cipher.update(plain), cipher.final()];
      return Uint8Array.from(Buffer.concat([nonce, ...text, cipher.getAuthTag()]));
    },
    open(sealed, context) {
      if (sealed.length < nonceOctets + tagOctets) return fail('KEY_STORE', 'the credentials are cut short');
      const tagAt = sealed.length - tagOctets;
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceOctets));
      decipher.setAAD(context);
      decipher.setAuthTag(sealed.subarray(tagAt));
      const plain = decipher.update(sealed.subarray(nonceOctets, tagAt));
      try {
        decipher.final();
      } catch {
        plain.fill(0);
        return fail('KEY_STORE', 'the credentials do not open with the key of this board');
      }
      return ok(new Uint8Array(plain.buffer, plain.byteOffset, plain.length));
    },
  };
}
