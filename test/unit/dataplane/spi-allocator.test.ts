import { describe, expect, it } from 'vitest';
import type { SaPair } from '../../../host/dataplane/engine.ts';
import { sharesOf } from '../../../host/dataplane/shares.ts';
import { SpiAllocator, workerOfSpi } from '../../../host/dataplane/spi-allocator.ts';
import { pair, protect, selector } from '../../property/dataplane/engines.ts';

/** Every bit differs from one call to the next. */
function alternating(): () => number {
  let last = 0x5555_5555;
  return () => {
    last = ~last >>> 0;
    return last;
  };
}

describe('SPIs of a router with several workers', () => {
  it('say in their two highest bits whose they are, and in the lowest where', () => {
    const spis = new SpiAllocator(4, alternating(), 3);
    expect(spis.available).toBe(12);
    for (const worker of [0, 1, 2]) {
      const chosen = [1, 2, 3, 4].map(() => spis.allocate(new Set(), worker) ?? 0);
      expect(chosen.map((spi) => workerOfSpi(spi, 3))).toEqual([worker, worker, worker, worker]);
      expect(chosen.map((spi) => spi & 3)).toEqual([0, 1, 2, 3]);
      expect(spis.allocate(new Set(), worker)).toBeUndefined();
    }
    expect(spis.available).toBe(0);
  });

  it('are given back to the worker that had them', () => {
    const spis = new SpiAllocator(2, alternating(), 2);
    const [first, second] = [spis.allocate(new Set(), 0) ?? 0, spis.allocate(new Set(), 1) ?? 0];
    spis.allocate(new Set(), 0);
    spis.allocate(new Set(), 1);
    spis.release(second);
    expect(spis.allocate(new Set(), 0)).toBeUndefined();
    expect((spis.allocate(new Set(), 1) ?? 0) & 1).toBe(second & 1);
    spis.release(first);
    expect((spis.allocate(new Set(), 0) ?? 0) & 1).toBe(first & 1);
  });

  it('are random to the highest bit where there is one', () => {
    const spis = new SpiAllocator(4, alternating());
    const highest = [1, 2, 3, 4].map(() => (spis.allocate() ?? 0) >>> 30);
    expect(new Set(highest)).toEqual(new Set([1, 2]));
  });

  it.each([0, 5, 1.5])('are refused for %s workers', (workers) => {
    expect(() => new SpiAllocator(4, alternating(), workers)).toThrow('expected 1 to 4 workers');
  });
});

describe('the shares of a table change', () => {
  const entry = protect('to-b', [selector('10.1.0.0/16', '10.2.0.0/16')]);
  const made = (spi: number): SaPair => pair(spi, spi + 1);

  it('are the change itself for one worker', () => {
    const change = { spd: [entry], use: [0xc000_0001] };
    expect(sharesOf(change, 1)).toEqual([change]);
  });

  it('go by the SPI, and all get the SPD and its blocks', () => {
    const [low, high] = [made(0x1001), made(0x4000_1002)];
    const shares = sharesOf(
      {
        spd: [entry],
        block: [{ entry: 'to-b', selectors: [] }],
        install: [
          { pair: low, use: true },
          { pair: high, use: false },
        ],
        reserve: [0x4000_0100],
        release: [0x100],
        use: [0x4000_1002],
        remove: [0x1003],
        move: [{ spi: 0x4000_1002, peer: high.outbound.peer }],
      },
      2,
    );
    const forAll = { spd: [entry], block: [{ entry: 'to-b', selectors: [] }] };
    expect(shares).toEqual([
      { ...forAll, install: [{ pair: low, use: true }], release: [0x100], remove: [0x1003] },
      {
        ...forAll,
        install: [{ pair: high, use: false }],
        reserve: [0x4000_0100],
        use: [0x4000_1002],
        move: [{ spi: 0x4000_1002, peer: high.outbound.peer }],
      },
    ]);
  });

  it('are none for whom nothing concerns', () => {
    expect(sharesOf({ remove: [0x4000_0100] }, 3)).toEqual([undefined, { remove: [0x4000_0100] }, undefined]);
  });
});
