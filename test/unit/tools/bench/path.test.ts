import { describe, expect, it } from 'vitest';
import type { Entrant } from '../../../../tools/bench/path/contestant.ts';
import type { Round } from '../../../../tools/bench/path/round.ts';
import { pathRows } from '../../../../tools/bench/path/rows.ts';

const entrant = (name: string, side: Entrant['side']): Entrant => ({
  name,
  side,
  start: () => Promise.reject(new Error('not started here')),
});

const round = (gigabits: number, more: Partial<Round> = {}): Round => ({
  gigabits,
  gigabitsBack: gigabits,
  smallThousands: 50,
  roundTripMs: 0.1,
  roundTripP99Ms: 0.2,
  cpuMsPerGigabit: 500,
  control: null,
  ...more,
});

const measured = [
  { entrant: entrant('plain', null), rounds: [round(10), round(12), round(11)] },
  {
    entrant: entrant('ours', 'ours'),
    rounds: [
      round(2, { roundTripMs: 0.2, smallThousands: 120 }),
      round(1, { roundTripMs: 0.21, smallThousands: 90 }),
      round(3, { roundTripMs: 0.3, roundTripP99Ms: 0.9, smallThousands: 110 }),
    ],
  },
  { entrant: entrant('strongswan x', 'strongswan'), rounds: [round(0.5), round(0.1), round(1)] },
];

describe('rows of the path bench', () => {
  it('compare ours with each peer within a round, and with plain forwarding by the medians', () => {
    const [plain, ours, strongswan] = pathRows(measured, false);
    expect(ours?.median).toMatchObject({ gigabits: 2, smallThousands: 110, roundTripMs: 0.21 });
    expect(ours?.ratio).toEqual({ 'strongswan x': 4 });
    expect(ours?.addedRoundTripMs).toBeCloseTo(0.11);
    expect(ours?.addedRoundTripP99Ms).toBeCloseTo(0);
    expect(ours?.targets.map(({ reached }) => reached)).toEqual([true, true, true, true]);
    expect([plain?.ratio, strongswan?.ratio, plain?.targets]).toEqual([{}, {}, []]);
  });

  it('want less of the wire, where every router sends real packets', () => {
    const first = (wire: boolean) => pathRows(measured, wire)[1]?.targets[0];
    expect(first(false)).toMatchObject({
      name: 'times strongswan x',
      value: 4,
      wanted: 'at least',
      bound: 4,
    });
    expect(first(true)?.bound).toBe(3);
  });

  it('have the worst of the control side, not its median', () => {
    const control = (statusMs: number, lateDeadlines: number) =>
      round(1, { control: { statusMs, lateDeadlines } });
    const rounds = [control(3, 0), control(120, 1), control(4, 1)];
    const [ours] = pathRows([{ entrant: entrant('ours', 'ours'), rounds }], false);
    expect(ours?.median.control).toEqual({ statusMs: 120, lateDeadlines: 2 });
    expect(ours?.targets.slice(1)).toMatchObject([
      { value: 120, bound: 100, reached: false },
      { value: 2, bound: 0, reached: false },
    ]);
  });

  it('do without plain forwarding and without peers', () => {
    const [ours] = pathRows(measured.slice(1, 2), false);
    expect(ours?.ratio).toEqual({});
    expect(ours?.addedRoundTripMs).toBeNull();
    expect(ours?.targets.map(({ name }) => name)).toEqual(['thousands of 64-octet packets a second']);
  });
});
