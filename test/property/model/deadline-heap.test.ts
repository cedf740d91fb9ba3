import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineHeap } from '../../../host/model/deadline-heap.ts';

describe('the heap of deadlines', () => {
  it('gives out what a sorted list would, whatever is set, moved and taken out', () => {
    const step = fc.record({
      what: fc.constantFrom('set', 'set', 'clear', 'take'),
      member: fc.nat(12),
      at: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const heap = new DeadlineHeap<number>();
        // In the order of setting: a stable sort by deadline is the whole truth.
        let model: { member: number; at: number }[] = [];
        for (const { what, member, at } of steps) {
          const sorted = [...model].sort((a, b) => a.at - b.at);
          if (what === 'take') {
            const due = sorted[0] !== undefined && sorted[0].at <= at ? sorted[0].member : undefined;
            expect(heap.takeDue(at)).toBe(due);
            model = model.filter((one) => one.member !== due);
          } else {
            model = model.filter((one) => one.member !== member);
            if (what === 'set') model.push({ member, at });
            heap.set(member, what === 'set' ? at : undefined);
          }
          const first = [...model].sort((a, b) => a.at - b.at)[0];
          expect(heap.earliest).toBe(first?.at);
          expect(heap.first).toBe(first?.member);
          expect(heap.has(member)).toBe(model.some((one) => one.member === member));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
