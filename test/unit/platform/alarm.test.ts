import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Alarm } from '../../../host/platform/alarm.ts';

/** The boot-time clock, with a fraction as it really has. */
const start = 5_000_000.25;
let rings: number[];
let alarm: Alarm;

const now = () => start + performance.now() - origin;
let origin: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  origin = performance.now();
  rings = [];
  alarm = new Alarm(now, () => rings.push(now() - start));
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the alarm', () => {
  it('rings once, at its time and not before', () => {
    alarm.set(start + 100);
    vi.advanceTimersByTime(99);
    expect(rings).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(rings).toEqual([100]);
  });

  it('is rather late than early with a fraction of a millisecond', () => {
    alarm.set(start + 10.4);
    vi.advanceTimersByTime(100);
    expect(rings).toEqual([11]);
  });

  it('rings at once for what is over, though not within the call', () => {
    alarm.set(start - 5000);
    expect(rings).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(rings).toHaveLength(1);
  });

  it('has one time: a new one replaces it, earlier or later', () => {
    alarm.set(start + 100);
    alarm.set(start + 50);
    alarm.set(start + 200);
    vi.advanceTimersByTime(1000);
    expect(rings).toEqual([200]);
  });

  it('is off with undefined', () => {
    alarm.set(start + 100);
    alarm.set(undefined);
    vi.advanceTimersByTime(1000);
    expect(rings).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('may be set anew to the same time after it rang, and by what it rings', () => {
    let again = 3;
    alarm = new Alarm(now, () => {
      rings.push(now() - start);
      again -= 1;
      if (again > 0) alarm.set(start + 100);
    });
    alarm.set(start + 100);
    vi.advanceTimersByTime(1000);
    // The fake clock's shortest wait is one millisecond.
    expect(rings).toEqual([100, 101, 102]);
  });

  it('keeps one timer for the same time, however often it is set', () => {
    for (let times = 0; times < 100; times++) alarm.set(start + 100);
    expect(vi.getTimerCount()).toBe(1);
  });

  it('lets its owner look again where a Node timer cannot reach, and never rings at once for the far future', () => {
    alarm = new Alarm(now, () => {
      rings.push(now() - start);
      if (now() < start + 2 ** 32) alarm.set(start + 2 ** 32);
    });
    alarm.set(start + 2 ** 32);
    vi.advanceTimersByTime(2 ** 31 - 2);
    expect(rings).toEqual([]);
    vi.advanceTimersByTime(2 ** 31 + 1000);
    expect(rings).toEqual([2 ** 31 - 1, 2 ** 32 - 2, 2 ** 32]);
  });
});
