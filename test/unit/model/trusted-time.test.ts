import { describe, expect, it } from 'vitest';
import { TrustedTime, utcText } from '../../../host/model/trusted-time.ts';

const hourMs = 3_600_000;
const built = Date.UTC(2026, 10, 1);

function time(lastSeenUtcMs?: number, startedAt = 1000): TrustedTime {
  return new TrustedTime({ buildUtcMs: built, lastSeenUtcMs, startedAt });
}

describe('the time on a machine without a clock', () => {
  it('is never before the software was built, wherever the clock stands', () => {
    expect(time().atLeast(1000)).toBe(built);
    expect(time().atLeastBy(1000, 0)).toBe(built);
    expect(time(0).atLeast(1000)).toBe(built);
  });

  it('is never before the latest time seen, and goes on from there', () => {
    expect(time(built + hourMs).atLeast(1000)).toBe(built + hourMs);
    expect(time(built + hourMs).atLeast(1000 + 5)).toBe(built + hourMs + 5);
    expect(time(built - hourMs).atLeast(1000)).toBe(built);
  });

  it('takes the server’s word, and never goes back by it', () => {
    const board = time();
    board.learn(built + 2 * hourMs, 2000);
    expect(board.atLeast(2000)).toBe(built + 2 * hourMs);
    // A server whose clock was turned back.
    board.learn(built, 3000);
    expect(board.atLeast(3000)).toBe(built + 2 * hourMs + 1000);
    board.learn(Number.NaN, 3000);
    board.learn(Number.POSITIVE_INFINITY, 3000);
    expect(board.atLeast(3000)).toBe(built + 2 * hourMs + 1000);
  });

  it('counts the machine’s own clock where it is later, and does not remember it', () => {
    const pc = time();
    expect(pc.atLeastBy(1000, built + 9 * hourMs)).toBe(built + 9 * hourMs);
    expect(pc.atLeast(1000)).toBe(built);
    expect(pc.dueAtExpiry(1000)).toBe(built);
  });
});

describe('what is written down', () => {
  it('is the server’s word, at most once an hour', () => {
    const board = time(built);
    board.learn(built + hourMs - 1, 1000);
    expect(board.due(1000)).toBeUndefined();
    expect(board.due(1001)).toBe(built + hourMs);
    board.isPersisted(built + hourMs);
    expect(board.due(1002)).toBeUndefined();
    expect(board.due(1001 + hourMs)).toBe(built + 2 * hourMs);
  });

  it('is whatever is new when something was seen to expire', () => {
    const board = time(built);
    expect(board.dueAtExpiry(1000)).toBeUndefined();
    expect(board.dueAtExpiry(1005)).toBe(built + 5);
    board.isPersisted(built + 5);
    expect(board.dueAtExpiry(1005)).toBeUndefined();
  });

  it('keeps an expired certificate expired across a power cut, whatever the server says then', () => {
    const notAfter = built + 10 * hourMs;
    const before = time(built);
    before.learn(notAfter + 1, 1000);
    const kept = before.dueAtExpiry(1000);
    const after = new TrustedTime({ buildUtcMs: built, lastSeenUtcMs: kept, startedAt: 0 });
    after.learn(built, 10);
    expect(after.atLeast(10)).toBeGreaterThan(notAfter);
  });
});

it('is shown in UTC, to the second', () => {
  expect(utcText(Date.UTC(2026, 1, 3, 4, 5, 6, 789))).toBe('2026-02-03 04:05:06 UTC');
});
