import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineQueue, Timer } from '../../../host/server/request-processing/deadline-queue.ts';

describe('the deadline queue', () => {
  it('gives out what a sorted list would, whatever is set, moved and cancelled', () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('set' as const), timer: fc.nat(20), at: fc.nat(50) }),
      fc.record({ what: fc.constant('cancel' as const), timer: fc.nat(20), at: fc.constant(0) }),
      fc.record({ what: fc.constant('due' as const), timer: fc.constant(0), at: fc.nat(60) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new DeadlineQueue();
        const timers = Array.from({ length: 21 }, () => new Timer(() => {}));
        const model = new Map<Timer, number>();
        for (const { what, timer: index, at } of steps) {
          const timer = timers[index]!;
          if (what === 'set') {
            queue.set(timer, at);
            model.set(timer, at);
          } else if (what === 'cancel') {
            queue.cancel(timer);
            model.delete(timer);
          } else {
            const earliest = Math.min(...model.values());
            const due = queue.due(at);
            expect(due === undefined).toBe(earliest > at);
            if (due !== undefined) {
              expect(model.get(due)).toBe(earliest);
              model.delete(due);
            }
          }
          expect(queue.next()).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
          for (const one of timers) expect(one.place >= 0).toBe(model.has(one));
        }
      }),
      { numRuns: 300 },
    );
  });
});
