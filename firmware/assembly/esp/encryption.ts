/**
 * Ciphers that go with a separate integrity: encrypts and decrypts a text by the SA's algorithm, and makes explicit IVs. Covers
 * nothing: the ICV is integrity.ts'. NULL (RFC 2410) has no IV and leaves the text as it is. Constant-time but for lengths.
 */
import { ENCRYPTION_AES_CBC, ENCRYPTION_AES_CTR } from '../../abi/algorithm.ts';
import { CIPHER_IV_KEY } from '../../abi/crypto-context.ts';
import { cbcDecrypt } from '../crypto/aes-modes/cbc.ts';
import { ctrEncrypt } from '../crypto/aes-modes/ctr.ts';
import { desCbcDecrypt, desCbcEncrypt, desCbcUnpredictableIv } from '../crypto/des/cbc.ts';
import { isDes } from '../sad/algorithms.ts';
import { NONCE, writeCounterIv, writeNonce } from './nonce.ts';

/**
 * Writes the explicit IV of a packet: for CBC an encryption of its sequence number, which nobody foresees (RFC 2451 section 3),
 * for CTR the number itself. AES-CBC is seal-queue.ts'.
 */
export function writeIv(encryption: u32, cipherPtr: usize, ivPtr: usize, sequence: u64): void {
  const low = <u32>sequence;
  const high = <u32>(sequence >> 32);
  if (encryption === ENCRYPTION_AES_CTR) writeCounterIv(ivPtr, sequence);
  else if (isDes(encryption)) desCbcUnpredictableIv(cipherPtr + CIPHER_IV_KEY, low, high, ivPtr);
}

/** Encrypts `length` octets in place; a multiple of the SA's alignment. AES-CBC is seal-queue.ts'. */
export function encrypt(
  slotPtr: usize,
  encryption: u32,
  cipherPtr: usize,
  ivPtr: usize,
  textPtr: usize,
  length: u32,
): void {
  if (encryption === ENCRYPTION_AES_CTR) addKeystream(slotPtr, cipherPtr, ivPtr, textPtr, length);
  else if (isDes(encryption)) desCbcEncrypt(cipherPtr, ivPtr, textPtr, <i32>length);
}

/** Decrypts `length` octets in place; a multiple of the SA's alignment. */
export function decrypt(
  slotPtr: usize,
  encryption: u32,
  cipherPtr: usize,
  ivPtr: usize,
  textPtr: usize,
  length: u32,
): void {
  if (encryption === ENCRYPTION_AES_CBC) cbcDecrypt(cipherPtr, ivPtr, textPtr, <i32>length);
  else if (encryption === ENCRYPTION_AES_CTR) addKeystream(slotPtr, cipherPtr, ivPtr, textPtr, length);
  else if (isDes(encryption)) desCbcDecrypt(cipherPtr, ivPtr, textPtr, <i32>length);
}

function addKeystream(slotPtr: usize, cipherPtr: usize, ivPtr: usize, textPtr: usize, length: u32): void {
  writeNonce(slotPtr, ivPtr);
  ctrEncrypt(cipherPtr, NONCE, textPtr, <i32>length);
}
