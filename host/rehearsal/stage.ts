/** What all players of a rehearsal share: randomness, a clock that only the rehearsal moves, and one pre-shared key. */
import type { Instant } from '../model/instant.ts';

export interface Stage {
  /** Unpredictable octets: the keys of a rehearsal are as good as others, and exist nowhere else. */
  readonly random: (octets: number) => Uint8Array;
  readonly uint32: () => number;
  readonly now: () => Instant;
  readonly preSharedKey: Uint8Array;
}
