/** What came of the messages of a fuzz run, over all worlds. */
import { type RefusalReason, refusalReasons } from '../../../host/ike/events.ts';

export interface Tally {
  /** Handed to a machine: as sent by the other one, and altered or made up. */
  genuine: number;
  altered: number;
  /** Messages that the machines sent. */
  sent: number;
  readonly actions: Record<string, number>;
  readonly refusals: Record<RefusalReason, number>;
}

export function emptyTally(): Tally {
  const refusals = Object.fromEntries(refusalReasons.map((reason) => [reason, 0]));
  return {
    genuine: 0,
    altered: 0,
    sent: 0,
    actions: {},
    refusals: refusals as Record<RefusalReason, number>, // of every reason
  };
}

export function messagesIn(tally: Tally): number {
  return tally.genuine + tally.altered;
}

export function add(sum: Tally, more: Tally): void {
  for (const count of ['genuine', 'altered', 'sent'] as const) sum[count] += more[count];
  for (const [kind, count] of Object.entries(more.actions)) {
    sum.actions[kind] = (sum.actions[kind] ?? 0) + count;
  }
  for (const reason of refusalReasons) sum.refusals[reason] += more.refusals[reason];
}
