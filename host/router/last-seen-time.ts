/** The latest time that a router has seen, as it survives a restart: a lower bound of the present time (host/model/trusted-time.ts). */
import type { StateStore } from '../flash/state.ts';
import type { UtcMs } from '../model/trusted-time.ts';

/** Its name among what survives. */
const timeDocument = 'last-seen-time';

/**
 * What was kept last; undefined at the first start, or when nothing can be made of it.
 *
 * @param warn hears of the latter
 * @throws HostError FLASH when it cannot be read
 */
export function readLastSeen(state: StateStore, warn: (message: string) => void): UtcMs | undefined {
  const kept = state.read(timeDocument);
  if (kept === undefined) return undefined; // the first start, or a new flash
  const seen = Date.parse(new TextDecoder().decode(kept).trim());
  if (Number.isFinite(seen)) return seen;
  warn(`${timeDocument}, which was kept, holds no time; taken for missing`);
  return undefined;
}

/** Keeps `utcMs`, to the millisecond. Throws as `readLastSeen`. */
export function writeLastSeen(state: StateStore, utcMs: UtcMs): void {
  const text = `${new Date(Math.trunc(utcMs)).toISOString()}\n`;
  state.write(timeDocument, new TextEncoder().encode(text));
}
