/**
 * Commit-confirm: settings that were changed are on trial until the server has answered under them, or a person confirms them;
 * what cuts the router off from its server is taken back by itself. Pure: `handle(event, now)` returns actions,
 * `nextDeadline()` says when to call again.
 *
 * | state    | on                                                 | does                            | goes to  |
 * | -------- | -------------------------------------------------- | ------------------------------- | -------- |
 * | none     | begin                                              |                                 | on trial |
 * | on trial | every second                                       | ask the server                  | same     |
 * | on trial | the server answered what was asked after the change | confirm, unless a person has to | none     |
 * | on trial | a person confirms                                  | confirm                         | none     |
 * | on trial | a person takes it back; it cannot be put in force  | revert                          | none     |
 * | on trial | its time is over                                   | revert                          | none     |
 */
import { addSeconds, earliest, type Instant } from '../model/instant.ts';

/** Time enough for a new channel with a repetition or two of each message, and for a person to notice. */
export const defaultTrialSeconds = 60;

const askEverySeconds = 1;

/** What is heard so soon after the change may have been on its way before it. */
const settleSeconds = 2;

export type TrialEvent =
  /** The revision is being put in force. */
  | { readonly kind: 'begin'; readonly number: number; readonly seconds: number; readonly isManual: boolean }
  /** The channel is up, and something authentic came from the server at `heardAt`. */
  | { readonly kind: 'heard'; readonly heardAt: Instant }
  | { readonly kind: 'confirm' }
  | { readonly kind: 'give-up'; readonly reason: string }
  | { readonly kind: 'deadline' };

export type TrialAction =
  | { readonly kind: 'ask-server' }
  | { readonly kind: 'confirm'; readonly number: number; readonly reason: string }
  | { readonly kind: 'revert'; readonly number: number; readonly reason: string };

interface Trial {
  readonly number: number;
  readonly begunAt: Instant;
  readonly endsAt: Instant;
  readonly seconds: number;
  readonly isManual: boolean;
  askAt: Instant;
  hasHeard: boolean;
}

export class TrialMachine {
  #trial: Trial | undefined;

  /** The revision on trial, and how long it still is. */
  status(now: Instant):
    | {
        readonly number: number;
        readonly secondsLeft: number;
        readonly isManual: boolean;
        readonly hasHeard: boolean;
      }
    | undefined {
    if (this.#trial === undefined) return undefined;
    const { number, endsAt, isManual, hasHeard } = this.#trial;
    return { number, isManual, hasHeard, secondsLeft: Math.max(0, (endsAt - now) / 1000) };
  }

  /** When `handle({kind: 'deadline'})` is due; undefined while nothing is on trial. */
  nextDeadline(): Instant | undefined {
    return earliest(this.#trial?.askAt, this.#trial?.endsAt);
  }

  handle(event: TrialEvent, now: Instant): TrialAction[] {
    if (event.kind === 'begin') {
      const { number, seconds, isManual } = event;
      this.#trial = {
        number,
        seconds,
        isManual,
        begunAt: now,
        endsAt: addSeconds(now, seconds),
        askAt: addSeconds(now, askEverySeconds),
        hasHeard: false,
      };
      return [];
    }
    const trial = this.#trial;
    if (trial === undefined) return [];
    switch (event.kind) {
      case 'heard':
        if (event.heardAt < addSeconds(trial.begunAt, settleSeconds)) return [];
        trial.hasHeard = true;
        return trial.isManual ? [] : this.#end('confirm', 'the server answered');
      case 'confirm':
        return this.#end(
          'confirm',
          trial.hasHeard ? 'confirmed by hand' : 'confirmed by hand, before the server had answered',
        );
      case 'give-up':
        return this.#end('revert', event.reason);
      case 'deadline':
        return this.#deadline(trial, now);
    }
  }

  #deadline(trial: Trial, now: Instant): TrialAction[] {
    if (trial.endsAt <= now) {
      const what = trial.hasHeard ? 'nobody confirmed it' : 'the server did not answer';
      return this.#end('revert', `${what} within ${trial.seconds} s`);
    }
    if (trial.askAt > now) return [];
    trial.askAt = addSeconds(now, askEverySeconds);
    return [{ kind: 'ask-server' }];
  }

  #end(kind: 'confirm' | 'revert', reason: string): TrialAction[] {
    const number = this.#trial?.number ?? 0;
    this.#trial = undefined;
    return [{ kind, number, reason }];
  }
}
