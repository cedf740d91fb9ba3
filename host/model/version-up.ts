/**
 * What a router says of its own software: the board and the slot that it runs from, and what became of its last version-up. The
 * words are those of the record that a board keeps (StateStore `version-up`), of the setting protocol and of what people see.
 */
import type { UtcMs } from './trusted-time.ts';

/** How far a version-up came. `none`: there never was one. */
export const versionUpStages = ['none', 'writing', 'trial', 'confirmed', 'reverted', 'refused'] as const;
export type VersionUpStage = (typeof versionUpStages)[number];

export interface VersionUpStanding {
  /** Name of the board; empty on a machine that is none. */
  readonly board: string;
  /** The slot that runs; empty without slots. */
  readonly slot: '' | 'a' | 'b';
  /** The version that was to come; empty when there never was one. */
  readonly version: string;
  readonly stage: VersionUpStage;
  /** Why it was reverted or refused; otherwise empty. */
  readonly reason: string;
  /** When this stage began, by the router's clock: tells one attempt from another. 0 when there never was one. */
  readonly at: UtcMs;
}

/** Of a machine that has no slots. */
export const noVersionUp: VersionUpStanding = {
  board: '',
  slot: '',
  version: '',
  stage: 'none',
  reason: '',
  at: 0,
};

/** What the host injects into a running router, so that its server can bring it to another version. */
export interface VersionUp {
  /** As the board's record has it now. */
  readonly standing: () => VersionUpStanding;
  /**
   * Fetches `version` and puts it on trial; an empty `url` is the one of the settings. Never throws: what came of it is in the
   * standing when the promise resolves, `refused` with the reason where nothing did. One that runs already is not
   * started a second time.
   */
  readonly upgrade: (version: string, url: string) => Promise<void>;
}

/** A release's version as in `1.4.0` or `2.0.0-rc.1`; at most 63 characters. */
export const releaseVersionPattern = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,62}$/;
/** Where a release is to be had, as one word of printable ASCII; at most 255 characters. */
export const releaseUrlPattern = /^[\x21-\x7e]{1,255}$/;
