/** The cipher suites of an SA, as SA_SUITE numbers them. Octet counts are those of the ESP packet. */
/** AES-GCM with a 16-octet ICV, RFC 4106. */
export const SUITE_AES_GCM_16 = 1;
/** AES-CBC (RFC 3602) with HMAC-SHA-1-96 (RFC 2404). */
export const SUITE_AES_CBC_HMAC_SHA1_96 = 2;
/** AES-CBC (RFC 3602) with HMAC-SHA-256-128 (RFC 4868). */
export const SUITE_AES_CBC_HMAC_SHA256_128 = 3;

export const GCM_IV_LENGTH = 8;
export const GCM_NONCE_LENGTH = 12;
export const GCM_ICV_LENGTH = 16;
/** RFC 4303 section 2.4: the trailer ends on a 4-octet boundary. */
export const GCM_ALIGNMENT = 4;
export const CBC_IV_LENGTH = 16;
export const CBC_ALIGNMENT = 16;
export const HMAC_SHA1_96_ICV_LENGTH = 12;
export const HMAC_SHA1_KEY_LENGTH = 20;
export const HMAC_SHA256_128_ICV_LENGTH = 16;
export const HMAC_SHA256_KEY_LENGTH = 32;
