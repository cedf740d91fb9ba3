/** What the bench says of several measurements. */
import { describe, expect, it } from 'vitest';
import { best, median, medianRatio } from '../../../../tools/bench/statistics.ts';

describe('the statistics of the bench', () => {
  it('take the middle value, or the mean of the middle two, in any order and without touching the list', () => {
    const values = [9, 1, 5];
    expect(median(values)).toBe(5);
    expect(values).toEqual([9, 1, 5]);
    expect(median([4, 1, 3, 100])).toBe(3.5);
    expect(median([7])).toBe(7);
    expect(() => median([])).toThrow('expected at least one value');
  });

  it('tell a speed by the best', () => {
    expect(best([3, 10, 2])).toBe(10);
    expect(() => best([])).toThrow('expected at least one value');
  });

  it('tell a ratio by the median over rounds, so that one bad round of either side counts for nothing', () => {
    expect(medianRatio([20, 40, 2], [10, 20, 20])).toBe(2);
    // A machine that is half as fast in one round is so for both.
    expect(medianRatio([30, 15, 30], [10, 5, 10])).toBe(3);
    expect(() => medianRatio([1], [1, 2])).toThrow('as many rounds on both sides, found 1 and 2');
  });
});
