/**
 * Which of two SAs stays when both ends have rekeyed the same one at once: each end sees four nonces, and the SA whose
 * exchange has the lowest of them is redundant. Its creator deletes it. RFC 7296 sections 2.8.1 and 2.8.2.
 */

/** The nonces of one exchange of CREATE_CHILD_SA. */
export interface NoncePair {
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
}

/** True when the SA of `own` is the redundant one, and that of `other` stays. */
export function isRedundant(own: NoncePair, other: NoncePair): boolean {
  return Buffer.compare(lowest(own), lowest(other)) < 0;
}

/** Octet by octet; of two that begin alike the shorter is the lower, which is how Buffer.compare orders. */
function lowest({ initiatorNonce, responderNonce }: NoncePair): Uint8Array {
  return Buffer.compare(initiatorNonce, responderNonce) < 0 ? initiatorNonce : responderNonce;
}
