/** The statistics on numbers whose answers are known: by a textbook's sum, by hand, or because two classes are one. */
import { describe, expect, it } from 'vitest';
import {
  cropShare,
  farther,
  Moments,
  timingTests,
  welch,
} from '../../../../tools/constant-time/statistics.ts';

function momentsOf(values: readonly number[]): Moments {
  const moments = new Moments();
  for (const value of values) moments.add(value);
  return moments;
}

/** Reproducible, uniform in 0 ... 1 (Marsaglia's xorshift). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Tests of `count` samples; `time` says how long one of a class took. */
function testsOf(count: number, time: (second: boolean, random: () => number) => number) {
  const random = randomNumbers(0x5eed);
  const times = new Float64Array(count);
  const secondClass = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    secondClass[index] = random() < 0.5 ? 0 : 1;
    times[index] = Math.round(time(secondClass[index] === 1, random));
  }
  return timingTests(times, secondClass, count);
}

describe("Welch's t", () => {
  it('is what it is by hand', () => {
    // Means 3 and 5, variances 10/4 and 20/3: t = -2 / sqrt(2.5 / 5 + 6.6667 / 4).
    const first = momentsOf([1, 2, 3, 4, 5]);
    const second = momentsOf([2, 4, 6, 8]);
    expect([first.mean, first.variance, second.mean]).toEqual([3, 2.5, 5]);
    expect(second.variance).toBeCloseTo(20 / 3, 12);
    expect(welch(first, second)).toBeCloseTo(-1.358732, 6);
    expect(welch(second, first)).toBeCloseTo(1.358732, 6);
  });

  it('is 0 where nothing varies, and without bound where only the class does', () => {
    expect(welch(momentsOf([5, 5, 5]), momentsOf([5, 5]))).toBe(0);
    expect(welch(momentsOf([5, 5, 5]), momentsOf([4, 4]))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('moments', () => {
  it('do not lose a small spread of large numbers', () => {
    const moments = momentsOf([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]);
    expect([moments.count, moments.mean, moments.variance]).toEqual([4, 1e9 + 10, 30]);
  });
});

describe('the tests of times', () => {
  const noise = (random: () => number) => 1000 + 100 * random() + (random() < 0.02 ? 1e6 * random() : 0);

  it('find nothing in two classes that are one', () => {
    const { raw, cropped, secondOrder } = testsOf(40_000, (_, random) => noise(random));
    for (const t of [raw, cropped, secondOrder]) expect(Math.abs(t)).toBeLessThan(4.5);
  });

  it('find by cropping a difference that outliers hide', () => {
    const tests = testsOf(40_000, (second, random) => noise(random) + (second ? 5 : 0));
    expect(Math.abs(tests.raw)).toBeLessThan(4.5);
    expect(tests.cropped).toBeLessThan(-10);
  });

  it('find by the second order a difference in spread alone', () => {
    const tests = testsOf(40_000, (second, random) => 1000 + (second ? 2 : 1) * 50 * (random() - 0.5));
    expect(Math.abs(tests.raw)).toBeLessThan(4.5);
    expect(tests.secondOrder).toBeLessThan(-10);
  });

  it('do not take a shift for a difference in spread', () => {
    const tests = testsOf(40_000, (second, random) => 1000 + 100 * random() + (second ? 40 : 0));
    expect(tests.raw).toBeLessThan(-10);
    expect(Math.abs(tests.secondOrder)).toBeLessThan(4.5);
  });

  it('never part samples that took equally long, or half of a tie would be one class', () => {
    // A coarse clock: nine samples of ten are ties.
    const tests = testsOf(40_000, (_, random) => 100 * Math.floor(10 + 3 * random()));
    for (const t of [tests.raw, tests.cropped, tests.secondOrder]) expect(Math.abs(t)).toBeLessThan(4.5);
  });

  it('say nothing of a few hundred samples', () => {
    expect(testsOf(600, (second) => (second ? 2 : 1))).toEqual({ raw: 0, cropped: 0, secondOrder: 0 });
  });
});

describe('crops', () => {
  it('leave ever more, up to all but one in a thousand', () => {
    const shares = Array.from({ length: 100 }, (_, index) => cropShare(index));
    expect(shares[0]).toBeCloseTo(0.067, 3);
    expect(shares[9]).toBeCloseTo(0.5, 10);
    expect(shares[99]).toBeCloseTo(1 - 1 / 1024, 10);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  });
});

it('the farther of two t keeps its sign', () => {
  expect([farther(2, -3), farther(-3, 2), farther(0, 0)]).toEqual([-3, -3, 0]);
});
