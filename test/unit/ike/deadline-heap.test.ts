import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineHeap } from '../../../host/ike/deadline-heap.ts';

describe('the heap of deadlines', () => {
  it('knows the earliest after any sets, moves and removals, as a plain search does', () => {
    const operation = fc.record({ member: fc.nat(12), deadline: fc.option(fc.nat(50), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const heap = new DeadlineHeap<number>();
        const model = new Map<number, number>();
        for (const { member, deadline } of operations) {
          heap.set(member, deadline);
          if (deadline === undefined) model.delete(member);
          else model.set(member, deadline);
          const earliest = model.size === 0 ? undefined : Math.min(...model.values());
          expect(heap.earliest).toBe(earliest);
          expect(heap.first === undefined ? undefined : model.get(heap.first)).toBe(earliest);
        }
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});
