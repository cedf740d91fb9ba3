/**
 * Certificate and Certificate Request payloads, X.509 certificates as they are; other encodings (hash and URL, lists) are
 * passed over, which RFC 7296 allows. Sections 3.6 and 3.7.
 */
import { ok } from '../../model/result.ts';
import { certificateEncodings, payloadTypes } from './iana-numbers.ts';
import type { PayloadValue } from './payload-chain.ts';
import { concatenate, type Parsed, syntaxError } from './syntax.ts';

/** DER of the X.509 certificates among `bodies` of Certificate payloads, in order; borrowed. */
export function parseCertificates(bodies: readonly Uint8Array[]): Parsed<readonly Uint8Array[]> {
  const certificates: Uint8Array[] = [];
  for (const body of bodies) {
    if (body.length < 2) return syntaxError(`expected at least 2 octets of CERT, found ${body.length}`);
    if (body[0] === certificateEncodings.x509Signature) certificates.push(body.subarray(1));
  }
  return ok(certificates);
}

/** One Certificate payload for each DER of `chain`, the sender's own first. */
export function encodeCertificates(chain: readonly Uint8Array[]): PayloadValue[] {
  return chain.map((der) => ({
    type: payloadTypes.certificate,
    body: concatenate(Uint8Array.of(certificateEncodings.x509Signature), der),
  }));
}

/** A Certificate Request payload that names authorities by the SHA-1 of their public keys. */
export function encodeCertificateRequest(authorityKeyHashes: readonly Uint8Array[]): PayloadValue {
  return {
    type: payloadTypes.certificateRequest,
    body: concatenate(Uint8Array.of(certificateEncodings.x509Signature), ...authorityKeyHashes),
  };
}
