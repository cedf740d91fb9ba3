/** Random octets: fresh ones each time, whatever is asked for, and none of them left behind. */
import { describe, expect, it } from 'vitest';
import { randomOctets } from '../../../host/platform/entropy.ts';

describe('random octets', () => {
  it('are as many as asked for, in a buffer of their own', () => {
    for (const count of [0, 1, 8, 32, 1023, 1024, 1025, 5000]) {
      const octets = randomOctets(count);
      expect(octets).toHaveLength(count);
      expect(octets.buffer.byteLength).toBe(count);
    }
  });

  it('never repeat, across many refills of the stock', () => {
    const seen = new Set<string>();
    for (let index = 0; index < 5000; index++) seen.add(Buffer.from(randomOctets(16)).toString('hex'));
    expect(seen.size).toBe(5000);
  });

  it('stay random when an earlier buffer is wiped', () => {
    const first = randomOctets(32);
    first.fill(0);
    expect(randomOctets(32).some((octet) => octet !== 0)).toBe(true);
  });

  it('are spread evenly', () => {
    let ones = 0;
    const octets = 100_000;
    for (let index = 0; index < octets / 10; index++) {
      for (const octet of randomOctets(10)) ones += octet.toString(2).replaceAll('0', '').length;
    }
    // Half of 800,000 bits, within 8 standard deviations of 447.
    expect(Math.abs(ones - octets * 4)).toBeLessThan(8 * 447);
  });
});
