/**
 * One row of the management table: what two routers asked for and were given, without the keys. This is also the form in
 * which the store keeps it; keys live in request processing's memory only, so that this type has no room for them.
 */
import type { MessageId } from '../../messages/message.ts';
import type { Spi } from '../../model/security-association.ts';

/** The states of host/server/README.md's transition table. */
export type EntryState = 'half-empty' | 'distributed' | 'both-installed' | 'withdrawing';

/** What one router asked for. */
export interface StoredHalf {
  readonly router: string;
  /** Id and SPI of the router's request; null while it has not asked. */
  readonly request: { readonly id: MessageId; readonly spi: Spi } | null;
  readonly installed: boolean;
  /** True when the router has said that it has deleted this, or has forgotten it in a restart. */
  readonly withdrawn: boolean;
}

export interface StoredEntry {
  /** Id of the request that made the entry; also the id of its request-startup. Unique and never reused. */
  readonly key: string;
  readonly state: EntryState;
  readonly kind: string;
  /** Which of the pairs that the two routers have side by side for this traffic. */
  readonly lane: number;
  /** Revision of the policy that was handed out. */
  readonly revision: number;
  /** What the policies said when it was handed out (pair-setting.ts). */
  readonly digest: string;
  /** When the SAs end: milliseconds since 1970-01-01 UTC, since the boot-time clock does not outlive the machine. */
  readonly expiresAtUtcMs: number;
  /** Why it is being withdrawn; otherwise empty. */
  readonly reason: string;
  readonly halves: readonly [StoredHalf, StoredHalf];
}
