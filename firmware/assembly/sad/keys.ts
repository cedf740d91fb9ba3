/**
 * Which algorithms make an SA, and its keys: decides whether encryption, integrity, ICV and key lengths go together, notes in
 * the slot what every packet needs to know of them, and expands the keys once, so that no packet does key work.
 *
 * RFC 8221: encryption never goes without integrity; a combined mode brings its own.
 */
import {
  AES_CBC_IV_LENGTH,
  COMBINED_ICV_LENGTH,
  ENCRYPTION_AES_CBC,
  ENCRYPTION_AES_GCM,
  ENCRYPTION_CHACHA20_POLY1305,
  ENCRYPTION_NULL,
  ESP_ALIGNMENT,
  INTEGRITY_HMAC_SHA1_96,
  INTEGRITY_HMAC_SHA256_128,
  INTEGRITY_HMAC_SHA384_192,
  INTEGRITY_HMAC_SHA512_256,
  INTEGRITY_NONE,
  SEQUENCE_IV_LENGTH,
} from '../../abi/algorithm.ts';
import { AES_BLOCK_SIZE, CIPHER_INTEGRITY, CIPHER_IV_KEY } from '../../abi/crypto-context.ts';
import {
  IV_KEY_LENGTH,
  KEY_STAGING_AUTHENTICATION,
  KEY_STAGING_AUTHENTICATION_LENGTH,
  KEY_STAGING_ENCRYPTION,
  KEY_STAGING_ENCRYPTION_LENGTH,
  KEY_STAGING_IV_KEY,
  SA_ALIGNMENT,
  SA_ENCRYPTION,
  SA_ICV_LENGTH,
  SA_INTEGRITY,
  SA_IV_LENGTH,
} from '../../abi/sa-slot.ts';
import { aesExpand } from '../crypto/aes/aes.ts';
import { cbcSetup } from '../crypto/aes-modes/cbc.ts';
import { gcmSetup } from '../crypto/aes-modes/gcm.ts';
import { chachaPolySetup } from '../crypto/chacha20-poly1305/chacha20-poly1305.ts';
import { hmacSha1Setup, hmacSha256Setup, hmacSha384Setup, hmacSha512Setup } from '../crypto/hash/hmac.ts';
import { keyStaging } from '../regions.ts';

/** Writes IV length and alignment into the slot. Returns false where its algorithms do not go together. */
export function writeGeometry(slotPtr: usize): bool {
  const encryption = load<u32>(slotPtr, SA_ENCRYPTION);
  const integrity = load<u32>(slotPtr, SA_INTEGRITY);
  const icv = load<u32>(slotPtr, SA_ICV_LENGTH);
  if (isCombined(encryption)) {
    if (integrity !== INTEGRITY_NONE || icv !== COMBINED_ICV_LENGTH) return false;
  } else if (icv === 0 || icv !== icvLengthOf(integrity)) {
    return false;
  }
  store<u32>(slotPtr, ivLengthOf(encryption), SA_IV_LENGTH);
  store<u32>(slotPtr, alignmentOf(encryption), SA_ALIGNMENT);
  return true;
}

/** True where one algorithm encrypts and authenticates. */
export function isCombined(encryption: u32): bool {
  return encryption === ENCRYPTION_AES_GCM || encryption === ENCRYPTION_CHACHA20_POLY1305;
}

/** Octets of the ICV; zero, which no SA has, for none or an unknown integrity. */
function icvLengthOf(integrity: u32): u32 {
  if (integrity === INTEGRITY_HMAC_SHA256_128) return 16;
  if (integrity === INTEGRITY_HMAC_SHA384_192) return 24;
  if (integrity === INTEGRITY_HMAC_SHA512_256) return 32;
  return integrity === INTEGRITY_HMAC_SHA1_96 ? 12 : 0;
}

function ivLengthOf(encryption: u32): u32 {
  if (encryption === ENCRYPTION_NULL) return 0;
  return encryption === ENCRYPTION_AES_CBC ? AES_CBC_IV_LENGTH : SEQUENCE_IV_LENGTH;
}

/** What the encrypted part, trailer included, is a multiple of. */
function alignmentOf(encryption: u32): u32 {
  return encryption === ENCRYPTION_AES_CBC ? AES_BLOCK_SIZE : ESP_ALIGNMENT;
}

/** Fills the contexts of an SA from the staging area. Returns false for an unknown algorithm or a key of the wrong length. */
export function expandKeys(slotPtr: usize, cipherPtr: usize): bool {
  return (
    expandEncryptionKey(load<u32>(slotPtr, SA_ENCRYPTION), cipherPtr) &&
    expandAuthenticationKey(load<u32>(slotPtr, SA_INTEGRITY), cipherPtr + CIPHER_INTEGRITY)
  );
}

function expandEncryptionKey(encryption: u32, cipherPtr: usize): bool {
  const length = load<i32>(keyStaging, KEY_STAGING_ENCRYPTION_LENGTH);
  const key = keyStaging + KEY_STAGING_ENCRYPTION;
  const ivKey = keyStaging + KEY_STAGING_IV_KEY;
  if (encryption === ENCRYPTION_NULL) return length === 0;
  if (encryption === ENCRYPTION_CHACHA20_POLY1305) {
    if (length !== 32) return false;
    chachaPolySetup(cipherPtr, key);
    return true;
  }
  if (length !== 16 && length !== 24 && length !== 32) return false;
  if (encryption === ENCRYPTION_AES_GCM) {
    gcmSetup(cipherPtr, key, length);
  } else if (encryption === ENCRYPTION_AES_CBC) {
    cbcSetup(cipherPtr, key, length);
    aesExpand(ivKey, IV_KEY_LENGTH, cipherPtr + CIPHER_IV_KEY);
  } else {
    return false;
  }
  return true;
}

/** RFC 4868 section 2.1.1, RFC 2404: the key is as long as the digest. */
function expandAuthenticationKey(integrity: u32, context: usize): bool {
  const length = load<i32>(keyStaging, KEY_STAGING_AUTHENTICATION_LENGTH);
  const key = keyStaging + KEY_STAGING_AUTHENTICATION;
  if (length !== authenticationKeyLength(integrity)) return false;
  if (integrity === INTEGRITY_HMAC_SHA1_96) hmacSha1Setup(context, key, length);
  else if (integrity === INTEGRITY_HMAC_SHA256_128) hmacSha256Setup(context, key, length);
  else if (integrity === INTEGRITY_HMAC_SHA384_192) hmacSha384Setup(context, key, length);
  else if (integrity === INTEGRITY_HMAC_SHA512_256) hmacSha512Setup(context, key, length);
  else return integrity === INTEGRITY_NONE;
  return true;
}

function authenticationKeyLength(integrity: u32): i32 {
  if (integrity === INTEGRITY_NONE) return 0;
  if (integrity === INTEGRITY_HMAC_SHA1_96) return 20;
  if (integrity === INTEGRITY_HMAC_SHA256_128) return 32;
  if (integrity === INTEGRITY_HMAC_SHA384_192) return 48;
  return 64;
}
