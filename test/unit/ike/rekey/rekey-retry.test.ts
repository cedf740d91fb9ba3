import { describe, expect, it } from 'vitest';
import { RekeyRetry } from '../../../../host/ike/rekey/rekey-retry.ts';

describe('a rekeying that met TEMPORARY_FAILURE', () => {
  it('waits for a random time that doubles, and not for more than three minutes', () => {
    const waits: number[] = [];
    const retry = new RekeyRetry(() => Uint8Array.of(128));
    let now = 1000;
    expect(retry.holds(now)).toBe(false);
    while (retry.again(now)) {
      expect(retry.holds(now)).toBe(true);
      const until = retry.waitsUntil!;
      expect(retry.holds(until - 1)).toBe(true);
      expect(retry.holds(until)).toBe(false);
      waits.push(until - now);
      now = until;
    }
    expect(waits.slice(0, 6)).toEqual([1000, 2000, 4000, 8000, 16_000, 16_000]);
    expect(now - 1000).toBeGreaterThanOrEqual(180_000);
    expect(now - 1000).toBeLessThan(200_000);
  });

  it('draws its wait, so that two ends part', () => {
    const wait = (octet: number): number => {
      const retry = new RekeyRetry(() => Uint8Array.of(octet));
      retry.again(0);
      return retry.waitsUntil!;
    };
    expect(wait(0)).toBe(500);
    expect(wait(255)).toBeCloseTo(1496, 0);
  });

  it('begins with a short wait again after a success', () => {
    const retry = new RekeyRetry(() => Uint8Array.of(128));
    retry.again(0);
    retry.again(1000);
    retry.reset();
    expect(retry.holds(0)).toBe(false);
    retry.again(500_000);
    expect(retry.waitsUntil).toBe(501_000);
  });
});
