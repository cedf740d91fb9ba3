/** Who runs when in the bench. Nothing here depends on how fast anything is. */
import { describe, expect, it } from 'vitest';
import { type Contestant, runSlice, takeTurns } from '../../../../tools/bench/turns.ts';

describe('turns', () => {
  const recorder = () => {
    const order: string[] = [];
    let running = 0;
    const contestant = (name: string, octetsPerRun: number): Contestant => ({
      name,
      octetsPerRun,
      async slice() {
        expect(++running).toBe(1);
        await Promise.resolve();
        running--;
        order.push(name);
        return { secondsPerRun: 0.4 };
      },
    });
    return { order, contestant };
  };

  it('are taken by one at a time, after a warm-up, and each round begins with the next', async () => {
    const { order, contestant } = recorder();
    await takeTurns([contestant('a', 1), contestant('b', 1), contestant('c', 1)], 0.001);
    expect(order.join('')).toBe('abc' + 'abc' + 'bca' + 'cab');
  });

  it('get more where there is more time, and give speeds in octets a second', async () => {
    const { order, contestant } = recorder();
    const speeds = await takeTurns([contestant('a', 4), contestant('b', 6)], 1);
    expect(order.length).toBe(2 + 2 * 10);
    expect(speeds).toEqual([Array(10).fill(10), Array(10).fill(15)]);
  });

  it('prepare every run, and run at least once', () => {
    const calls: string[] = [];
    const work = { prepare: () => calls.push('prepare'), run: () => calls.push('run') };
    const { secondsPerRun } = runSlice(work, 0);
    expect(secondsPerRun).toBeGreaterThanOrEqual(0);
    expect(calls.slice(0, 2)).toEqual(['prepare', 'run']);
  });
});
