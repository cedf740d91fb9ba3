/** Rehearsals of a server at work: a round at a time, and none while routers have something to say. */

/** What is rehearsed (host/rehearsal), by its two ends. */
export interface Rehearsed {
  /** Plays a round; 0 when there is none left. */
  play(): number;
  close(): void;
}

/** How long rehearsals wait after a datagram. */
const pauseMs = 20;

export class Practice {
  readonly #rehearsed: Rehearsed;
  readonly #afterRound: () => void;
  #isAsked = false;
  #timer: NodeJS.Timeout;

  /** Begins at once; `afterRound` is called after each. */
  constructor(rehearsed: Rehearsed, afterRound: () => void) {
    this.#rehearsed = rehearsed;
    this.#afterRound = afterRound;
    this.#timer = setTimeout(() => this.#go(), 0);
  }

  /** A router has something to say. */
  interrupt(): void {
    this.#isAsked = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#rehearsed.close();
  }

  #go(): void {
    if (this.#isAsked) {
      this.#isAsked = false;
      this.#timer = setTimeout(() => this.#go(), pauseMs);
      return;
    }
    if (this.#rehearsed.play() === 0) return;
    this.#afterRound();
    this.#timer = setTimeout(() => this.#go(), 0);
  }
}
