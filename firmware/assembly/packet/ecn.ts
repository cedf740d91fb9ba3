/** Explicit congestion notification across a tunnel (RFC 6040), in the low two bits of TOS or traffic class. */
export const ECN_MASK: u32 = 3;
export const ECN_NOT_ECT: u32 = 0;
export const ECN_ECT_1: u32 = 1;
export const ECN_ECT_0: u32 = 2;
export const ECN_CE: u32 = 3;

/** What `decapsulatedEcn` says of a packet that must be dropped. */
export const ECN_DROP: u32 = 4;

/**
 * The inner ECN field after decapsulation.
 *
 * @returns 0..3, or ECN_DROP: congestion was experienced and the sender cannot be told otherwise
 * @rfc 6040 section 4.2, figure 4
 */
export function decapsulatedEcn(inner: u32, outer: u32): u32 {
  if (outer === ECN_CE) return inner === ECN_NOT_ECT ? ECN_DROP : ECN_CE;
  if (outer === ECN_ECT_1 && inner === ECN_ECT_0) return ECN_ECT_1;
  return inner;
}
