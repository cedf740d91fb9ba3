/**
 * Which algorithms make an SA: decides whether encryption, integrity and ICV go together, and notes in the slot what every
 * packet needs to know of them. RFC 8221: encryption never goes without integrity; a combined mode brings its own.
 */
import {
  AES_CBC_IV_LENGTH,
  COMBINED_ICV_LENGTH,
  DES_CBC_IV_LENGTH,
  ENCRYPTION_3DES_CBC,
  ENCRYPTION_AES_CBC,
  ENCRYPTION_AES_CCM,
  ENCRYPTION_AES_GCM,
  ENCRYPTION_AES_GMAC,
  ENCRYPTION_CHACHA20_POLY1305,
  ENCRYPTION_DES_CBC,
  ENCRYPTION_NULL,
  ESP_ALIGNMENT,
  INTEGRITY_AES_CMAC_96,
  INTEGRITY_HMAC_MD5_96,
  INTEGRITY_HMAC_SHA1_96,
  INTEGRITY_HMAC_SHA256_128,
  INTEGRITY_HMAC_SHA384_192,
  INTEGRITY_HMAC_SHA512_256,
  INTEGRITY_NONE,
  MIDDLE_ICV_LENGTH,
  SEQUENCE_IV_LENGTH,
  SHORT_ICV_LENGTH,
} from '../../abi/algorithm.ts';
import { AES_BLOCK_SIZE, DES_BLOCK_SIZE } from '../../abi/crypto-context.ts';
import {
  SA_ALIGNMENT,
  SA_ENCRYPTION,
  SA_FLAG_AH,
  SA_FLAGS,
  SA_ICV_LENGTH,
  SA_INTEGRITY,
  SA_IV_LENGTH,
} from '../../abi/sa-slot.ts';

/** Writes IV length and alignment into the slot. Returns false where its algorithms do not go together. */
export function writeGeometry(slotPtr: usize): bool {
  const encryption = load<u32>(slotPtr, SA_ENCRYPTION);
  const integrity = load<u32>(slotPtr, SA_INTEGRITY);
  const icv = load<u32>(slotPtr, SA_ICV_LENGTH);
  if ((load<u32>(slotPtr, SA_FLAGS) & SA_FLAG_AH) !== 0 && !isReadable(encryption)) return false;
  if (isCombined(encryption)) {
    if (integrity !== INTEGRITY_NONE || !isCombinedIcv(encryption, icv)) return false;
  } else if (icv === 0 || icv !== icvLengthOf(integrity)) {
    return false;
  }
  store<u32>(slotPtr, ivLengthOf(encryption), SA_IV_LENGTH);
  store<u32>(slotPtr, alignmentOf(encryption), SA_ALIGNMENT);
  return true;
}

/** True where one algorithm encrypts and authenticates. */
export function isCombined(encryption: u32): bool {
  return (
    encryption === ENCRYPTION_CHACHA20_POLY1305 ||
    encryption === ENCRYPTION_AES_GCM ||
    encryption === ENCRYPTION_AES_CCM ||
    encryption === ENCRYPTION_AES_GMAC
  );
}

/** True where the text stays as it is. AH has no others: NULL is its way to say that there is nothing but an integrity. */
function isReadable(encryption: u32): bool {
  return encryption === ENCRYPTION_NULL || encryption === ENCRYPTION_AES_GMAC;
}

/** Only GCM and CCM have ICVs that are cut short. */
function isCombinedIcv(encryption: u32, icv: u32): bool {
  if (icv === COMBINED_ICV_LENGTH) return true;
  if (encryption !== ENCRYPTION_AES_GCM && encryption !== ENCRYPTION_AES_CCM) return false;
  return icv === MIDDLE_ICV_LENGTH || icv === SHORT_ICV_LENGTH;
}

/** Octets of the ICV; zero, which no SA has, for none or an unknown integrity. */
function icvLengthOf(integrity: u32): u32 {
  if (integrity === INTEGRITY_HMAC_SHA256_128) return 16;
  if (integrity === INTEGRITY_HMAC_SHA384_192) return 24;
  if (integrity === INTEGRITY_HMAC_SHA512_256) return 32;
  return integrity === INTEGRITY_HMAC_SHA1_96 ||
    integrity === INTEGRITY_AES_CMAC_96 ||
    integrity === INTEGRITY_HMAC_MD5_96
    ? 12
    : 0;
}

function ivLengthOf(encryption: u32): u32 {
  if (encryption === ENCRYPTION_NULL) return 0;
  if (encryption === ENCRYPTION_AES_CBC) return AES_CBC_IV_LENGTH;
  return isDes(encryption) ? DES_CBC_IV_LENGTH : SEQUENCE_IV_LENGTH;
}

/** What the encrypted part, trailer included, is a multiple of. */
function alignmentOf(encryption: u32): u32 {
  if (encryption === ENCRYPTION_AES_CBC) return AES_BLOCK_SIZE;
  return isDes(encryption) ? DES_BLOCK_SIZE : ESP_ALIGNMENT;
}

/** True where blocks are of 8 octets. */
export function isDes(encryption: u32): bool {
  return encryption === ENCRYPTION_DES_CBC || encryption === ENCRYPTION_3DES_CBC;
}
