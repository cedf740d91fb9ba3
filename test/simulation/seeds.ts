/** Runs a range of seeds in a test, and says how to see a failing one again. */
import { expect } from 'vitest';
import { runSeed, type SeedOptions, type SeedResult } from './run-seed.ts';

/** Lines of the time sequence that stand above a failure. */
const traceTail = 40;

export interface Totals {
  seeds: number;
  packets: number;
  delivered: number;
  readonly profiles: Record<string, number>;
}

/**
 * Runs `count` seeds from `first` on; fails with the first violation. `SEKISHO_SEEDS` in the environment replaces the count,
 * for a longer search or a shorter wait.
 */
export function runSeeds(first: number, count: number, options: SeedOptions = {}): Totals {
  const wanted = Number(process.env.SEKISHO_SEEDS ?? count);
  const totals: Totals = { seeds: 0, packets: 0, delivered: 0, profiles: {} };
  for (let seed = first; seed < first + wanted; seed += 1) {
    const result = runSeed(seed, options);
    if (result.violation !== undefined) expect.fail(explain(result, options));
    totals.seeds += 1;
    totals.packets += result.packets;
    totals.delivered += result.delivered;
    totals.profiles[result.profile] = (totals.profiles[result.profile] ?? 0) + 1;
  }
  return totals;
}

/** The violation, the end of its time sequence, and the command that shows the whole. */
export function explain({ seed, profile, violation }: SeedResult, options: SeedOptions): string {
  const trace: string[] = [];
  runSeed(seed, { ...options, trace });
  const flag = options.wasm === undefined ? '' : ' --wasm';
  return [
    `seed ${seed} (${profile}): ${violation?.message ?? 'holds'}`,
    ...(violation?.invariant === 'exception' ? [violation.stack] : []),
    ...trace.slice(-traceTail),
    `the whole of it: npm run simulate -- --seed ${seed} --seeds 1 --trace${flag}`,
  ].join('\n');
}
