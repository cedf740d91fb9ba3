/**
 * A version on trial: it is kept when the router's self-test with the server has gone well, within a time since the machine was started, and
 * left otherwise, with the last reason that there was. Pure: `handle(event, now)` returns actions, `nextDeadline()` says when to call again.
 *
 * | state   | on                  | does                         | goes to |
 * | ------- | ------------------- | ---------------------------- | ------- |
 * | waiting | every five seconds  | test                         | testing |
 * | testing | it went well        | confirm                      | over    |
 * | testing | it did not          |                              | waiting |
 * | both    | the time is over    | revert, with the last reason | over    |
 */
import { addSeconds, earliest, type Instant } from '../model/instant.ts';

/** Time for a slow board to start, for an uplink to come up, and for a server that is being restarted itself. */
export const defaultBootTrialSeconds = 300;

const testEverySeconds = 5;

export type BootTrialEvent =
  | { readonly kind: 'deadline' }
  | { readonly kind: 'tested'; readonly ok: boolean; readonly reason: string };

export type BootTrialAction =
  | { readonly kind: 'test' }
  | { readonly kind: 'confirm' }
  | { readonly kind: 'revert'; readonly reason: string };

export class BootTrial {
  readonly #seconds: number;
  readonly #endsAt: Instant;
  #testAt: Instant | undefined;
  #isOver = false;
  #lastReason = 'no self-test came to an end';

  /**
   * @param machineStartedAt what the time counts from: a process that ends and is started again has no more of it
   * @param now the first self-test is due
   */
  constructor(machineStartedAt: Instant, seconds: number, now: Instant) {
    this.#seconds = seconds;
    this.#endsAt = addSeconds(machineStartedAt, seconds);
    this.#testAt = now;
  }

  /** When `handle({kind: 'deadline'})` is due; undefined when the trial is over. */
  nextDeadline(): Instant | undefined {
    return this.#isOver ? undefined : earliest(this.#testAt, this.#endsAt);
  }

  handle(event: BootTrialEvent, now: Instant): BootTrialAction[] {
    if (this.#isOver) return [];
    if (event.kind === 'tested') {
      if (event.ok) return this.#end({ kind: 'confirm' });
      this.#lastReason = event.reason;
      this.#testAt = addSeconds(now, testEverySeconds);
    }
    if (now >= this.#endsAt) {
      const reason = `not well within ${this.#seconds} s of its start: ${this.#lastReason}`;
      return this.#end({ kind: 'revert', reason });
    }
    if (this.#testAt === undefined || now < this.#testAt) return [];
    this.#testAt = undefined;
    return [{ kind: 'test' }];
  }

  #end(action: BootTrialAction): BootTrialAction[] {
    this.#isOver = true;
    return [action];
  }
}
