/**
 * Where a board keeps the key that its credentials are encrypted with: a TPM, fuses, a secure element. The interface is all
 * that the flash knows of it. A board without one has its credentials on the flash as they are, and `status` says so.
 */
import { hkdfSync, timingSafeEqual } from 'node:crypto';
import { fail, ok, type Result } from '../model/result.ts';
import { decrypt, encrypt } from './encryption.ts';

/** Where a board's key store is. */
export type KeyStorePlace =
  /** A file with its device key: what the board makes of its fuses at boot, in memory. */
  | { readonly kind: 'device-key'; readonly file: string }
  /** A TPM 2.0: Linux's device with the resource manager, /dev/tpmrm0. */
  | { readonly kind: 'tpm2'; readonly device: string };

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

/**
 * Seals, and sees that it opens again, before what is sealed takes the place of what is there.
 *
 * @constantTime in the comparison
 */
export function sealAndProve(
  keyStore: KeyStore,
  plain: Uint8Array,
  context: Uint8Array,
): Result<Uint8Array, 'KEY_STORE'> {
  const sealed = keyStore.seal(plain, context);
  if (!sealed.ok) return sealed;
  const opened = keyStore.open(sealed.value, context);
  if (!opened.ok) return opened;
  const isSame = opened.value.length === plain.length && timingSafeEqual(opened.value, plain);
  opened.value.fill(0);
  return isSame
    ? sealed
    : fail('KEY_STORE', `the key store ${keyStore.name} gives back other octets than it sealed`);
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
