/** The latest time that a router has seen, as it survives a restart: a lower bound of the present time (host/model/trusted-time.ts). */
import type { StateStore } from '../flash/state.ts';
import type { UtcMs } from '../model/trusted-time.ts';

/** Its name among what survives. */
export const timeDocument = 'last-seen-time';

/** undefined at the first start, or when nothing can be made of what is kept. Throws HostError FLASH. */
export function lastSeenUtcMs(state: StateStore): UtcMs | undefined {
  const kept = state.read(timeDocument);
  if (kept === undefined) return undefined;
  const seen = Date.parse(new TextDecoder().decode(kept).trim());
  return Number.isFinite(seen) ? seen : undefined;
}
