/** AES-256-GCM as credentials are encrypted on the flash: nonce, ciphertext, tag. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { fail, ok, type Result } from '../model/result.ts';

/** What is to be done about credentials that nobody will ever open here. */
export const writeAnew =
  'They open on the board that sealed them alone. To use this flash here: `sekisho router config factory-reset --yes --flash DEVICE`, then settings anew by `config apply`';

/** Random; whoever gives the key sees to it that it encrypts far less than 2^32 times (NIST SP 800-38D section 8.3). */
const nonceOctets = 12;
const tagOctets = 16;

/**
 * Encrypts and authenticates.
 *
 * @param key 32 octets, borrowed
 * @param context authenticated with it, and not part of what is returned
 */
export function encrypt(
  key: Uint8Array,
  random: (octets: number) => Uint8Array,
  plain: Uint8Array,
  context: Uint8Array,
): Uint8Array {
  const nonce = random(nonceOctets);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(context);
  const text = [cipher.update(plain), cipher.final()];
  return Uint8Array.from(Buffer.concat([nonce, ...text, cipher.getAuthTag()]));
}

/** The plain octets, which the caller wipes. Nothing of them is given out where the tag is wrong. */
export function decrypt(
  key: Uint8Array,
  sealed: Uint8Array,
  context: Uint8Array,
): Result<Uint8Array, 'KEY_STORE'> {
  if (sealed.length < nonceOctets + tagOctets) return fail('KEY_STORE', 'the credentials are cut short');
  const tagAt = sealed.length - tagOctets;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceOctets), {
    authTagLength: tagOctets,
  });
  decipher.setAAD(context);
  decipher.setAuthTag(sealed.subarray(tagAt));
  const plain = decipher.update(sealed.subarray(nonceOctets, tagAt));
  try {
    decipher.final();
  } catch {
    plain.fill(0);
    return fail(
      'KEY_STORE',
      `the credentials do not open with the key of this board, or they or their settings were changed. ${writeAnew}`,
    );
  }
  return ok(new Uint8Array(plain.buffer, plain.byteOffset, plain.length));
}
