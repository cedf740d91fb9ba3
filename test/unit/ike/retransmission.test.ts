import { describe, expect, it } from 'vitest';
import {
  defaultRetransmission,
  promptRetransmission,
  Retransmission,
} from '../../../host/ike/retransmission.ts';

/** Waits between the transmissions of a request that is never answered, and the one before giving up. */
function waits(times: typeof defaultRetransmission): number[] {
  const retransmission = new Retransmission(times, 0);
  const found: number[] = [];
  for (let last = 0; ; ) {
    const now = retransmission.deadline;
    expect(retransmission.expire(now - 1)).toBe('wait');
    found.push(Math.round(now - last));
    last = now;
    if (retransmission.expire(now) === 'give-up') return found;
  }
}

describe('retransmission', () => {
  it('follows the schedule that strongSwan documents: 4 s, each wait 1.8 times the last, five tries', () => {
    expect(waits(defaultRetransmission)).toEqual([4000, 7200, 12_960, 23_328, 41_990, 75_583]);
  });

  it('is quicker on the channel', () => {
    expect(waits(promptRetransmission)).toEqual([500, 900, 1620, 2916, 5249, 9448]);
  });

  it('counts from when a late deadline was handled, and does not catch up in a burst', () => {
    const retransmission = new Retransmission(promptRetransmission, 0);
    expect(retransmission.expire(10_000)).toBe('resend');
    expect(retransmission.deadline).toBe(10_900);
  });
});
