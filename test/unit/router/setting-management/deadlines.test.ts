import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadlines } from '../../../../host/router/setting-management/deadlines.ts';

describe('deadlines', () => {
  it('come due in order of time, and of setting where the time is the same, as a sorted list would say', () => {
    const operation = fc.oneof(
      fc.record({ set: fc.constantFrom('a', 'b', 'c', 'd', 'e'), at: fc.nat(30) }),
      fc.record({ clear: fc.constantFrom('a', 'b', 'c', 'd', 'e') }),
      fc.record({ take: fc.nat(30) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const deadlines = new Deadlines<string>();
        let model: { key: string; at: number; order: number }[] = [];
        let order = 0;
        const sorted = () => model.sort((a, b) => a.at - b.at || a.order - b.order);
        for (const step of operations) {
          if ('set' in step) {
            deadlines.set(step.set, step.at, step.set);
            model = model.filter(({ key }) => key !== step.set);
            model.push({ key: step.set, at: step.at, order: order++ });
          } else if ('clear' in step) {
            deadlines.clear(step.clear);
            model = model.filter(({ key }) => key !== step.clear);
          } else {
            const first = sorted()[0];
            const expected = first !== undefined && first.at <= step.take ? first.key : undefined;
            expect(deadlines.takeDue(step.take)).toBe(expected);
            if (expected !== undefined) model.shift();
          }
          expect(deadlines.next()).toBe(sorted()[0]?.at);
        }
      }),
    );
  });
});
