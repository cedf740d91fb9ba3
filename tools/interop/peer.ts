/** What every stranger brings to `npm run interop`: combinations with names, and a way to play them. */
import type { Outcome } from './verdict.ts';

export interface PlayOptions {
  /** Whether the combination of this name is to be played. */
  readonly isChosen: (name: string) => boolean;
  /** Conversations at a time, where the peer can have several. */
  readonly jobs: number;
  /** Of this run, apart from others on the machine. */
  readonly name: string;
  readonly print: (text: string) => void;
  /** Aborted when the run is to end at once: then `play` clears up and rejects with Interrupted. */
  readonly signal: AbortSignal;
}

export interface Played {
  readonly matrix: string;
  /** Every difference; empty when there is none. */
  readonly problems: string;
  readonly outcomes: readonly Outcome[];
  /** The document of `--json`. */
  readonly report: object;
}

export interface Peer {
  /** Names of all combinations, in order. */
  readonly names: readonly string[];
  /** Plays those that are chosen, in order, and leaves nothing behind on the machine. Throws HostError. */
  readonly play: (options: PlayOptions) => Promise<Played>;
}
