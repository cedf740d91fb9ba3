/**
 * The algorithms of an SA, as SA_ENCRYPTION and SA_INTEGRITY number them, and their lengths in octets. Which of them go
 * together is decided by `firmware/assembly/sad/algorithms.ts`, and by `host/model/proposal.ts` for people.
 */
/** RFC 2410. */
export const ENCRYPTION_NULL = 1;
/** RFC 3602. */
export const ENCRYPTION_AES_CBC = 2;
/** RFC 4106. */
export const ENCRYPTION_AES_GCM = 3;
/** RFC 7634. */
export const ENCRYPTION_CHACHA20_POLY1305 = 4;
/** RFC 3686. */
export const ENCRYPTION_AES_CTR = 5;
/** RFC 4309. */
export const ENCRYPTION_AES_CCM = 6;
/** RFC 4543: covers the text and leaves it readable. */
export const ENCRYPTION_AES_GMAC = 7;
/** RFC 2405 and RFC 2451; legacy. */
export const ENCRYPTION_DES_CBC = 8;
export const ENCRYPTION_3DES_CBC = 9;

/** Combined modes bring their own. */
export const INTEGRITY_NONE = 0;
/** RFC 2404. */
export const INTEGRITY_HMAC_SHA1_96 = 1;
/** RFC 4868. */
export const INTEGRITY_HMAC_SHA256_128 = 2;
export const INTEGRITY_HMAC_SHA384_192 = 3;
export const INTEGRITY_HMAC_SHA512_256 = 4;
/** RFC 4494. */
export const INTEGRITY_AES_CMAC_96 = 5;
/** RFC 2403; legacy. */
export const INTEGRITY_HMAC_MD5_96 = 6;

/** Explicit IVs: a counter, or a whole block that nobody foresees. */
export const SEQUENCE_IV_LENGTH = 8;
export const AES_CBC_IV_LENGTH = 16;
export const DES_CBC_IV_LENGTH = 8;
/** RFC 4303 section 2.4: the trailer ends on a 4-octet boundary at least. */
export const ESP_ALIGNMENT = 4;

export const ICV_MAXIMUM = 32;
export const COMBINED_ICV_LENGTH = 16;
/** RFC 4106 section 6, RFC 4309 section 6. */
export const SHORT_ICV_LENGTH = 8;
export const MIDDLE_ICV_LENGTH = 12;
