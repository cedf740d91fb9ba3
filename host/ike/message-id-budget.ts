/**
 * What is done about an IKE SA whose message IDs come to their end: they have 32 bits and never start over, so it is rekeyed
 * before, and closed where that came to nothing. RFC 7296 section 2.2.
 */
import type { IkeSa } from './ike-sa.ts';

/** Message IDs at which an IKE SA is rekeyed; ours: enough for tries that meet the peer's own, and for what comes between. */
const reserve = 64;

export class MessageIdBudget {
  #rekeyed: IkeSa | undefined;

  /** What is to be done with `ikeSa` now; `rekey` once, so that a peer that refuses is not asked until the last one. */
  look(ikeSa: IkeSa): 'rekey' | 'close' | undefined {
    if (ikeSa.messageIdsLeft > reserve) return undefined;
    // The last one is for its delete.
    if (ikeSa.messageIdsLeft <= 1) return 'close';
    if (this.#rekeyed === ikeSa) return undefined;
    this.#rekeyed = ikeSa;
    return 'rekey';
  }
}
