/**
 * Sizes in octets of the cipher and integrity contexts that the host lays out in SA slots, and of what they take and give.
 * A context is filled once per SA by its setup function, read by every packet, and wiped with its slot; it holds key
 * material throughout. Addresses should be multiples of 16 (speed only). Decides no key lengths for proposals: that is
 * `host/model/proposal.ts`. RFC 4106, RFC 3602, RFC 2405, RFC 2451, RFC 2403, RFC 2404, RFC 4868.
 */

/** Number of rounds (u32, padded to 16), then up to 15 round keys of 16 octets (AES-256, FIPS 197 §5). */
export const AES_SCHEDULE_SIZE = 256;

/** Powers of the hash key kept per SA; eight make a context of 4.5 KiB, see `ghash.ts`. */
export const GHASH_POWERS = 8;
/** 17 rows for low and 17 for high nibbles, 16 octets each. */
export const GHASH_POWER_SIZE = 544;

/** AES schedule, then the nibble rows of H^8 ... H^1. */
export const GCM_CONTEXT_SIZE = AES_SCHEDULE_SIZE + GHASH_POWERS * GHASH_POWER_SIZE;

/** Encrypting schedule, then decrypting schedule. */
export const CBC_CONTEXT_SIZE = 2 * AES_SCHEDULE_SIZE;

/** Number of rounds (u32, padded to 16), then up to 48 round keys of 16 octets (triple DES, FIPS 46-3). */
export const DES_SCHEDULE_SIZE = 784;
/** One schedule, which decryption reads backwards. */
export const DES_CBC_CONTEXT_SIZE = DES_SCHEDULE_SIZE;
/** Schedule of the key that encrypts counters into unpredictable IVs (RFC 2451 §3). */
export const DES_CBC_IV_CONTEXT_SIZE = DES_SCHEDULE_SIZE;

/** Chaining values after the inner and the outer padded key (RFC 2104 §4), each padded to half a block of the hash. */
export const HMAC_MD5_CONTEXT_SIZE = 64;
export const HMAC_SHA1_CONTEXT_SIZE = 64;
export const HMAC_SHA256_CONTEXT_SIZE = 64;
export const HMAC_SHA384_CONTEXT_SIZE = 128;
export const HMAC_SHA512_CONTEXT_SIZE = 128;

/** Packets that `hmac…Lanes` takes at once. */
export const HMAC_LANES = 8;
/** One of those packets, four u32: addresses of context, message and digest, and the message's length in octets. */
export const HMAC_JOB_CONTEXT = 0;
export const HMAC_JOB_MESSAGE = 4;
export const HMAC_JOB_LENGTH = 8;
export const HMAC_JOB_OUT = 12;
export const HMAC_JOB_SIZE = 16;

export const AES_BLOCK_SIZE = 16;
export const DES_BLOCK_SIZE = 8;
export const GCM_NONCE_SIZE = 12;
export const GCM_ICV_SIZE = 16;
export const MD5_DIGEST_SIZE = 16;
export const SHA1_DIGEST_SIZE = 20;
export const SHA256_DIGEST_SIZE = 32;
export const SHA384_DIGEST_SIZE = 48;
export const SHA512_DIGEST_SIZE = 64;

/** The key as it is (RFC 8439 §2.8); the salt of ESP (RFC 7634 §2) is part of the nonce. */
export const CHACHA20_POLY1305_CONTEXT_SIZE = 32;
export const CHACHA20_POLY1305_NONCE_SIZE = 12;
export const CHACHA20_POLY1305_ICV_SIZE = 16;

/** One slot's place among the ciphers: the encryption's context, and where there is a separate integrity its own behind it. */
export const CIPHER_CONTEXT_SIZE = GCM_CONTEXT_SIZE;
/** Behind the longest context of CBC, which is that of DES: the schedule that makes IVs, and the context of the integrity. */
export const CIPHER_IV_KEY = DES_CBC_CONTEXT_SIZE;
export const CIPHER_INTEGRITY = CIPHER_IV_KEY + DES_CBC_IV_CONTEXT_SIZE;

/** A text that is encrypted beside others (`cbc-lanes.ts`), four u32: addresses of IV and text, length of the text, address of the schedule. */
export const CBC_JOB_IV = 0;
export const CBC_JOB_TEXT = 4;
export const CBC_JOB_LENGTH = 8;
export const CBC_JOB_SCHEDULE = 12;
export const CBC_JOB_SIZE = 16;
/** The most that one call takes. */
export const CBC_LANES = 8;

export const CTR_CONTEXT_SIZE = AES_SCHEDULE_SIZE;
/** What precedes the counter: the SA's 4 octets and the packet's IV of 8 (RFC 3686 §4). */
export const CTR_NONCE_SIZE = 12;

export const CCM_CONTEXT_SIZE = AES_SCHEDULE_SIZE;
/** The SA's salt of 3 octets and the packet's IV of 8 (RFC 4309 §4). */
export const CCM_NONCE_SIZE = 11;

/** AES schedule, then the subkeys K1 and K2 (RFC 4493 §2.3). */
export const CMAC_CONTEXT_SIZE = AES_SCHEDULE_SIZE + 32;
/** ESP and AH take the first 12 octets (RFC 4494 §2). */
export const CMAC_SIZE = 16;
