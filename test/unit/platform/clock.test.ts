import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bootTimeMs } from '../../../host/platform/clock.ts';
import { randomOctets } from '../../../host/platform/entropy.ts';

describe('bootTimeMs', () => {
  it('agrees with /proc/uptime, which counts suspend too', () => {
    const before = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
    const now = bootTimeMs();
    const after = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(after + 10);
  });

  it('never goes back and resolves less than a millisecond', () => {
    let last = bootTimeMs();
    const steps = new Set<number>();
    for (let turn = 0; turn < 1000; turn++) {
      const now = bootTimeMs();
      expect(now).toBeGreaterThanOrEqual(last);
      steps.add(now);
      last = now;
    }
    expect(steps.size).toBeGreaterThan(10);
  });
});

describe('randomOctets', () => {
  it('returns a buffer of its own that differs each time', () => {
    const first = randomOctets(32);
    const second = randomOctets(32);
    expect(first.buffer.byteLength).toBe(32);
    expect(first).not.toEqual(second);
  });
});
