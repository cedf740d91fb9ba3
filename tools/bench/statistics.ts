/**
 * What is said of several measurements of the same thing. Noise of a machine only ever slows down, so a speed is told by its best
 * slice (and a slice by the median of its runs, turns.ts); a ratio by the median over rounds, in each of which both sides met the same noise.
 */

/** Throws RangeError without values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined)
    throw new RangeError('expected at least one value, found none');
  return (lower + upper) / 2;
}

export function best(speeds: readonly number[]): number {
  if (speeds.length === 0) throw new RangeError('expected at least one value, found none');
  return Math.max(...speeds);
}

/** The median of `ours[i] / theirs[i]`: how often as fast we are, round by round. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length)
    throw new RangeError(`expected as many rounds on both sides, found ${ours.length} and ${theirs.length}`);
  return median(ours.map((speed, round) => speed / (theirs[round] ?? Number.NaN)));
}
