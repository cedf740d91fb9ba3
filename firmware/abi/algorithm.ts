/**
 * The algorithms of an SA, as SA_ENCRYPTION and SA_INTEGRITY number them, and their lengths in octets. Which of them go
 * together is decided by `firmware/assembly/sad/keys.ts`, and by `host/model/proposal.ts` for people.
 */
/** RFC 2410. */
export const ENCRYPTION_NULL = 1;
/** RFC 3602. */
export const ENCRYPTION_AES_CBC = 2;
/** RFC 4106. */
export const ENCRYPTION_AES_GCM = 3;
/** RFC 7634. */
export const ENCRYPTION_CHACHA20_POLY1305 = 4;

/** Combined modes bring their own. */
export const INTEGRITY_NONE = 0;
/** RFC 2404. */
export const INTEGRITY_HMAC_SHA1_96 = 1;
/** RFC 4868. */
export const INTEGRITY_HMAC_SHA256_128 = 2;
export const INTEGRITY_HMAC_SHA384_192 = 3;
export const INTEGRITY_HMAC_SHA512_256 = 4;

/** Explicit IVs: a counter, or a whole block that nobody foresees. */
export const SEQUENCE_IV_LENGTH = 8;
export const AES_CBC_IV_LENGTH = 16;
/** RFC 4303 section 2.4: the trailer ends on a 4-octet boundary at least. */
export const ESP_ALIGNMENT = 4;

export const ICV_MAXIMUM = 32;
export const COMBINED_ICV_LENGTH = 16;
