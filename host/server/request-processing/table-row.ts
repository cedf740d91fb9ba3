/** The management table as people and tests see it. It has no place for keys. */
import type { Instant } from '../../model/instant.ts';
import { formatSelector } from '../../model/selector.ts';
import type { EntryState } from '../management-table/entry.ts';
import type { Processing } from './processing.ts';

export interface ManagementTableRow {
  readonly key: string;
  readonly state: EntryState;
  readonly kind: string;
  /** Of the pairs that the two have side by side for the same traffic. */
  readonly lane: number;
  readonly revision: number;
  readonly routers: readonly [TableHalf, TableHalf];
  /** Seen from the first router; empty after a restart of the server. */
  readonly selectors: readonly string[];
  /** True while the server still holds the keys. */
  readonly holdsKeys: boolean;
  /** Of the SAs; of a half-empty entry: until the server gives up. */
  readonly remainingSeconds: number;
  readonly reason: string;
}

export interface TableHalf {
  readonly router: string;
  readonly id: string | null;
  readonly spi: number | null;
  readonly installed: boolean;
  readonly withdrawn: boolean;
}

export function tableRows(processing: Processing, now: Instant): ManagementTableRow[] {
  const { settings } = processing;
  return [...processing.table.entries()].map((entry) => {
    const [first, second] = entry.halves.map((half) => ({
      router: half.router,
      id: half.request?.id ?? null,
      spi: half.request?.spi ?? null,
      installed: half.installed,
      withdrawn: half.withdrawn,
    }));
    const end =
      entry.state === 'half-empty'
        ? entry.repeatAt + (settings.startupTries - entry.tries) * settings.startupIntervalMs
        : entry.expiresAt;
    const selectors =
      entry.issue?.selectors ?? entry.halves.find((half) => half.request)?.request?.selectors ?? [];
    return {
      key: entry.key,
      state: entry.state,
      kind: entry.kind,
      lane: entry.lane,
      revision: entry.revision,
      routers: [first as TableHalf, second as TableHalf], // halves are two, and map keeps their number
      selectors: selectors.map(formatSelector),
      holdsKeys: entry.issue?.keys != null,
      remainingSeconds: Math.max(0, Math.round((end - now) / 1000)),
      reason: entry.reason,
    };
  });
}
