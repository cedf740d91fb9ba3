/**
 * The keys of an SA: expands them once, from the staging area into the slot's contexts, so that no packet does key work.
 * Decides which lengths a key may have.
 */
import {
  ENCRYPTION_3DES_CBC,
  ENCRYPTION_AES_CBC,
  ENCRYPTION_AES_CCM,
  ENCRYPTION_AES_CTR,
  ENCRYPTION_AES_GCM,
  ENCRYPTION_AES_GMAC,
  ENCRYPTION_CHACHA20_POLY1305,
  ENCRYPTION_DES_CBC,
  ENCRYPTION_NULL,
  INTEGRITY_AES_CMAC_96,
  INTEGRITY_HMAC_MD5_96,
  INTEGRITY_HMAC_SHA1_96,
  INTEGRITY_HMAC_SHA256_128,
  INTEGRITY_HMAC_SHA384_192,
  INTEGRITY_HMAC_SHA512_256,
  INTEGRITY_NONE,
} from '../../abi/algorithm.ts';
import { CIPHER_INTEGRITY, CIPHER_IV_KEY } from '../../abi/crypto-context.ts';
import {
  IV_KEY_LENGTH,
  KEY_STAGING_AUTHENTICATION,
  KEY_STAGING_AUTHENTICATION_LENGTH,
  KEY_STAGING_ENCRYPTION,
  KEY_STAGING_ENCRYPTION_LENGTH,
  KEY_STAGING_IV_KEY,
  SA_ENCRYPTION,
  SA_INTEGRITY,
} from '../../abi/sa-slot.ts';
import { aesExpand } from '../crypto/aes/aes.ts';
import { cbcSetup } from '../crypto/aes-modes/cbc.ts';
import { ccmSetup } from '../crypto/aes-modes/ccm.ts';
import { cmacSetup } from '../crypto/aes-modes/cmac.ts';
import { ctrSetup } from '../crypto/aes-modes/ctr.ts';
import { gcmSetup } from '../crypto/aes-modes/gcm.ts';
import { chachaPolySetup } from '../crypto/chacha20-poly1305/chacha20-poly1305.ts';
import { desCbcSetup } from '../crypto/des/cbc.ts';
import { desExpand } from '../crypto/des/des.ts';
import {
  hmacMd5Setup,
  hmacSha1Setup,
  hmacSha256Setup,
  hmacSha384Setup,
  hmacSha512Setup,
} from '../crypto/hash/hmac.ts';
import { keyStaging } from '../regions.ts';

const DES_KEY_LENGTH: i32 = 8;
const TRIPLE_DES_KEY_LENGTH: i32 = 24;

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
  if (encryption === ENCRYPTION_NULL) return length === 0;
  if (encryption === ENCRYPTION_CHACHA20_POLY1305) {
    if (length !== 32) return false;
    chachaPolySetup(cipherPtr, key);
    return true;
  }
  if (encryption === ENCRYPTION_DES_CBC)
    return length === DES_KEY_LENGTH && expandDesKey(cipherPtr, key, length);
  if (encryption === ENCRYPTION_3DES_CBC)
    return length === TRIPLE_DES_KEY_LENGTH && expandDesKey(cipherPtr, key, length);
  return (
    (length === 16 || length === 24 || length === 32) && expandAesKey(encryption, cipherPtr, key, length)
  );
}

function expandAesKey(encryption: u32, cipherPtr: usize, key: usize, length: i32): bool {
  if (encryption === ENCRYPTION_AES_GCM || encryption === ENCRYPTION_AES_GMAC) {
    gcmSetup(cipherPtr, key, length);
  } else if (encryption === ENCRYPTION_AES_CCM) {
    ccmSetup(cipherPtr, key, length);
  } else if (encryption === ENCRYPTION_AES_CTR) {
    ctrSetup(cipherPtr, key, length);
  } else if (encryption === ENCRYPTION_AES_CBC) {
    cbcSetup(cipherPtr, key, length);
    aesExpand(keyStaging + KEY_STAGING_IV_KEY, IV_KEY_LENGTH, cipherPtr + CIPHER_IV_KEY);
  } else {
    return false;
  }
  return true;
}

/** IVs are made by triple DES with two keys whatever encrypts the text, so that the key of DES does not make them foreseeable. */
function expandDesKey(cipherPtr: usize, key: usize, length: i32): bool {
  desCbcSetup(cipherPtr, key, length);
  const ivKey = keyStaging + KEY_STAGING_IV_KEY;
  memory.copy(ivKey + IV_KEY_LENGTH, ivKey, DES_KEY_LENGTH);
  desExpand(ivKey, TRIPLE_DES_KEY_LENGTH, cipherPtr + CIPHER_IV_KEY);
  return true;
}

/** The key is as long as the digest (RFC 4868 section 2.1.1, RFC 2404, RFC 2403), or the block of AES (RFC 4494). */
function expandAuthenticationKey(integrity: u32, context: usize): bool {
  const length = load<i32>(keyStaging, KEY_STAGING_AUTHENTICATION_LENGTH);
  const key = keyStaging + KEY_STAGING_AUTHENTICATION;
  if (length !== authenticationKeyLength(integrity)) return false;
  if (integrity === INTEGRITY_HMAC_SHA1_96) hmacSha1Setup(context, key, length);
  else if (integrity === INTEGRITY_HMAC_SHA256_128) hmacSha256Setup(context, key, length);
  else if (integrity === INTEGRITY_HMAC_SHA384_192) hmacSha384Setup(context, key, length);
  else if (integrity === INTEGRITY_HMAC_SHA512_256) hmacSha512Setup(context, key, length);
  else if (integrity === INTEGRITY_AES_CMAC_96) cmacSetup(context, key, length);
  else if (integrity === INTEGRITY_HMAC_MD5_96) hmacMd5Setup(context, key, length);
  else return integrity === INTEGRITY_NONE;
  return true;
}

function authenticationKeyLength(integrity: u32): i32 {
  if (integrity === INTEGRITY_NONE) return 0;
  if (integrity === INTEGRITY_HMAC_SHA1_96) return 20;
  if (integrity === INTEGRITY_HMAC_SHA256_128) return 32;
  if (integrity === INTEGRITY_HMAC_SHA384_192) return 48;
  return integrity === INTEGRITY_HMAC_SHA512_256 ? 64 : 16;
}
