/**
 * The statistics of dudect (Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?", DATE 2017): Welch's t of two
 * classes of times, over all samples, over those below each of a hundred percentiles, and over squared distances from the
 * mean. Decides nothing: what t means is `judgement.ts`.
 */

/** Crops: the larger the number, the fewer samples are left out (dudect's `prepare_percentiles`). */
const CROPS = 100;
/** Fewer samples than this of a class say nothing: t is only then nearly normal, whatever the times look like. */
const FEWEST = 500;

/** Of each test the t farthest from 0; positive where the first class takes longer. */
export interface TimingTests {
  readonly raw: number;
  readonly cropped: number;
  readonly secondOrder: number;
}

/** Number, mean and sum of squared distances from it, kept as values arrive (Welford). */
export class Moments {
  count = 0;
  mean = 0;
  #squares = 0;

  add(value: number): void {
    this.count++;
    const distance = value - this.mean;
    this.mean += distance / this.count;
    this.#squares += distance * (value - this.mean);
  }

  /** Unbiased; 0 while there are fewer than two values. */
  get variance(): number {
    return this.count < 2 ? 0 : this.#squares / (this.count - 1);
  }
}

/** Welch's t; 0 where neither class varies and both are the same. */
export function welch(first: Moments, second: Moments): number {
  const difference = first.mean - second.mean;
  const error = Math.sqrt(first.variance / first.count + second.variance / second.count);
  return difference === 0 ? 0 : difference / error;
}

/** Share of the samples that crop `index` leaves: 1 - 2^-0.1, ..., 1 - 2^-10. */
export function cropShare(index: number): number {
  return 1 - 0.5 ** ((10 * (index + 1)) / CROPS);
}

/**
 * All tests over `count` samples.
 *
 * @param times        in whole nanoseconds
 * @param secondClass  1 for a sample of the second class, otherwise 0
 */
export function timingTests(times: Float64Array, secondClass: Uint8Array, count: number): TimingTests {
  // The class rides in the lowest bit, so that sorting numbers sorts samples.
  const sorted = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    sorted[index] = 2 * (times[index] ?? 0) + (secondClass[index] ?? 0);
  }
  sorted.sort();
  const [first, second] = [new Moments(), new Moments()];
  let cropped = 0;
  let next = 0;
  for (let crop = 0; crop < CROPS; crop++) {
    next = take(sorted, next, Math.ceil(cropShare(crop) * count), first, second);
    cropped = farther(cropped, tested(first, second));
  }
  const secondOrder = tested(...squaredDistances(sorted, next, first.mean, second.mean));
  take(sorted, next, count, first, second);
  return { raw: tested(first, second), cropped, secondOrder };
}

/**
 * Adds the samples from `from` up to `to`, and those behind that took as long as the last one: half of a tie would be one class.
 *
 * @returns the first sample not added
 */
function take(sorted: Float64Array, from: number, to: number, first: Moments, second: Moments): number {
  const longest = Math.floor((sorted[to - 1] ?? 0) / 2);
  let at = from;
  for (; at < sorted.length; at++) {
    const sample = sorted[at] ?? 0;
    const time = Math.floor(sample / 2);
    if (at >= to && time > longest) break;
    (sample % 2 === 0 ? first : second).add(time);
  }
  return at;
}

/** Of the first `count` samples: dudect's centered product, with which a difference in variance becomes one of means. */
function squaredDistances(sorted: Float64Array, count: number, firstMean: number, secondMean: number) {
  const [first, second] = [new Moments(), new Moments()];
  for (let at = 0; at < count; at++) {
    const sample = sorted[at] ?? 0;
    const time = Math.floor(sample / 2);
    if (sample % 2 === 0) first.add((time - firstMean) ** 2);
    else second.add((time - secondMean) ** 2);
  }
  return [first, second] as const;
}

function tested(first: Moments, second: Moments): number {
  return first.count < FEWEST || second.count < FEWEST ? 0 : welch(first, second);
}

/** The one of two t that is farther from 0. */
export function farther(one: number, other: number): number {
  return Math.abs(other) > Math.abs(one) ? other : one;
}
