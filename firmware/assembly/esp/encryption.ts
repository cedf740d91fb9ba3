/**
 * Ciphers that go with a separate integrity: encrypts and decrypts a text by the SA's algorithm, and makes explicit IVs. Covers
 * nothing: the ICV is integrity.ts'. NULL (RFC 2410) has no IV and leaves the text as it is. Constant-time but for lengths.
 */
import { ENCRYPTION_AES_CBC } from '../../abi/algorithm.ts';
import { CIPHER_IV_KEY } from '../../abi/crypto-context.ts';
import { cbcDecrypt, cbcEncrypt, cbcUnpredictableIv } from '../crypto/aes-modes/cbc.ts';

/** Writes the explicit IV of a packet: an encryption of its sequence number, which nobody foresees (RFC 3602 section 3). */
export function writeIv(encryption: u32, cipherPtr: usize, ivPtr: usize, sequence: u64): void {
  if (encryption !== ENCRYPTION_AES_CBC) return;
  cbcUnpredictableIv(cipherPtr + CIPHER_IV_KEY, <u32>sequence, <u32>(sequence >> 32), ivPtr);
}

/** Encrypts `length` octets in place; a multiple of the SA's alignment. */
export function encrypt(encryption: u32, cipherPtr: usize, ivPtr: usize, textPtr: usize, length: u32): void {
  if (encryption === ENCRYPTION_AES_CBC) cbcEncrypt(cipherPtr, ivPtr, textPtr, <i32>length);
}

/** Decrypts `length` octets in place; a multiple of the SA's alignment. */
export function decrypt(encryption: u32, cipherPtr: usize, ivPtr: usize, textPtr: usize, length: u32): void {
  if (encryption === ENCRYPTION_AES_CBC) cbcDecrypt(cipherPtr, ivPtr, textPtr, <i32>length);
}
