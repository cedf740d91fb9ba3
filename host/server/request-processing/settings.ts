/**
 * Intervals, counts and bounds of request processing. The defaults are those of docs/protocol.md; the policy file may
 * change them, a lab shortens them.
 */
export interface ProcessingSettings {
  /** Between two request-startups, and from the last one to no-response. */
  readonly startupIntervalMs: number;
  readonly startupTries: number;
  /** First repetition of a distribution or withdrawal; each further one after twice as long, up to the cap. */
  readonly repeatMs: number;
  readonly repeatCapMs: number;
  /** From the distribution to both installed. */
  readonly installWithinMs: number;
  /** How much longer than its SAs an entry lives. */
  readonly outliveMs: number;
  /** How long a deleted id is remembered. */
  readonly tombstoneMs: number;
  /** Times that a final answer or an endpoint is sent, since nothing acknowledges them. */
  readonly noticeTries: number;
  readonly maximumEntries: number;
  /** Entries that name one router: bounds what a single router can make the server hold. */
  readonly maximumEntriesOfRouter: number;
  /** New entries that one router may cause: sustained rate, and in one burst. */
  readonly newEntriesPerSecond: number;
  readonly newEntriesBurst: number;
}

export const defaultProcessingSettings: ProcessingSettings = {
  startupIntervalMs: 5000,
  startupTries: 6,
  repeatMs: 250,
  repeatCapMs: 16_000,
  installWithinMs: 60_000,
  outliveMs: 60_000,
  tombstoneMs: 60_000,
  noticeTries: 3,
  maximumEntries: 500_000,
  maximumEntriesOfRouter: 50_000,
  newEntriesPerSecond: 200,
  newEntriesBurst: 2000,
};

/** Time until the repetition after `tries` sends: doubling, capped. */
export function repeatAfterMs(settings: ProcessingSettings, tries: number): number {
  return Math.min(settings.repeatMs * 2 ** Math.max(0, tries - 1), settings.repeatCapMs);
}
