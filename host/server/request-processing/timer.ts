/** Something of request processing that is to happen at an instant; a member of the machine's one heap of deadlines. */
import type { Instant } from '../../model/instant.ts';

export interface Timer {
  readonly run: (now: Instant) => void;
}
