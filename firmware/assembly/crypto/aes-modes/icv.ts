/**
 * ICVs of 8, 12 or 16 octets, the lengths that RFC 4106 and RFC 4309 give GCM and CCM: a shortened one is the beginning of
 * the whole. Decides no length; what is compared is compared in `equal.ts`.
 */
import { equal } from '../equal.ts';

/** The whole ICV; not reentrant. */
const COMPUTED_ICV: usize = memory.data(16, 16);

/** Writes the first `icvLength` octets of the whole ICV `computed`, and no more. */
export function writeIcv(icv: usize, computed: v128, icvLength: i32): void {
  v128.store(COMPUTED_ICV, computed);
  // Word by word: memory.copy leaves the module, which costs more than so few octets.
  for (let at: usize = 0; at < <usize>icvLength; at += 4) store<u32>(icv + at, load<u32>(COMPUTED_ICV + at));
}

/** True when the `icvLength` octets at `icv` are the first of `computed`. @constantTime but for the verdict */
export function isIcv(icv: usize, computed: v128, icvLength: i32): bool {
  v128.store(COMPUTED_ICV, computed);
  return equal(COMPUTED_ICV, icv, icvLength);
}
