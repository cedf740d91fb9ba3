/**
 * Pairs of routers between which nothing gets through, as far as they report it: for people, who are to see it at the
 * server. Bounded, and forgotten when nobody reports it any more.
 */
import { formatEndpoint } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import { pairKey } from '../distribution-policies/policy-set.ts';
import type { Entry } from '../management-table/management-table.ts';
import type { RouterBook } from './router-book.ts';

/** Somebody who keeps trying reports it anew every 80 s at the latest (a router's back-off and its tries). */
const rememberedMs = 300_000;
const maximumPaths = 256;

export interface DeadPath {
  readonly routers: readonly [string, string];
  readonly detail: string;
  readonly at: Instant;
}

export class DeadPaths {
  readonly #byPair = new Map<string, DeadPath>();

  /** Keeps in mind that two routers do not reach each other. */
  note(path: DeadPath): void {
    const key = pairKey(...path.routers);
    // Taken out first, so that the oldest stays in front.
    this.#byPair.delete(key);
    const [oldest] = this.#byPair.keys();
    if (oldest !== undefined && this.#byPair.size >= maximumPaths) this.#byPair.delete(oldest);
    this.#byPair.set(key, path);
  }

  /** What was reported of late. */
  recent(now: Instant): DeadPath[] {
    return [...this.#byPair.values()].filter(({ at }) => now - at < rememberedMs);
  }
}

/** The two places between which there is no path, in words. */
export function describeSeenPath(routers: RouterBook, entry: Entry): string {
  const [first, second] = entry.halves.map(({ router }) => {
    const record = routers.find(router);
    const place = record?.endpoint === undefined ? 'an unknown address' : formatEndpoint(record.endpoint);
    return `${place} (${router}${record?.behindNat === true ? ', behind a NAT' : ''})`;
  });
  return `no path between the seen addresses ${first} and ${second}`;
}
