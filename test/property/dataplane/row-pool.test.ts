/** The pool of rows against a bitmap: no row is handed out twice, none is lost, and gaps grow together again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowPool, type RowRange } from '../../../host/dataplane/row-pool.ts';

const capacity = 50;

describe('the row pool', () => {
  it('hands out rows that nobody else has, whenever there is a gap that is long enough', () => {
    const step = fc.record({ allocate: fc.boolean(), value: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const pool = new RowPool(capacity);
        const taken = new Array<boolean>(capacity).fill(false);
        const held: RowRange[] = [];
        for (const { allocate, value } of steps) {
          if (allocate) {
            const gaps = taken
              .map((one) => (one ? 'x' : '.'))
              .join('')
              .split('x');
            const range = pool.allocate(value);
            expect(range !== undefined).toBe(gaps.some((gap) => gap.length >= value));
            if (range === undefined) continue;
            expect(range.count).toBe(value);
            for (let row = range.first; row < range.first + value; row++) {
              expect(taken[row]).toBe(false);
              taken[row] = true;
            }
            held.push(range);
          } else if (held.length > 0) {
            const [range] = held.splice(value % held.length, 1);
            pool.free(range!);
            taken.fill(false, range!.first, range!.first + range!.count);
          }
          expect(pool.available).toBe(taken.filter((one) => !one).length);
        }
        for (const range of held) pool.free(range);
        expect(pool.allocate(capacity)).toEqual({ first: 0, count: capacity });
      }),
      { numRuns: 200 },
    );
  });
});
