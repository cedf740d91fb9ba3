/**
 * Numbers of the IANA registry "Internet Key Exchange Version 2 (IKEv2) Parameters", only those that this
 * implementation reads or writes. They are the one place where such a number is spelled out.
 * RFC 7296 section 3, RFC 5282 (AES-GCM), RFC 7634 (ChaCha20-Poly1305), RFC 4868 (HMAC-SHA-2), RFC 5903 (ECP groups),
 * RFC 3526 (MODP groups), RFC 8031 (Curve25519), RFC 7427 and RFC 8420 (signatures).
 */

/** RFC 7296 section 3.1: this is IKEv2, and the flags of the fixed header. */
export const ikeMajorVersion = 2;
export const headerFlags = { response: 0x20, version: 0x10, initiator: 0x08 } as const;

/** RFC 7296 section 3.1. */
export const exchangeTypes = {
  ikeSaInit: 34,
  ikeAuth: 35,
  createChildSa: 36,
  informational: 37,
  ikeIntermediate: 43, // RFC 9242 section 3.1
} as const;

/** RFC 7296 section 3.2. Vendor IDs, configuration and EAP are recognised but not acted on. */
export const payloadTypes = {
  none: 0,
  securityAssociation: 33,
  keyExchange: 34,
  identificationInitiator: 35,
  identificationResponder: 36,
  certificate: 37,
  certificateRequest: 38,
  authentication: 39,
  nonce: 40,
  notify: 41,
  delete: 42,
  vendorId: 43,
  trafficSelectorInitiator: 44,
  trafficSelectorResponder: 45,
  encrypted: 46,
  configuration: 47,
  extensibleAuthentication: 48,
  encryptedFragment: 53, // RFC 7383 section 2.5
} as const;

/** RFC 7296 section 3.3.1. */
export const protocolIds = { none: 0, ike: 1, ah: 2, esp: 3 } as const;

/** RFC 7296 section 3.3.2. */
export const transformTypes = {
  encryption: 1,
  pseudorandomFunction: 2,
  integrity: 3,
  keyExchangeMethod: 4,
  extendedSequenceNumbers: 5,
  additionalKeyExchange1: 6, // RFC 9370 section 2.2.1
} as const;

/** Transform IDs, by transform type. */
export const encryptionIds = { aesCbc: 12, aesGcm16: 20, chacha20Poly1305: 28 } as const;
export const pseudorandomFunctionIds = { hmacSha256: 5, hmacSha384: 6, hmacSha512: 7 } as const;
export const integrityIds = { none: 0, hmacSha256: 12, hmacSha384: 13, hmacSha512: 14 } as const;
export const keyExchangeMethodIds = {
  none: 0,
  modp1536: 5,
  modp2048: 14,
  modp3072: 15,
  ecp256: 19,
  ecp384: 20,
  curve25519: 31,
  mlkem768: 36, // draft-ietf-ipsecme-ikev2-mlkem
} as const;
export const extendedSequenceNumbersIds = { no: 0, yes: 1 } as const;

/** RFC 7296 section 3.3.5: Key Length, the only transform attribute there is. */
export const keyLengthAttribute = 14;

/** RFC 7296 section 3.5. */
export const identificationTypes = {
  ipv4Address: 1,
  fqdn: 2,
  rfc822Address: 3,
  ipv6Address: 5,
  derAsn1Dn: 9,
  derAsn1Gn: 10,
  keyId: 11,
} as const;

/** RFC 7296 section 3.6. */
export const certificateEncodings = { x509Signature: 4 } as const;

/** RFC 7296 section 3.8, RFC 4754, RFC 7427. */
export const authenticationMethods = {
  rsaDigitalSignature: 1,
  sharedKeyMessageIntegrityCode: 2,
  ecdsaSha256P256: 9,
  ecdsaSha384P384: 10,
  digitalSignature: 14,
} as const;

/** RFC 7427 section 7, RFC 8420: only the strong ones. */
export const signatureHashIds = { sha256: 2, sha384: 3, sha512: 4, identity: 5 } as const;

/** RFC 7296 section 3.10.1: below 16384 an error, otherwise a status. */
export const notifyTypes = {
  unsupportedCriticalPayload: 1,
  invalidIkeSpi: 4,
  invalidMajorVersion: 5,
  invalidSyntax: 7,
  invalidSpi: 11,
  noProposalChosen: 14,
  invalidKePayload: 17,
  authenticationFailed: 24,
  noAdditionalSas: 35,
  tsUnacceptable: 38,
  unacceptableAddresses: 40, // RFC 4555 section 4.1
  unexpectedNatDetected: 41, // likewise
  temporaryFailure: 43,
  childSaNotFound: 44,
  initialContact: 16384,
  natDetectionSourceIp: 16388,
  natDetectionDestinationIp: 16389,
  cookie: 16390,
  useTransportMode: 16391,
  rekeySa: 16393,
  mobikeSupported: 16396, // RFC 4555 section 4.2, and those to noNatsAllowed
  additionalIp4Address: 16397,
  noAdditionalAddresses: 16399,
  updateSaAddresses: 16400,
  cookie2: 16401,
  noNatsAllowed: 16402,
  fragmentationSupported: 16430, // RFC 7383 section 2.3
  usePpk: 16435, // RFC 8784 section 3, the next two too
  ppkIdentity: 16436,
  noPpkAuth: 16437,
  intermediateExchangeSupported: 16438, // RFC 9242 section 3.1
  signatureHashAlgorithms: 16431, // RFC 7427 section 7
} as const;

export const firstStatusNotifyType = 16384;

/** RFC 7296 section 3.13.1. */
export const trafficSelectorTypes = { ipv4AddressRange: 7, ipv6AddressRange: 8 } as const;
