import { describe, expect, it } from 'vitest';
import { runSeeds } from './seeds.ts';

/** On two busy cores of CI; alone it takes a quarter of it. */
const timeoutMs = 400_000;

describe('routers and a setting server over the model of the engine', () => {
  it(
    'hold every invariant in 5,000 worlds (first half of 10,000)',
    () => {
      const totals = runSeeds(1, 5_000);
      // The worlds were not empty, and all kinds of trouble were there.
      expect(totals.delivered).toBeGreaterThan(50 * totals.seeds);
      expect(Object.keys(totals.profiles).sort()).toEqual([
        'calm',
        'crashes',
        'deaf',
        'edits',
        'everything',
        'lossy',
      ]);
    },
    timeoutMs,
  );
});
