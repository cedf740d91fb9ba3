/**
 * Which of two SAs stays when both ends have rekeyed the same one at once: each end sees four nonces, and the SA whose
 * exchange has the lowest of them is redundant. Its creator deletes it. RFC 7296 sections 2.8.1 and 2.8.2.
 */
import type { Nonces } from '../crypto/key-derivation.ts';

/** True when the SA of `own` is the redundant one, and that of `other` stays. */
export function isRedundant(own: Nonces, other: Nonces): boolean {
  return Buffer.compare(lowest(own), lowest(other)) < 0;
}

/** Octet by octet; of two that begin alike the shorter is the lower, which is how Buffer.compare orders. */
function lowest({ initiatorNonce, responderNonce }: Nonces): Uint8Array {
  return Buffer.compare(initiatorNonce, responderNonce) < 0 ? initiatorNonce : responderNonce;
}
