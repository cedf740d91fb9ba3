import { describe, expect, it } from 'vitest';
import { inspectShippedEngine, makeShippedEngine } from './engine-shipped.ts';
import { runSeed } from './run-seed.ts';
import { runSeeds } from './seeds.ts';

/** On two busy cores of CI; alone it takes a quarter of it. */
const timeoutMs = 400_000;

const wasm = { makeEngine: makeShippedEngine, inspect: inspectShippedEngine };

describe('routers and a setting server over the shipped engine', () => {
  it(
    'hold every invariant in 500 worlds',
    () => {
      const totals = runSeeds(1, 500, { wasm });
      expect(totals.delivered).toBeGreaterThan(50 * totals.seeds);
    },
    timeoutMs,
  );

  it('pass traffic as with the model', () => {
    const share = (seed: number, options: Parameters<typeof runSeed>[1]) => {
      const { delivered, packets } = runSeed(seed, options);
      return delivered / packets;
    };
    // Chance differs, because the engines draw differently; the outcome over many worlds does not.
    let difference = 0;
    for (let seed = 1; seed <= 20; seed += 1) difference += share(seed, { wasm }) - share(seed, {});
    expect(Math.abs(difference / 20)).toBeLessThan(0.1);
  });

  it('runs a seed the same way twice', () => {
    const traces = [0, 1].map(() => {
      const trace: string[] = [];
      runSeed(7, { wasm, trace });
      return trace;
    });
    expect(traces[0]?.length).toBeGreaterThan(100);
    expect(traces[0]).toEqual(traces[1]);
  });
});
